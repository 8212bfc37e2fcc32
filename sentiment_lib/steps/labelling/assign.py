"""Assigns tweets to a person: one after another, or several at once.

A fixed share of each person's picks comes from the audit sample; the others are chosen by active learning: tweets on
which the champion is uncertain, or on which two versions disagree. A second person labels a random share of the tweets
again, and every audit label whose author is not an auditor of the policy: alone, such a label does not act.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from sentiment_lib import clock
from sentiment_lib.settings import Settings
from sentiment_lib.steps.labelling.pick import Pick, from_row
from sentiment_lib.storage import label_candidates, label_queue
from sentiment_lib.storage.engine import Store
from sentiment_lib.storage.label_candidates import Candidate, LabelScope

#: Period over which one person's share of the audit sample is limited, and number of labels exempt from it.
SHARE_PERIOD = timedelta(days=7)
FREE_LABELS = 100


def run(
    store: Store,
    settings: Settings,
    *,
    person: str,
    count: int = 1,
    api_texts: bool = False,
    scope: LabelScope | None = None,
) -> list[Pick]:
    """The person's open picks, after as many have been assigned as are missing to `count`; fewer when there are none.

    `count`: 1 to label_queue.MOST_OPEN. `api_texts`: include texts sent to the API. `scope`: only uncertain tweets of
    an airline or day. A chosen tweet is never one of the audit sample, which the choice would bias, and does not count
    for the share of the audit.
    """
    with store.begin() as connection:
        free = label_queue.free_slots(connection, person, count)
        if free:
            now = clock.now()
            label_queue.release_expired(connection, now - settings.policy.label.hold_for, person)
            assignment = _Assignment(connection, settings, person, api_texts, scope, now)
            for slot in free:
                if not assignment.assign_next(slot):
                    break
        return [from_row(row) for row in label_queue.open_picks(connection, person)]


@dataclass
class _Assignment:
    """One transaction's picks for a person; candidates of a kind are searched once."""

    connection: Connection
    settings: Settings
    person: str
    api_texts: bool
    scope: LabelScope | None
    now: datetime
    _found: dict[str, list[Candidate]] = field(default_factory=dict)

    def assign_next(self, slot: int) -> bool:
        """Assign one more tweet; False when there is none."""
        position = label_queue.next_position(self.connection, self.person)
        for kind in self._kinds(position):
            candidates = self._candidates(kind)
            while candidates:
                if self._assign(candidates.pop(0), position, slot):
                    return True
        return False

    def _kinds(self, position: int) -> tuple[str, ...]:
        policy = self.settings.policy.label
        if self.scope is not None:
            return ("uncertain",)
        kinds = kinds_in_order(position, policy.audit_share)
        if self.person not in policy.auditors and label_candidates.audit_share_used(
            self.connection, self.person, since=self.now - SHARE_PERIOD, share=policy.person_share, free=FREE_LABELS
        ):
            return tuple(kind for kind in kinds if kind != "audit")
        return kinds

    def _candidates(self, kind: str) -> list[Candidate]:
        if kind not in self._found:
            policy = self.settings.policy.label
            where = {
                "person": self.person,
                "api_texts": self.api_texts,
                "newest": policy.newest,
                "uncertain_below": policy.uncertain_below,
            }
            self._found[kind] = (
                label_candidates.candidates(self.connection, kind, where)
                if self.scope is None
                else label_candidates.chosen_candidates(self.connection, where, self.scope)
            )
        return self._found[kind]

    def _assign(self, candidate: Candidate, position: int, slot: int) -> bool:
        second, auditor = candidate.kind == "second", self.person in self.settings.policy.label.auditors
        pick_id = label_queue.assign(
            self.connection,
            candidate,
            person=self.person,
            # second opinions and chosen tweets do not advance the position: the audit share stays the same
            position=position - 1 if second or self.scope is not None else position,
            slot=slot,
            at=self.now,
            wants_second=not second
            and (_doubled(candidate.tweet_id, self.settings) or (candidate.kind == "audit" and not auditor)),
        )
        return pick_id is not None


def kinds_in_order(position: int, audit_share: float) -> tuple[str, ...]:
    """Kinds to try for the pick at `position`: of the first n picks, floor(n · share) try the audit sample first."""
    if int(position * audit_share) > int((position - 1) * audit_share):
        return ("second", "audit", "disagreement", "uncertain")
    active_learning_kinds = ("disagreement", "uncertain") if position % 4 < 2 else ("uncertain", "disagreement")
    return ("second", *active_learning_kinds, "audit")


def _doubled(tweet_id: int, settings: Settings) -> bool:
    """Whether the tweet needs a second opinion: keyed sampling, which nobody can predict or influence."""
    key = settings.author_key.get_secret_value().encode()[:64]
    digest = hashlib.blake2b(f"second {tweet_id}".encode(), digest_size=8, key=key).digest()
    return int.from_bytes(digest, "big") < settings.policy.label.second_share * 2**64
