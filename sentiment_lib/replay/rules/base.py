"""The interface of a rule: settings that a policy file states, and a decision that depends on the view alone."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from sentiment_lib.replay.view import View

#: What a rule reads beside texts and the champion's predictions: labels of the audit sample, all known ones, or none.
Reads = Literal["none", "audit", "labels"]


class Rule(BaseModel):
    """A frozen rule; a subclass has a `kind` of its own. Unknown settings are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reads: ClassVar[Reads] = "none"

    def wants(self, view: View) -> str | None:
        """The reason to train at the end of the view's last block, or None."""
        raise NotImplementedError
