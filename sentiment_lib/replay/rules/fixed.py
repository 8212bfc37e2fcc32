"""Rules of the clock and of the number of labels: never, always, a calendar, every so many labels."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sentiment_lib.replay.rules.base import Rule
from sentiment_lib.replay.view import View


class Never(Rule):
    """The first model serves for ever."""

    kind: Literal["never"]

    def wants(self, view: View) -> str | None:  # noqa: ARG002
        """No reason."""
        return None


class Always(Rule):
    """A training after every block that brought a label."""

    kind: Literal["always"]

    def wants(self, view: View) -> str | None:
        """The number of new labels."""
        new = view.known - view.known_then[-1]
        return f"{new} labels are new" if new > 0 else None


class Calendar(Rule):
    """A training after every so many blocks."""

    kind: Literal["calendar"]
    every: int = Field(ge=1, description="blocks from one training to the next")
    phase: int = Field(0, ge=0, description="blocks by which the first one is later")

    def wants(self, view: View) -> str | None:
        """Whether this block's turn has come."""
        passed = view.block.number - view.trainings[0] - self.phase
        return f"block {view.block.number} of the calendar" if passed > 0 and passed % self.every == 0 else None


class Scheduled(Rule):
    """A training after each block of a list: a plan that was made elsewhere."""

    kind: Literal["scheduled"]
    after: tuple[int, ...]

    def wants(self, view: View) -> str | None:
        """Whether the block is in the list."""
        return "as planned" if view.block.number in self.after else None


class NewLabels(Rule):
    """A training once so many labels have become known since the last one."""

    kind: Literal["labels"]
    count: int = Field(ge=1, description="labels since the last training")
    growth: float = Field(0.0, ge=0, description="and at least this share of those known at the last training")

    def wants(self, view: View) -> str | None:
        """The number of labels."""
        new = view.known - view.known_then[-1]
        return f"{new} labels are new" if new >= max(self.count, self.growth * view.known_then[-1]) else None
