"""Roles of the database that have the platform forget in another's name, or change files that are none of theirs."""

from __future__ import annotations

import socket

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from sentiment_lib.sources.files import FileSource
from sentiment_lib.steps.erasure import forget, receipt, request_erasure
from sentiment_lib.steps.erasure.request_erasure import ErasureOrder
from sentiment_lib.steps.ingestion import ingest
from sentiment_lib.storage import erasure_audit, exports, grants, ledger
from sentiment_lib.storage.engine import Store
from tests.conftest import as_role, put_into_snapshot

DATABASE_ROLE = grants.APP
FIRST = 1_200_000_000_000_000_000
REQUEST = (
    "INSERT INTO erasure_requests (kind, requested_by, due_at, named) "
    "VALUES ('tweets', '{by}', now() + interval '1 day', 5) RETURNING request_id"
)
EXPORT = "INSERT INTO exports (kind, written_by, host, path, rows) VALUES ('labels', 'x', :host, :path, 1)"


@pytest.fixture
def api(database_url, settings):
    """The store of the API."""
    opened = Store(as_role(database_url, grants.API), tombstones=settings.tombstones)
    yield opened
    opened.close()


@pytest.fixture
def console(database_url):
    """The store of the console."""
    opened = Store(as_role(database_url, grants.CONSOLE))
    yield opened
    opened.close()


@pytest.fixture
def tweets(store, settings, tmp_path):
    """Ids of stored tweets."""
    path = tmp_path / "in.csv"
    lines = [f"{FIRST + n},@united late again {n},2026-01-01T00:0{n}:00Z,who{n}" for n in range(6)]
    path.write_text("tweet_id,text,created_at,author\n" + "\n".join(lines) + "\n")
    ingest.run(store, settings, FileSource(path))
    return [FIRST + n for n in range(6)]


def ask_and_forget(store, settings, *ids):
    number = request_erasure.run(store, settings, ErasureOrder(tweet_ids=ids, requested_by="desk"))
    forget.run(store, settings, models=False)
    return number


def run(store, statement, **values):
    with store.begin() as connection:
        done = connection.execute(text(statement), values)
        return done.scalar() if done.returns_rows else None


def key(store, name, role, expires="NULL"):
    values = f"'{name}', '{{{role}}}', '{name}', {expires}"
    run(store, f"INSERT INTO api_keys (name, roles, key_hash, expires_at) VALUES ({values})")


def test_the_role_of_the_api_asks_in_the_name_of_a_living_key_of_a_privacy_desk_alone(store, api, settings, tweets):
    key(store, "desk", "privacy")
    key(store, "reader", "predict")
    key(store, "past", "privacy", "now() - interval '1 hour'")
    for by in ("mlops", "reader", "past"):
        with pytest.raises(ProgrammingError, match="the API stores no such row"):
            run(api, REQUEST.format(by=by))
    with pytest.raises(ProgrammingError, match="the API stores no such row"):
        run(api, REQUEST.format(by="desk").replace("'tweets'", "'age'"))
    with pytest.raises(ProgrammingError, match="permission denied"):
        run(api, REQUEST.format(by="desk").replace("named)", "named, state)").replace("5)", "5, 'erasing')"))
    order = ErasureOrder(tweet_ids=tweets[:1], requested_by="desk", recorded=False)
    number = request_erasure.run(api, settings, order)
    later = "VALUES (:request, :tweet)"
    for statement in (
        f"INSERT INTO erasure_targets (request_id, tweet_id) {later}",
        "INSERT INTO tombstones (request_id, hash, kind, key_id) "
        "SELECT :request, sha256(CAST(CAST(:tweet AS text) AS bytea)), 'tweet', key_id FROM tombstones",
    ):
        with pytest.raises(ProgrammingError, match="the API stores no such row"):
            run(api, statement, request=number, tweet=tweets[1])
    forget.run(store, settings, models=False)
    with store.begin() as connection:
        asked = ledger.find_genuine(connection, erasure_audit.RECEIVED, {"request_id": number}).facts()
    assert (asked["requested_by"], asked["channel"]) == ("desk", "api")
    assert run(store, "SELECT count(*) FROM tweets") == len(tweets) - 1


def test_a_tombstone_of_an_unknown_key_stops_no_way_in(store, api, settings, tweets, tmp_path):
    ask_and_forget(store, settings, tweets[0])
    key(store, "desk", "privacy")
    foreign = (
        f"WITH asked AS ({REQUEST.format(by='desk')}) INSERT INTO tombstones (request_id, hash, kind, key_id) "
        "SELECT request_id, sha256('x'), 'tweet', 'another key' FROM asked"
    )
    for role in (api, store):
        with pytest.raises(IntegrityError, match="of another key"):
            run(role, foreign)
    again = tmp_path / "again.csv"
    again.write_text(f"tweet_id,text,created_at\n{tweets[0]},late,2026-01-01T00:00:00Z\n5,new,2026-01-01T00:00:00Z\n")
    assert ingest.run(store, settings, FileSource(again)).stored == 1


def test_a_target_of_a_carried_out_request_hides_no_tweet_that_is_stored_again(store, settings, tweets):
    done = ask_and_forget(store, settings, tweets[1])
    run(store, "INSERT INTO tweets (tweet_id, text, created_at, ingest_id) "
               "SELECT :id, 'late again', '2026-01-01', max(ingest_id) FROM ingests", id=tweets[1])  # fmt: skip
    run(store, "INSERT INTO erasure_targets (request_id, tweet_id) VALUES (:r, :t)", r=done, t=tweets[1])
    with store.begin() as connection:
        assert erasure_audit.resurrected(connection) == [f"tweet {tweets[1]} was forgotten, and is stored again"]
        assert erasure_audit.requests(connection) == [
            f"request {done} to forget is carried out, and names tweets again"
        ]


def test_the_role_of_the_console_records_downloads_alone(console, tmp_path):
    with pytest.raises(ProgrammingError, match="no path of a file is stored by sentiment_console"):
        run(console, EXPORT, host="here", path=str(tmp_path / "a.csv"))
    run(console, EXPORT, host="here", path=None)


def test_forgetting_changes_no_file_that_the_platform_did_not_sign_for(store, settings, tweets, tmp_path_factory):
    outside, content = tmp_path_factory.mktemp("outside"), f"{tweets[0]},admin\n2,else\n"
    stranger, own, target, page = (outside / name for name in ("stranger.csv", "own.csv", "target.csv", "page.html"))
    link, other, below = outside / "link.csv", outside / "authorized_keys", settings.home / "anchors" / "below.csv"
    below.parent.mkdir()
    for path in (stranger, own, target, page, other, below):
        path.write_text(content)
    link.symlink_to(target)
    circle = outside / "circle.csv"
    circle.symlink_to(circle)
    run(store, EXPORT, host=socket.gethostname(), path=str(stranger))
    with store.begin() as connection:
        for path in (own, page, link, circle, other, below, outside / "gone.csv"):
            export = exports.NewExport(kind="labels", path=str(path), host=socket.gethostname(), written_by="x")
            exports.record(connection, export)
    number = ask_and_forget(store, settings, tweets[0])
    assert [path.read_text() for path in (stranger, target, other, below)] == [content] * 4
    assert link.is_symlink()
    assert own.read_text() == "2,else\n"
    assert not page.exists()
    with store.begin() as connection:
        told = receipt.of_request(connection, number)["ledger"][1]["exports_left"]
    assert sorted(one["why"] for one in told) == [
        "a symbolic link is on its path",
        "a symbolic link is on its path",
        "it is below SENTIMENT_HOME",
        "its name ends otherwise than those of exports",
        "no signed row of the ledger names it",
    ]


def test_the_role_of_steps_removes_no_rows_of_a_snapshot_without_commitments(store, owner, tweets):
    with owner.begin() as connection:
        number = connection.execute(
            text(
                "INSERT INTO snapshots (content_hash, split_at, train_rows, holdout_rows, uri, policy) "
                "VALUES ('old', now(), 6, 0, 'old.parquet', '{}') RETURNING snapshot_id"
            )
        ).scalar_one()
        put_into_snapshot(connection, number, "SELECT tweet_id, 'negative', 'train' FROM tweets")
    with pytest.raises(IntegrityError, match="the chunks hold other rows than snapshot"):
        run(store, "SELECT replace_whole_rows(:s, '{}')", s=number)
    assert run(store, "SELECT count(*) FROM snapshot_rows") == len(tweets)
