"""Policies of retraining as typed TOML files; those of `policies/` are shipped."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Sequence
from importlib.resources import files
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sentiment_lib.errors import BadInput
from sentiment_lib.replay.rules.base import Reads
from sentiment_lib.replay.rules.combined import AnyRule
from sentiment_lib.replay.view import View

#: Most bytes of a policy file.
LONGEST = 100_000


class RetrainingPolicy(BaseModel):
    """A name, what it is, and rules of which any may ask for a training."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=60, pattern=r"^[a-z0-9-]+$")
    title: str = Field(min_length=1, max_length=120)
    #: where it comes from, and what is known about it
    source: str = Field("", max_length=600)
    rules: tuple[AnyRule, ...] = Field(min_length=1)

    def wants(self, view: View) -> str | None:
        """The reason of the first rule that asks for a training."""
        return next((reason for rule in self.rules if (reason := rule.wants(view)) is not None), None)

    @property
    def reads(self) -> Reads:
        """The most that any of its rules reads."""
        kinds = {rule.reads for rule in self.rules}
        return "labels" if "labels" in kinds else "audit" if "audit" in kinds else "none"


def read_policy(path: Path) -> RetrainingPolicy:
    """The policy of one file. Raises BadInput with the place and the reason for anything else."""
    try:
        if path.stat().st_size > LONGEST:
            raise BadInput(what=f"policy file {path.name}", problem=f"it is longer than {LONGEST:,} bytes")
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise BadInput(what=f"policy file {path.name}", problem="it is not UTF-8") from None
    except OSError as error:
        raise BadInput(what=f"policy file {path.name}", problem=f"it cannot be read: {error.strerror}") from None
    return parse_policy(path.name, text)


def parse_policy(name: str, text: str) -> RetrainingPolicy:
    """The policy of a TOML text; `name` is for errors."""
    try:
        return RetrainingPolicy.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise BadInput(what=f"policy file {name}", problem=f"it is not TOML: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise BadInput(what=f"policy file {name}", problem=f"{place or 'the file'}: {first['msg']}") from None


def shipped_policies() -> list[RetrainingPolicy]:
    """The policies of this package, in the order of their files' names."""
    folder = files("sentiment_lib.replay").joinpath("policies")
    entries = sorted(
        (entry for entry in folder.iterdir() if entry.name.endswith(".toml")), key=lambda entry: entry.name
    )
    return [parse_policy(entry.name, entry.read_text(encoding="utf-8")) for entry in entries]


def choose_policies(offered: Sequence[RetrainingPolicy], names: Collection[str] | None) -> list[RetrainingPolicy]:
    """Those of these names, or all without any. Raises BadInput for a name that none has."""
    known = [one.name for one in offered]
    if unknown := sorted(set(names or ()) - set(known)):
        raise BadInput(what=f"policy {unknown[0]}", problem=f"choose from {', '.join(known)}")
    return [one for one in offered if not names or one.name in names]
