"""Label queue: each person is assigned one tweet after another, and labels it, skips it, or undoes the last answer.

A fixed share of each person's picks comes from the audit sample; the others are chosen by active learning: tweets on
which the champion is uncertain, or on which two versions disagree. A second person labels a random share of the tweets
again, and every audit label whose author is not an auditor of the policy: alone, such a label does not act.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from sentiment_lib.errors import BadInput, NotFound
from sentiment_lib.records import LABELS
from sentiment_lib.settings import Settings
from sentiment_lib.storage import label_queue, labels
from sentiment_lib.storage.engine import Store, lock
from sentiment_lib.storage.label_queue import LabelScope, StoredPick

#: Period over which one person's share of the audit sample is limited, and number of labels exempt from it.
SHARE_PERIOD = timedelta(days=7)
FREE_LABELS = 100


@dataclass(frozen=True, kw_only=True)
class Pick:
    """A tweet assigned to one person; the model's prediction is shown only after the answer."""

    pick_id: int
    tweet_id: int
    #: masked
    text: str
    airline: str | None
    created_at: datetime
    #: "audit", "uncertain", "disagreement" or "second"
    kind: str
    #: "open", "labelled" or "skipped"
    state: str
    label: str | None = None
    predicted: str | None = None
    #: by label, in the order of LABELS
    probabilities: Mapping[str, float] | None = None
    model_version: int | None = None


def run(
    store: Store, settings: Settings, *, person: str, api_texts: bool = False, scope: LabelScope | None = None
) -> Pick | None:
    """Assign the person's next tweet, or return the open one; None when there is none.

    `api_texts`: include texts sent to the API. `scope`: only uncertain tweets of an airline or day. A chosen tweet is
    never one of the audit sample, which the choice would bias, and does not count for the share of the audit.
    """
    policy, now = settings.policy.label, datetime.now(UTC)
    with store.begin() as connection:
        if (open_pick := label_queue.open_pick(connection, person)) is not None:
            return _pick(open_pick)
        label_queue.release_expired(connection, now - policy.hold_for, person)
        position = label_queue.next_position(connection, person)
        where = {
            "person": person,
            "api_texts": api_texts,
            "newest": policy.newest,
            "uncertain_below": policy.uncertain_below,
        }
        kinds: tuple[str, ...] = kinds_in_order(position, policy.audit_share)
        if person not in policy.auditors and label_queue.audit_share_used(
            connection, person, since=now - SHARE_PERIOD, share=policy.person_share, free=FREE_LABELS
        ):
            kinds = tuple(kind for kind in kinds if kind != "audit")
        if scope is not None:
            kinds = ("uncertain",)
        for kind in kinds:
            found = (
                label_queue.candidates(connection, kind, where)
                if scope is None
                else label_queue.chosen_candidates(connection, where, scope)
            )
            for candidate in found:
                second = kind == "second"
                pick_id = label_queue.assign(
                    connection,
                    candidate,
                    person=person,
                    # second opinions and chosen tweets do not advance the position: the audit share stays the same
                    position=position - 1 if second or scope is not None else position,
                    at=now,
                    wants_second=not second
                    and (_doubled(candidate.tweet_id, settings) or (kind == "audit" and person not in policy.auditors)),
                )
                if pick_id is not None:
                    assigned = label_queue.pick(connection, pick_id, person)
                    assert assigned is not None
                    return _pick(assigned)
    return None


def kinds_in_order(position: int, audit_share: float) -> tuple[str, ...]:
    """Kinds to try for the pick at `position`: of the first n picks, floor(n · share) try the audit sample first."""
    if int(position * audit_share) > int((position - 1) * audit_share):
        return ("second", "audit", "disagreement", "uncertain")
    active_learning_kinds = ("disagreement", "uncertain") if position % 4 < 2 else ("uncertain", "disagreement")
    return ("second", *active_learning_kinds, "audit")


def answer(store: Store, *, person: str, pick_id: int, label: str) -> Pick:
    """Store the person's label and return the pick with the model's prediction. Idempotent.

    Raises BadInput for an unknown label or a pick that has another label, NotFound when it is not the person's pick.
    """
    if label not in LABELS:
        raise BadInput(what="label", problem=f"'{label[:40]}' is none of {', '.join(LABELS)}")
    now = datetime.now(UTC)
    with store.begin() as connection:
        pick = _own(connection, pick_id, person)
        if pick.state == "open":
            audit = pick.kind == "audit"
            label_id = labels.insert_label(
                connection,
                labels.NewLabel(
                    tweet_id=pick.tweet_id,
                    label=label,
                    source=_source(pick.kind),
                    labelled_by=person,
                    labelled_at=now,
                    inclusion_probability=pick.inclusion_probability,
                ),
            )
            if audit:
                labels.mark_audited(connection, [pick.tweet_id], now)
            label_queue.finish(connection, pick_id, label=label, label_id=label_id, at=now)
            pick = _own(connection, pick_id, person)
        if pick.label != label:
            raise BadInput(what="the answer", problem="this tweet has another one already; undo it first")
        return _pick(pick)


def look(store: Store, *, person: str, pick_id: int) -> Pick | None:
    """The current state of one of the person's picks; None for picks of others."""
    with store.begin() as connection:
        pick = label_queue.pick(connection, pick_id, person)
    return None if pick is None else _pick(pick)


def skip(store: Store, *, person: str, pick_id: int) -> None:
    """The person does not see this tweet again; others may. Raises NotFound when it is not the person's pick."""
    with store.begin() as connection:
        if _own(connection, pick_id, person).state == "open":
            label_queue.finish(connection, pick_id, label=None, label_id=None, at=datetime.now(UTC))


def undo(store: Store, *, person: str) -> Pick:
    """Undo the person's last answer or skip; its tweet is open again.

    The page has shown the prediction after an answer, so the pick becomes a correction: another label of this person is
    feedback, and the tweet goes back to the queue for others. After a skip nothing was shown: the pick is as before.

    Raises NotFound when there is none, BadInput when a snapshot contains the label or a second person has the tweet.
    """
    now = datetime.now(UTC)
    with store.begin() as connection:
        lock(connection, "snapshot")  # no snapshot is created between check and deletion
        pick = label_queue.last_finished(connection, person)
        if pick is None:
            raise NotFound(what="answer to undo of", key=person)
        if pick.label_id is not None:
            snapshot = labels.frozen_since(connection, pick.tweet_id, pick.label_id)
            if snapshot is not None:
                raise BadInput(what="undo", problem=f"snapshot {snapshot} holds this label already")
        if label_queue.has_second_opinion(connection, pick.pick_id):
            raise BadInput(what="undo", problem="a second person has this tweet already")
        if pick.state == "skipped" and label_queue.is_assigned(connection, pick.tweet_id, pick.pick_id):
            raise BadInput(what="undo", problem="someone else has the skipped tweet now")
        if (open_pick := label_queue.open_pick(connection, person)) is not None:
            if open_pick.kind == "correction":  # kept: its person is not assigned this tweet again
                label_queue.finish(connection, open_pick.pick_id, label=None, label_id=None, at=now)
            else:
                label_queue.delete_open(connection, [open_pick.pick_id])
        if pick.state == "labelled":
            label_queue.reopen_as_correction(connection, pick.pick_id, now)
        else:
            label_queue.reopen(connection, pick.pick_id, now)
        if pick.label_id is not None:
            labels.delete_label(connection, pick.label_id)
        if pick.kind == "audit":
            labels.mark_audited(connection, [pick.tweet_id], None)
        reopened = label_queue.pick(connection, pick.pick_id, person)
        assert reopened is not None
        return _pick(reopened)


def _source(kind: str) -> str:
    """Kind of source of the labels of a pick.

    A second opinion measures agreement of people and is not part of the audit sample. Who has seen the prediction
    gives feedback: it may be trained on, and neither acts nor counts as a second person's label.
    """
    return {"audit": "audit", "correction": "feedback"}.get(kind, "person")


def _own(connection: Connection, pick_id: int, person: str) -> StoredPick:
    pick = label_queue.pick(connection, pick_id, person)
    if pick is None:
        raise NotFound(what="tweet in your hands with the number", key=pick_id)
    return pick


def _doubled(tweet_id: int, settings: Settings) -> bool:
    """Whether the tweet needs a second opinion: keyed sampling, which nobody can predict or influence."""
    key = settings.author_key.get_secret_value().encode()[:64]
    digest = hashlib.blake2b(f"second {tweet_id}".encode(), digest_size=8, key=key).digest()
    return int.from_bytes(digest, "big") < settings.policy.label.second_share * 2**64


def _pick(row: StoredPick) -> Pick:
    labelled = row.state == "labelled"
    return Pick(
        pick_id=row.pick_id,
        tweet_id=row.tweet_id,
        text=row.text,
        airline=row.airline,
        created_at=row.created_at,
        kind=row.kind,
        state=row.state,
        label=row.label,
        predicted=row.predicted if labelled else None,
        probabilities={str(label): getattr(row, f"p_{label}") for label in LABELS} if labelled else None,
        model_version=row.model_version if labelled else None,
    )
