"""A snapshot that follows the changes of labels is that of all labels read and split as a whole, chunk for chunk."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from sentiment_lib.evaluation import frozen_rows, holdout_split
from sentiment_lib.policy import SnapshotPolicy
from sentiment_lib.storage import (
    current_labels,
    grants,
    labelled_chunks,
    labelled_split,
    snapshot_chunks,
    text_copies,
)
from sentiment_lib.text import near_copies

#: Steps run as the platform runs them.
DATABASE_ROLE = grants.APP
POLICY = SnapshotPolicy(holdout_share=0.3, minimum_holdout=30)
START = datetime(2026, 1, 1, tzinfo=UTC)
VOCABULARY = ("flight", "bag", "crew", "gate", "late", "lost", "thanks", "seat", "hold", "phone", "hours", "nobody")
INSERT_LABEL = (
    "INSERT INTO labels (tweet_id, label, source, labelled_by, labelled_at, inclusion_probability) "
    "VALUES (:id, :label, :source, :by, now(), :inclusion) ON CONFLICT DO NOTHING"
)


@pytest.fixture(autouse=True)
def small_limits(monkeypatch):
    """Chunks and heads of a few rows, so that every limit is reached."""
    monkeypatch.setattr(frozen_rows, "MEAN_ROWS", 8)
    for module in (near_copies, text_copies):
        monkeypatch.setattr(module, "PHRASE", 3)


class Labels:
    """Random changes of tweets and labels."""

    def __init__(self, connection, seed):
        self.connection, self.draw, self.texts, self.ids = connection, random.Random(seed), [], []
        connection.execute(text("INSERT INTO ingests (source) VALUES ('test')"))
        self.add_tweet()

    def add_tweet(self):
        """With words of its own, those of another tweet, or nearly those."""
        draw = self.draw
        words = " ".join(draw.choices(VOCABULARY, k=draw.choice([2, 8, 14])))
        if self.texts and draw.random() < 0.6:
            words = draw.choice(self.texts)
            words = draw.choice([words, f"RT @joe: {words[:60]}", f"{words} {draw.choice(VOCABULARY)}"])
        self.texts.append(words)
        tweet_id = draw.randrange(1, 10**9)
        self.ids.append(tweet_id)
        values = {"id": tweet_id, "text": words, "synthetic": draw.random() < 0.1}
        self.connection.execute(
            text(
                "INSERT INTO tweets (tweet_id, text, created_at, synthetic, ingest_id) "
                "SELECT :id, :text, :at, :synthetic, max(ingest_id) FROM ingests"
            ),
            values | {"at": START + timedelta(minutes=draw.randrange(300))},
        )
        return tweet_id

    def label(self):
        """A new tweet or an old one, by any source."""
        draw = self.draw
        tweet_id = self.add_tweet() if draw.random() < 0.7 else draw.choice(self.ids)
        source = draw.choice(["audit", "audit", "person", "dataset", "feedback"])
        inclusion = {"audit": draw.choice([None, 0.02, 0.1]), "person": draw.choice([None, 0.5])}.get(source)
        values = {"label": draw.choice(["negative", "positive"]), "by": draw.choice(["ann", "bob", "cy"])}
        self.connection.execute(text(INSERT_LABEL), {"id": tweet_id, "source": source, "inclusion": inclusion} | values)

    def take_back(self):
        """One label."""
        count = self.connection.scalar(text("SELECT count(*) FROM labels"))
        one = "SELECT label_id FROM labels ORDER BY label_id OFFSET :n LIMIT 1"
        delete = text(f"DELETE FROM labels WHERE label_id = ({one})")
        self.connection.execute(delete, {"n": self.draw.randrange(1 + count)})

    def forget(self):
        """One tweet without a label any more."""
        tweet_id = self.draw.choice(self.ids)
        self.connection.execute(text("DELETE FROM labels WHERE tweet_id = :id"), {"id": tweet_id})
        labelled_split.forget(self.connection, [tweet_id])
        for table in ("label_changes", "labelled_tweets"):
            query = f"SELECT count(*) FROM {table} WHERE tweet_id = :id"
            assert self.connection.scalar(text(query), {"id": tweet_id}) == 0

    def change(self):
        """Some of these."""
        for _ in range(self.draw.choice([1, 1, 3, 10])):
            self.draw.choices([self.label, self.take_back, self.forget], [0.8, 0.12, 0.08])[0]()


def compare(connection, policy=POLICY, auditors=("ann",)):
    """The state and chunks that follow the changes, against all labels read and split as a whole."""
    state = labelled_split.refresh(connection, policy, auditors)
    chunks = labelled_chunks.freeze(connection, is_kept=lambda root: True, write=lambda root, rows: None)
    frame = current_labels.labelled(connection, policy.label_precedence, auditors=auditors)
    frame, split_at = holdout_split.split(frame, policy)
    whole = [snapshot_chunks.store(connection, part, rows) for part, rows in frozen_rows.cut(frame)]
    assert [chunk.root for chunk in chunks] == [chunk.root for chunk in whole]
    assert state.split_at == split_at
    parts = frame["part"].value_counts()
    assert (state.train_rows, state.holdout_rows) == tuple(int(parts.get(part, 0)) for part in frozen_rows.PARTS)
    synthetic = frame.groupby("part")["synthetic"].sum()
    counted = tuple(int(synthetic.get(part, 0)) for part in frozen_rows.PARTS)
    assert (state.synthetic_train, state.synthetic_holdout) == counted
    return len(chunks), len(frame)


@pytest.mark.parametrize("seed", range(4))
def test_following_the_changes_gives_what_reading_everything_gives(store, seed):
    sizes = []
    with store.begin() as connection:
        labels = Labels(connection, seed)
        for step in range(60):
            labels.change()
            # other rules in between: everything is read again
            auditors = ("ann", "bob") if step in (30, 31) else ("ann",)
            sizes.append(compare(connection, auditors=auditors))
        pairs = connection.scalar(text("SELECT count(*) FROM near_copies"))
        left_out = connection.scalar(text("SELECT count(*) FROM labelled_tweets WHERE part IS NULL"))
    assert sizes[-1][0] > 3, "chunks"
    assert min(pairs, left_out) > 5, "near copies, and rows that are left out"
