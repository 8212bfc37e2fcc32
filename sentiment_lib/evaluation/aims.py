"""The aim of a comparison: a refresh must not be worse by more than a margin, a change must be better.

A recalibration must be better calibrated, and not worse by more than the margin. Non-inferiority for the same recipe on
more data, superiority for another one: ICH E9 1998, section 3.3.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sentiment_lib.policy import GatePolicy

REFRESH, CHANGE, RECALIBRATION, REPLACEMENT = "refresh", "change", "recalibration", "replacement"


class Recipe(Protocol):
    """How a version was trained, as far as the aim depends on it."""

    @property
    def family(self) -> str:
        """Name of the family."""

    @property
    def options(self) -> Mapping[str, Any]:
        """Training options, those found by a search included."""


@dataclass(frozen=True, kw_only=True)
class Aim:
    """What the candidate must show on the main metric."""

    #: "refresh", "change", "recalibration" or "replacement"
    kind: str
    #: loss of the main metric that the error budget allows for; 0 under "change"
    margin: float

    @property
    def text(self) -> str:
        """The aim, in a sentence for the approver."""
        if self.kind == REFRESH:
            return (
                "Refresh: the champion's family and options on more and newer labels. It must show a gain, and not be "
                f"worse by {100 * self.margin:.1f} points or more."
            )
        if self.kind == RECALIBRATION:
            return (
                "Recalibration: the champion with other probabilities. They must be better calibrated, and the main "
                f"metric not worse by {100 * self.margin:.1f} points or more."
            )
        if self.kind == REPLACEMENT:
            return (
                "Replacement: the champion's training without tweets that were forgotten. It must not be worse by "
                f"{100 * self.margin:.1f} points or more."
            )
        return "Another recipe: another family, other options or no newer labels. It must be better than the champion."


SUPERIORITY = Aim(kind=CHANGE, margin=0.0)


def choose(candidate: Recipe, champion: Recipe, *, newer: bool, policy: GatePolicy) -> Aim:
    """The aim of this comparison; newer: the candidate's labels are more and newer than the champion's.

    Another seed on the same labels is a change: choosing among seeds is selection by chance.
    """
    same = candidate.family == champion.family and dict(candidate.options) == dict(champion.options)
    return Aim(kind=REFRESH, margin=policy.refresh_margin) if same and newer else SUPERIORITY


def replacement(policy: GatePolicy) -> Aim:
    """The aim of the champion's own training without tweets that were forgotten."""
    return Aim(kind=REPLACEMENT, margin=policy.refresh_margin)


def recalibration(policy: GatePolicy) -> Aim:
    """The aim of the champion's own recalibration."""
    return Aim(kind=RECALIBRATION, margin=policy.refresh_margin)
