"""Replay the platform's own labelled tweets between two days, the rules of this installation among the policies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sentiment_lib.errors import BadInput
from sentiment_lib.replay import production
from sentiment_lib.replay.policy_file import choose_policies, shipped_policies
from sentiment_lib.settings import Settings
from sentiment_lib.steps.replay import propose_policy, read_history, run_replay
from sentiment_lib.steps.replay.run_replay import ReplayOrder, ReplayResult
from sentiment_lib.storage.engine import Store
from sentiment_lib.storage.policy_proposals import Author


@dataclass(frozen=True, kw_only=True)
class StoredReplay:
    """A replay of the platform's tables: where it is, and what it says."""

    history: str
    conclusion: str
    #: SHA-256 of the JSON, which names its files below the reports folder
    evidence_hash: str
    #: of the policy that it recommends; None when none was proposed
    proposal_id: int | None
    #: why none was proposed although it was to be
    note: str | None
    result: ReplayResult = field(repr=False)


def run(
    store: Store,
    settings: Settings,
    *,
    since: datetime,
    until: datetime,
    order: ReplayOrder,
    only: Sequence[str] = (),
    propose_as: Author | None = None,
) -> StoredReplay:
    """Replay tweets created in [since, until) and store page and JSON; with `propose_as`, propose in that name.

    only: names of the policies to replay; empty: all. Trainings are stored below the cache folder of the state. Raises
    BadInput for an unknown policy, too few labels, or a family or blocks that cannot be replayed.
    """
    policy = settings.policy
    history = read_history.from_tables(store, policy.snapshot, policy.label, since=since, until=until)
    policies = choose_policies([*shipped_policies(), production.configured(policy)], only)
    result = run_replay.run(history, order, policies, policy, settings.home / "cache" / "replay")
    digest = propose_policy.keep(settings, result)
    proposal, note = None, None
    if propose_as is not None:
        named = {one.name: one for one in policies}
        try:
            proposal = propose_policy.run(store, settings, result, named, propose_as)
        except BadInput as nothing:
            note = str(nothing)
    return StoredReplay(
        history=history.name,
        conclusion=result.conclusion,
        evidence_hash=digest,
        proposal_id=proposal.proposal_id if proposal else None,
        note=note,
        result=result,
    )
