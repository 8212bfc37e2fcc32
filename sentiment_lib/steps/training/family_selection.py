"""Which families a retrain trains: what the policy or a person names, checked against the catalogue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sentiment_lib.errors import BadInput
from sentiment_lib.families import catalog
from sentiment_lib.settings import Settings
from sentiment_lib.storage.engine import Store


@dataclass(frozen=True, kw_only=True)
class Order:
    """What one training is asked for; its options are the policy's."""

    snapshot_id: int
    family: str
    seed: int


def chosen(settings: Settings, families: Sequence[str] | None = None) -> tuple[str, ...]:
    """The families, or the policy's when none are named.

    UnknownFamily for one that there is not, among them or among those that the policy has options for; BadInput for one
    that is named twice, since both trainings would be the same one.
    """
    policy = settings.policy.retrain
    asked = tuple(families or policy.families)
    if twice := [name for name, count in Counter(asked).items() if count > 1]:
        raise BadInput(what="list of families", problem=f"{', '.join(twice)} is named more than once")
    for name in (*asked, *policy.options):
        catalog.family(name)
    return asked


def orders(
    _store: Store, settings: Settings, *, snapshot_id: int, families: Sequence[str], seed: int, fine_tuned: bool
) -> list[Order]:
    """One order for each of the families that fine-tune a network, or for each of the others: pools keep them apart."""
    options = settings.policy.retrain.options
    return [
        Order(snapshot_id=snapshot_id, family=name, seed=seed)
        for name in chosen(settings, families)
        if catalog.family(name).resumes(options.get(name, {})) == fine_tuned
    ]
