"""Selection of the families that a retrain trains: named by a person or the policy, checked against the catalogue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sentiment_lib.errors import BadInput
from sentiment_lib.families import catalog
from sentiment_lib.settings import Settings
from sentiment_lib.storage.engine import Store


@dataclass(frozen=True, kw_only=True)
class PlannedTraining:
    """One training of a retrain; its options are the policy's."""

    snapshot_id: int
    family: str
    seed: int


def select_families(settings: Settings, families: Sequence[str] | None = None) -> tuple[str, ...]:
    """The families named, else the policy's.

    Raises UnknownFamily for a name that the catalogue does not have, here or in the policy's options, and BadInput for
    one that is named twice: both trainings would be the same.
    """
    policy = settings.policy.retrain
    names = tuple(families or policy.families)
    if repeated := [name for name, count in Counter(names).items() if count > 1]:
        raise BadInput(what="list of families", problem=f"{', '.join(repeated)} is named more than once")
    for name in (*names, *policy.options):
        catalog.family(name)
    return names


def plan_trainings(
    _store: Store, settings: Settings, *, snapshot_id: int, families: Sequence[str], seed: int, fine_tuned: bool
) -> list[PlannedTraining]:
    """Trainings of the families that fine-tune a network, or of the others; each kind has a pool of its own.

    Raises as `select_families` does.
    """
    options = settings.policy.retrain.options
    return [
        PlannedTraining(snapshot_id=snapshot_id, family=name, seed=seed)
        for name in select_families(settings, families)
        if catalog.family(name).resumes(options.get(name, {})) == fine_tuned
    ]
