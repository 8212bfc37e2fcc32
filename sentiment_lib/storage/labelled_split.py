"""The split of all labelled tweets, moved by what changed: `holdout_split.split` without reading them all.

Triggers queue the tweets whose labels or picks change. `refresh` takes them out of the queue, moves the split as far as
their number says, and decides anew about those tweets, those that the split passed, and the copies of both. The result
is that of `split` on all labels, in whatever order they came.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, text

from sentiment_lib.evaluation import frozen_rows
from sentiment_lib.evaluation.holdout_split import first_judging, split
from sentiment_lib.hashing import canonical_json, hash_text
from sentiment_lib.policy import SnapshotPolicy
from sentiment_lib.records import SplitRows, SyntheticRows
from sentiment_lib.storage import current_labels, labelled_chunks, labelled_tweets
from sentiment_lib.storage.labelled_tweets import Changes
from sentiment_lib.text import near_copies

#: Version of the rules of the split: another one reads all labels again.
VERSION = 1
#: More changed tweets than FEW, and than this share of the rows, are read with all others: comparing each is slower.
FEW, MANY = 1000, 0.1
TABLES = ("labelled_chunks", "near_copies", "text_prints", "labelled_tweets", "labelled_state")
#: Creation of the judging row that is so many rows after the split, or before it.
AFTER = text(
    "SELECT created_at FROM labelled_tweets WHERE judging_label IS NOT NULL AND created_at >= :split "
    "ORDER BY created_at, tweet_id OFFSET :rows LIMIT 1"
)
BEFORE = text(
    "SELECT created_at FROM labelled_tweets WHERE judging_label IS NOT NULL AND created_at < :split "
    "ORDER BY created_at DESC, tweet_id DESC OFFSET :rows LIMIT 1"
)
PASSED = text(
    "SELECT tweet_id, text_key, judging_label IS NOT NULL AS judges FROM labelled_tweets "
    "WHERE created_at >= :first AND created_at < :last"
)
STILL_LABELLED = text("SELECT DISTINCT tweet_id FROM labels WHERE tweet_id = ANY(:ids)")
# from one probability to the next by index, instead of through the rows before the split
LEAST_INCLUSION = text(
    """
    WITH RECURSIVE known (inclusion) AS (
        SELECT min(inclusion) FROM labelled_tweets WHERE judging_source = 'audit'
        UNION ALL SELECT (SELECT min(inclusion) FROM labelled_tweets l
                          WHERE l.judging_source = 'audit' AND l.inclusion > known.inclusion)
        FROM known WHERE known.inclusion IS NOT NULL
    )
    SELECT inclusion FROM known WHERE inclusion IS NOT NULL AND EXISTS (
        SELECT FROM labelled_tweets l WHERE l.judging_source = 'audit' AND l.inclusion = known.inclusion
          AND l.created_at >= :split) LIMIT 1
    """
)


@dataclass(frozen=True, kw_only=True)
class LabelledState:
    """Where the split is, and how many rows each part has."""

    #: hash of the rules by which the labels were read and split
    rules: str
    #: creation of the oldest tweet of the holdout; None without a judging label
    split_at: datetime | None = None
    #: smallest inclusion probability in the holdout, to which it is thinned
    least_inclusion: float | None = None
    #: tweets with a judging label, and those of them before the split
    judging: int = 0
    judging_before: int = 0
    train_rows: int = 0
    holdout_rows: int = 0
    synthetic_train: int = 0
    synthetic_holdout: int = 0

    @property
    def split(self) -> SplitRows | None:
        """The split of this state; None without a judging label."""
        if self.split_at is None:
            return None
        return SplitRows(
            split_at=self.split_at,
            train_rows=self.train_rows,
            holdout_rows=self.holdout_rows,
            synthetic=SyntheticRows(train=self.synthetic_train, holdout=self.synthetic_holdout),
        )


def refresh(connection: Connection, policy: SnapshotPolicy, auditors: Sequence[str]) -> LabelledState:
    """Bring the tables up to date with the labels; returns the state. The caller holds the lock "snapshot".

    All labels are read and split as a whole the first time, by other rules than the last time's, once a real tweet has
    a label, when many labels changed, and as long as none may judge.
    """
    real = current_labels.has_real_labels(connection)
    parts = [VERSION, policy.label_precedence, auditors, policy.holdout_share, real, frozen_rows.MEAN_ROWS]
    rules = hash_text(canonical_json(parts))
    state = _load(connection)
    ids = set(connection.execute(text("DELETE FROM label_changes RETURNING tweet_id")).scalars())
    if state is None or state.rules != rules or len(ids) > max(FEW, MANY * (state.train_rows + state.holdout_rows)):
        return _read_all(connection, policy, auditors, rules)
    changes = Changes(ids=ids)
    fresh = current_labels.labelled_of(connection, sorted(ids), policy.label_precedence, auditors=auditors, real=real)
    labelled_tweets.replace(connection, sorted(ids), fresh, state.split_at, changes)
    moved = _move(connection, _counted(state, changes), changes, policy.holdout_share)
    if moved.split_at is None or moved.least_inclusion != state.least_inclusion:
        return _read_all(connection, policy, auditors, rules)
    decided = Changes(ids=changes.ids, keys=changes.keys, places=changes.places)
    labelled_tweets.decide(connection, moved.split_at, moved.least_inclusion, decided)
    labelled_chunks.drop(connection, decided.places)
    moved = _counted(moved, decided)
    _store(connection, moved)
    return moved


def _read_all(connection: Connection, policy: SnapshotPolicy, auditors: Sequence[str], rules: str) -> LabelledState:
    for table in TABLES:
        connection.execute(text(f"DELETE FROM {table}"))
    frame = current_labels.labelled(connection, policy.label_precedence, auditors=auditors)
    copies = near_copies.find_copies(frame["text"].tolist())
    rows, split_at = split(frame, policy, copies)
    if split_at is None:
        return LabelledState(rules=rules)
    labelled_tweets.load(
        connection, frame.assign(part=frame["tweet_id"].map(rows.set_index("tweet_id")["part"])), copies
    )
    judging = frame[frame["judging_label"].notna()]
    counts = rows["part"].value_counts()
    synthetic = rows.groupby("part")["synthetic"].sum()
    state = LabelledState(
        rules=rules,
        split_at=split_at,
        least_inclusion=connection.execute(LEAST_INCLUSION, {"split": split_at}).scalar(),
        judging=len(judging),
        judging_before=int((judging["created_at"] < split_at).sum()),
        **{f"{part}_rows": int(counts.get(part, 0)) for part in frozen_rows.PARTS},
        **{f"synthetic_{part}": int(synthetic.get(part, 0)) for part in frozen_rows.PARTS},
    )
    _store(connection, state)
    return state


def forget(connection: Connection, tweet_ids: Sequence[int]) -> None:
    """Remove tweets whose labels are gone, without a trace of their ids; the copies of their texts wait in the queue.

    So does a tweet that still has a label. The caller holds the lock "snapshot".
    """
    connection.execute(text("DELETE FROM label_changes WHERE tweet_id = ANY(:ids)"), {"ids": list(tweet_ids)})
    state = _load(connection)
    if state is None:
        return
    changes = Changes()
    labelled_tweets.remove(connection, tweet_ids, state.split_at, changes)
    labelled_chunks.drop(connection, changes.places)
    _store(connection, _counted(state, changes))
    waiting = set(connection.execute(STILL_LABELLED, {"ids": list(tweet_ids)}).scalars())
    if state.split_at is not None:
        waiting |= labelled_tweets.find_copies(connection, changes.keys, state.split_at)
    queue = text("INSERT INTO label_changes (tweet_id) SELECT unnest(CAST(:ids AS bigint[]))")
    connection.execute(queue, {"ids": sorted(waiting)})


def _move(connection: Connection, state: LabelledState, changes: Changes, holdout_share: float) -> LabelledState:
    """The state with the split at its place; the tweets that it passes are added to the changes."""
    if state.split_at is None or not state.judging:
        return replace(state, split_at=None)
    steps = first_judging(state.judging, holdout_share) - state.judging_before
    query, rows = (AFTER, steps) if steps >= 0 else (BEFORE, -steps - 1)
    split_at: datetime = connection.execute(query, {"split": state.split_at, "rows": rows}).scalar_one()
    first, last = min(split_at, state.split_at), max(split_at, state.split_at)
    passed = connection.execute(PASSED, {"first": first, "last": last}).all()
    changes.ids |= {row.tweet_id for row in passed}
    changes.keys |= {row.text_key for row in passed if row.text_key is not None}
    return replace(
        state,
        split_at=split_at,
        judging_before=state.judging_before + sum(row.judges for row in passed) * (1 if split_at == last else -1),
        least_inclusion=connection.execute(LEAST_INCLUSION, {"split": split_at}).scalar(),
    )


def _counted(state: LabelledState, changes: Changes) -> LabelledState:
    return replace(
        state,
        judging=state.judging + changes.judging,
        judging_before=state.judging_before + changes.judging_before,
        **{f"{part}_rows": getattr(state, f"{part}_rows") + count for part, count in changes.rows.items()},
        **{f"synthetic_{part}": getattr(state, f"synthetic_{part}") + n for part, n in changes.synthetic.items()},
    )


def _load(connection: Connection) -> LabelledState | None:
    row = connection.execute(text("SELECT * FROM labelled_state")).mappings().one_or_none()
    return LabelledState(**row) if row else None


def _store(connection: Connection, state: LabelledState) -> None:
    values = asdict(state)
    connection.execute(text("DELETE FROM labelled_state"))
    names = ", ".join(values)
    bound = ", ".join(f":{name}" for name in values)
    connection.execute(text(f"INSERT INTO labelled_state ({names}) VALUES ({bound})"), values)
