"""Propose the policy that a replay recommends; it acts once an approver approves it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sentiment_lib.errors import BadInput
from sentiment_lib.files import write_atomically
from sentiment_lib.hashing import canonical_json, hash_text
from sentiment_lib.replay import production
from sentiment_lib.replay.conclusion import recommend
from sentiment_lib.replay.policy_file import RetrainingPolicy
from sentiment_lib.settings import Settings
from sentiment_lib.steps.replay import page
from sentiment_lib.steps.replay.run_replay import ReplayResult
from sentiment_lib.storage import policy_proposals
from sentiment_lib.storage.engine import Store
from sentiment_lib.storage.policy_proposals import Author, NewProposal, PolicyProposal


def keep(settings: Settings, result: ReplayResult) -> str:
    """Store JSON and page of a replay by the SHA-256 of the JSON, and return that."""
    text = canonical_json(result.as_dict())
    digest = hash_text(text)
    write_atomically(evidence_path(settings, digest), text)
    write_atomically(page_path(settings, digest), page.render(result.as_dict()))
    return digest


def evidence_path(settings: Settings, digest: str) -> Path:
    """The JSON of a stored replay."""
    return settings.reports / "replays" / f"{digest}.json"


def page_path(settings: Settings, digest: str) -> Path:
    """The page of a stored replay."""
    return evidence_path(settings, digest).with_suffix(".html")


def run(
    store: Store,
    settings: Settings,
    result: ReplayResult,
    policies: Mapping[str, RetrainingPolicy],
    by: Author,
) -> PolicyProposal:
    """Propose the cheapest of the replayed policies whose rules the platform has; `policies` are all, by name.

    The same proposal by the same person is returned while it is pending. Raises BadInput when the platform has the
    rules of none, or retrains like that already.
    """
    price = result.order.conditions.price
    usable = {name for name, policy in policies.items() if production.is_in_production(policy)}
    best = recommend(result.comparison, price, among=usable)
    if best is None:
        raise BadInput(what="the replayed policies", problem="the platform has the rules of none of them")
    rules = production.settings_of(policies[best.run.policy], price=price, of=settings.policy)
    if rules == policy_proposals.triggers(settings.policy):
        raise BadInput(what=f"policy {best.run.policy}", problem="the platform retrains like this already")
    digest = keep(settings, result)
    with store.begin() as connection:
        for pending in policy_proposals.all_proposals(connection):
            if (pending.evidence_hash, pending.proposed_by, pending.response) == (digest, by.name, None):
                return pending
        new = NewProposal(
            title=best.title,
            rules=rules,
            history=result.history,
            conclusion=result.conclusion,
            evidence_hash=digest,
        )
        return policy_proposals.store_proposal(connection, new, by)
