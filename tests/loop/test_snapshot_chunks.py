"""Snapshots share chunks; an erased row leaves its leaf, and nothing that was hidden or put back stays unseen."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import pytest
from sqlalchemy import text

from sentiment_lib.errors import LedgerBroken
from sentiment_lib.evaluation import frozen_rows, holdout_split
from sentiment_lib.registry import model_package
from sentiment_lib.steps.erasure import forget, receipt, request_erasure
from sentiment_lib.steps.operations import verify
from sentiment_lib.steps.training import commit_snapshots, inputs, snapshot, snapshot_files
from sentiment_lib.storage import (
    alerts,
    audit,
    current_labels,
    erasure_requests,
    grants,
    ledger,
    snapshot_proofs,
    snapshots,
)
from sentiment_lib.training_record import TrainingSpec
from tests.conftest import put_into_snapshot

#: Steps run as the platform runs them.
DATABASE_ROLE = grants.APP
GONE, NOT_NAMED = [7, 8, 560], 9


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(frozen_rows, "MEAN_ROWS", 50)


@pytest.fixture
def frozen(store, settings, tweets):
    return snapshot.run(store, settings)


def values(store, query):
    with store.begin() as connection:
        return connection.execute(text(query)).all()


def erase(store, tweet_ids=GONE):
    request = erasure_requests.NewRequest(kind=erasure_requests.TWEETS, requested_by="ann", due_at=datetime.now(UTC))
    with store.begin() as connection:
        number = erasure_requests.insert(connection, request, tweet_ids, refuse=())
        request_erasure.record(connection, number, request_erasure.COMMAND)
        erasure_requests.set_state(connection, number, erasure_requests.ERASING)
        return snapshots.erase_rows(connection, number, [*tweet_ids, NOT_NAMED])


def records(store):
    with store.begin() as connection:
        return audit.snapshot_rows(connection)


def words_on_disk(settings, tweet_ids, frame):
    """Which of the rows' texts any file of the snapshots holds."""
    frames = [pd.read_parquet(path) for path in settings.snapshots.rglob("*.parquet")]
    stored = set(pd.concat(frames)["text"])
    return stored & set(frame.loc[frame["tweet_id"].isin(tweet_ids), "text"])


def test_a_snapshot_writes_the_chunks_of_its_new_labels_and_shares_the_others(store, settings, frozen, add_tweets):
    files = set((settings.snapshots / frozen.uri).iterdir())
    before = values(store, "SELECT chunk_id FROM snapshot_contents WHERE snapshot_id = 1")
    add_tweets(10)
    later = snapshot.run(store, settings)
    after = values(store, "SELECT chunk_id FROM snapshot_contents WHERE snapshot_id = 2")
    assert (later.train_rows, later.holdout_rows) == (488, 122)
    # the end of the training rows, and both ends of the holdout
    assert len(set(after) - set(before)) <= 3 < len(before)
    assert files < set((settings.snapshots / frozen.uri).iterdir())
    assert values(store, "SELECT count(*), count(DISTINCT tweet_id) FROM frozen_rows") == [(618, 610)]
    assert verify.run(store, settings).problems == ()


def test_equal_rows_give_the_same_snapshot_whatever_came_in_between(store, settings, frozen, add_tweets):
    added = add_tweets(10)
    snapshot.run(store, settings)
    with store.begin() as connection:
        connection.execute(text("DELETE FROM labels WHERE tweet_id = ANY(:ids)"), {"ids": added})
    assert snapshot.run(store, settings) == frozen


def test_an_erased_row_is_gone_from_database_and_file_and_the_root_verifies(store, settings, frozen):
    frame = snapshot_files.read(store, settings, frozen)
    erased = erase(store)
    assert (erased.rows, erased.learned, erased.judged) == (3, (1,), (1,))
    assert words_on_disk(settings, GONE, frame), "the files follow"
    # a process that was killed here left the files, whose erased rows nobody reads
    assert verify.run(store, settings).problems == ()
    assert snapshot_files.rewrite_erased(store, settings) > 0
    assert snapshot_files.rewrite_erased(store, settings) == 0
    kept = snapshot_files.read(store, settings, frozen)
    pd.testing.assert_frame_equal(kept, frame[~frame["tweet_id"].isin(GONE)].reset_index(drop=True))
    assert not words_on_disk(settings, GONE, frame)
    assert values(store, "SELECT count(*) FROM frozen_rows WHERE tweet_id IN (7, 8, 560)") == [(0,)]
    assert verify.run(store, settings).problems == ()
    assert erase(store).rows == 0


def test_a_rewriting_that_died_is_taken_up(store, settings, frozen, monkeypatch):
    frame = snapshot_files.read(store, settings, frozen)
    erase(store)

    def dying(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(snapshot_files.snapshot_chunks, "mark_rewritten", dying)
        with pytest.raises(KeyboardInterrupt):
            snapshot_files.rewrite_erased(store, settings)
    (settings.snapshots / frozen.uri / "unknown.parquet").write_bytes(b"of a process that was killed")
    assert snapshot_files.rewrite_erased(store, settings) > 0
    assert not words_on_disk(settings, GONE, frame)
    assert verify.run(store, settings).problems == ()


def test_rows_that_were_hidden_put_back_or_exchanged_are_found(store, owner, settings, frozen):
    (row,) = values(store, "SELECT * FROM frozen_rows WHERE tweet_id = 7")
    erase(store, [7])
    with owner.begin() as connection:
        connection.execute(
            text("INSERT INTO frozen_rows OVERRIDING SYSTEM VALUE VALUES (:a, :b, :c, :d, :e, :f)"),
            dict(zip("abcdef", row, strict=True)),
        )
    assert records(store) == [f"row {row.row_id} of snapshots was erased, and is there again"]
    with owner.begin() as connection:
        connection.execute(text("DELETE FROM frozen_rows WHERE tweet_id IN (7, 9)"))
    (problem,) = records(store)
    assert problem.startswith("snapshot 1: its rows in the database were changed")
    assert "no erasure was rec" in problem
    with pytest.raises(LedgerBroken, match="no erasure was recorded"):
        snapshot_files.read(store, settings, frozen)


def test_a_file_without_a_row_or_with_another_is_refused(store, settings, frozen):
    path = max((settings.snapshots / frozen.uri).glob("*.parquet"), key=lambda path: path.stat().st_size)
    frame = pd.read_parquet(path)
    for changed in (frame.drop(index=1), frame.iloc[::-1], frame.assign(text="other"), frame.drop(columns="text")):
        changed.to_parquet(path)
        with pytest.raises(LedgerBroken, match="a file of snapshot 1 was changed"):
            snapshot_files.read(store, settings, frozen)
    path.unlink()
    assert any("is gone" in problem for problem in verify.run(store, settings).problems)
    snapshot.run(store, settings)
    assert verify.run(store, settings).problems == ()


def test_the_role_of_the_steps_erases_by_the_function_alone(store, frozen):
    for statement in ("DELETE FROM frozen_rows", "UPDATE frozen_rows SET label = 'neutral'", "DELETE FROM chunk_rows"):
        with pytest.raises(Exception, match="permission denied"), store.begin() as connection:
            connection.execute(text(statement))


def test_a_package_trained_after_an_erasure_is_that_of_a_snapshot_without_the_rows(store, settings, frozen, tmp_path):
    erase(store, [7])
    with store.begin() as connection:
        connection.execute(text("DELETE FROM labels WHERE tweet_id = 7"))
    never = snapshot.run(store, settings)
    assert (frozen.train_rows, never.train_rows, never.holdout_rows) == (480, 479, 120)
    digests = set()
    for taken in (frozen, never):
        spec = TrainingSpec(family="tfidf_logreg", seed=0, options={}, snapshot_hash=taken.content_hash)
        model = inputs.fit(spec, snapshot_files.read(store, settings, taken))
        digests.add(model_package.write(model, tmp_path / f"package-{taken.snapshot_id}"))
    assert len(digests) == 1


@pytest.fixture
def whole(store, owner, settings, tweets):
    """A snapshot as an earlier release made it: one file, and rows without commitments."""
    with store.begin() as connection:
        frame = current_labels.labelled(connection, settings.policy.snapshot.label_precedence, auditors=["local"])
    frame, split_at = holdout_split.split(frame, settings.policy.snapshot)
    settings.snapshots.mkdir(parents=True)
    frame[list(holdout_split.COLUMNS)].to_parquet(settings.snapshots / "snapshot-old.parquet", index=False)
    values = {
        "content_hash": holdout_split.content_hash(frame),
        "split_at": split_at,
        "train_rows": 480,
        "holdout_rows": 120,
        "uri": "snapshot-old.parquet",
    }
    with owner.begin() as connection:
        columns, bound = ", ".join(values), ", ".join(f":{name}" for name in values)
        connection.execute(text(f"INSERT INTO snapshots ({columns}, policy) VALUES ({bound}, '{{}}')"), values)
        ids = dict(zip(frame["tweet_id"], frame["part"], strict=True))
        train = [int(tweet_id) for tweet_id, part in ids.items() if part == "train"]
        part = "CASE WHEN tweet_id = ANY(:train) THEN 'train' ELSE 'holdout' END"
        put_into_snapshot(connection, 1, f"SELECT tweet_id, label, {part} FROM labels", train=train)
        rows_hash = snapshot_proofs.rows_hash(connection, 1)
        ledger.append(connection, "snapshot", {"snapshot_id": 1, **values, "rows_hash": rows_hash})
        return snapshots.by_id(connection, 1)


def test_a_snapshot_of_an_earlier_release_gets_commitments(store, settings, whole):
    frame = snapshot_files.read(store, settings, whole)
    assert (len(frame), verify.run(store, settings).problems) == (600, ())
    with pytest.raises(ValueError, match="committed first"):
        erase(store)
    assert commit_snapshots.run(store, settings, []).committed == ()
    assert commit_snapshots.run(store, settings, [1]).committed == (1,)
    assert commit_snapshots.run(store, settings, [1]).committed == ()
    assert not (settings.snapshots / whole.uri).exists()
    assert values(store, "SELECT count(*) FROM frozen_rows WHERE salt IS NULL") == [(0,)]
    pd.testing.assert_frame_equal(snapshot_files.read(store, settings, whole), frame, check_dtype=False)
    assert verify.run(store, settings).problems == ()


def test_forgetting_commits_the_snapshots_of_earlier_releases_that_hold_the_tweets(store, settings, whole):
    frame = snapshot_files.read(store, settings, whole)
    order = request_erasure.ErasureOrder(tweet_ids=GONE, requested_by="ann")
    number = request_erasure.run(store, settings, order)
    assert forget.run(store, settings).done == (number,)
    assert not (settings.snapshots / whole.uri).exists()
    assert len(snapshot_files.read(store, settings, whole)) == 597
    assert not words_on_disk(settings, GONE, frame)
    assert verify.run(store, settings).problems == ()


def test_what_is_not_as_recorded_gets_no_commitments(store, owner, settings, whole):
    with owner.begin() as connection:
        connection.execute(text("UPDATE frozen_rows SET part = 'holdout' WHERE tweet_id = 7"))
    done = commit_snapshots.run(store, settings, [1])
    assert (done.committed, done.unproven) == ((), {1: "the rows of snapshot 1 are not those of its file"})
    assert (settings.snapshots / whole.uri).exists()


@pytest.mark.parametrize("harm", ["gone", "no file", "other rows", "other chunks"])
def test_a_snapshot_that_nothing_proves_loses_its_rows_all_the_same(store, owner, settings, whole, harm):
    frame = snapshot_files.read(store, settings, whole)
    path = settings.snapshots / whole.uri
    if harm == "gone":
        path.unlink()
    elif harm == "no file":
        path.write_bytes(b"PAR1 cut off")
    else:
        rows = "UPDATE frozen_rows SET label = 'neutral' WHERE tweet_id = 9"
        chunk = "INSERT INTO snapshot_chunks (root, part, leaves) VALUES ('x', 'train', 'x') RETURNING chunk_id"
        chunk = f"WITH new AS ({chunk}) INSERT INTO snapshot_contents SELECT 1, 99, chunk_id FROM new"
        with owner.begin() as connection:
            connection.execute(text(rows if harm == "other rows" else chunk))
    number = request_erasure.run(store, settings, request_erasure.ErasureOrder(tweet_ids=GONE, requested_by="ann"))
    assert forget.run(store, settings).done == (number,)
    assert values(store, "SELECT count(*) FROM frozen_rows WHERE tweet_id IN (7, 8, 560)") == [(0,)]
    if harm.startswith("other"):
        assert not words_on_disk(settings, GONE, frame)
        assert len(pd.read_parquet(path)) == 597
    with store.begin() as connection:
        (told,) = [row for row in receipt.of_request(connection, number)["ledger"] if row["kind"] == "erasure"]
        assert list(told["snapshots_without_proof"]) == ["1"]
        assert [one.kind for one in alerts.list_alerts(connection)] == ["forged_record"]
    assert verify.run(store, settings).problems, "what was not as recorded stays a problem"


def test_rows_that_nobody_signed_stop_no_request(store, settings, frozen, tmp_path):
    """DATABASE_ROLE may insert into these tables."""
    precious = tmp_path / "precious.parquet"
    pd.DataFrame({"position": [0]}).to_parquet(precious)
    statements = (
        "INSERT INTO snapshots (content_hash, split_at, train_rows, holdout_rows, uri, policy) "
        "VALUES ('x', now(), 1, 1, '../../precious.parquet', '{}')",
        "INSERT INTO frozen_rows (tweet_id, label, part) VALUES (7, 'neutral', 'train'), (8, 'neutral', 'train')",
        "INSERT INTO snapshot_chunks (root, part) VALUES ('../../../precious', 'train'), (repeat('a', 64), 'train')",
        "INSERT INTO chunk_rows SELECT chunk_id, row_id, row_id FROM frozen_rows, snapshot_chunks "
        "WHERE label = 'neutral' AND salt IS NULL AND leaves IS NULL",
        "INSERT INTO snapshot_contents SELECT s.snapshot_id, c.chunk_id, c.chunk_id FROM snapshots s, "
        "snapshot_chunks c WHERE c.leaves IS NULL",
        "INSERT INTO model_versions (version, family, digest, run_id, training_key, snapshot_id, training) "
        "SELECT 900, 'count_logreg', '../../precious', 'r', 'k', max(snapshot_id), "
        """'{"inputs": {"start": {"version": 10000}, "unlabelled": {"limit": "x"}}}' FROM snapshots""",
    )
    with store.begin() as connection:
        for statement in statements:
            connection.execute(text(statement.replace(":", r"\:")))
    (settings.snapshots / "chunks" / f"{'a' * 64}.parquet").write_bytes(b"no file of rows")
    number = request_erasure.run(store, settings, request_erasure.ErasureOrder(tweet_ids=GONE, requested_by="ann"))
    result = forget.run(store, settings)
    assert (result.done, result.erased_versions) == ((number,), ())
    assert values(store, "SELECT count(*) FROM frozen_rows WHERE tweet_id IN (7, 8, 560)") == [(0,)]
    assert precious.exists()
    with store.begin() as connection:
        opened = [one for one in alerts.list_alerts(connection) if one.kind == "forged_record"]
    named = ("snapshot 2 has no signed row", "model version 900 has no signed row", "a file of a chunk was changed")
    assert [any(words.lower() in one.body.lower() for one in opened) for words in named] == [True] * 3
