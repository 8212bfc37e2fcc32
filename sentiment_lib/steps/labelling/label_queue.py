"""Label queue: each person is assigned one tweet after another, and labels it, skips it, or undoes the last answer."""

from __future__ import annotations

from sqlalchemy import Connection

from sentiment_lib import clock
from sentiment_lib.errors import BadInput, NotFound
from sentiment_lib.records import LABELS
from sentiment_lib.settings import Settings
from sentiment_lib.steps.labelling import assign
from sentiment_lib.steps.labelling.pick import Pick, from_row
from sentiment_lib.storage import label_queue, labels
from sentiment_lib.storage.engine import Store, lock
from sentiment_lib.storage.label_candidates import LabelScope
from sentiment_lib.storage.label_queue import StoredPick


def run(
    store: Store, settings: Settings, *, person: str, api_texts: bool = False, scope: LabelScope | None = None
) -> Pick | None:
    """Assign the person's next tweet, or return the first open one; None when there is none. As assign.run."""
    picks = assign.run(store, settings, person=person, api_texts=api_texts, scope=scope)
    return picks[0] if picks else None


def answer(store: Store, *, person: str, pick_id: int, label: str) -> Pick:
    """Store the person's label and return the pick with the model's prediction. Idempotent.

    Raises BadInput for an unknown label or a pick that has another label, NotFound when it is not the person's pick.
    """
    if label not in LABELS:
        raise BadInput(what="label", problem=f"'{label[:40]}' is none of {', '.join(LABELS)}")
    now = clock.now()
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
        return from_row(pick)


def look(store: Store, *, person: str, pick_id: int) -> Pick | None:
    """The current state of one of the person's picks; None for picks of others."""
    with store.begin() as connection:
        pick = label_queue.pick(connection, pick_id, person)
    return None if pick is None else from_row(pick)


def skip(store: Store, *, person: str, pick_id: int) -> None:
    """The person does not see this tweet again; others may. Raises NotFound when it is not the person's pick."""
    with store.begin() as connection:
        if _own(connection, pick_id, person).state == "open":
            label_queue.finish(connection, pick_id, label=None, label_id=None, at=clock.now())


def undo(store: Store, *, person: str) -> Pick:
    """Undo the person's last answer or skip; its tweet is open again.

    The page has shown the prediction after an answer, so the pick becomes a correction: another label of this person is
    feedback, and the tweet goes back to the queue for others. After a skip nothing was shown: the pick is as before.

    Raises NotFound when there is none, BadInput when a snapshot contains the label or a second person has the tweet.
    """
    now = clock.now()
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
        for open_pick in label_queue.open_picks(connection, person):
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
        return from_row(reopened)


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
