"""What is erased is refused from then on, whoever asked and whatever was removed or said in between."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from benchmarks import small_models
from sentiment_lib import clock
from sentiment_lib.erasure import compliance_file
from sentiment_lib.errors import BadInput, ErasureFailed
from sentiment_lib.serving import api_keys
from sentiment_lib.sources.files import FileSource
from sentiment_lib.steps.erasure import forget, request_erasure
from sentiment_lib.steps.erasure.request_erasure import ErasureOrder
from sentiment_lib.steps.ingestion import ingest
from sentiment_lib.steps.operations import verify
from sentiment_lib.storage import erasure_audit, erasure_requests, feedback, grants, large_erasures
from sentiment_lib.storage.engine import Store
from tests.conftest import as_role

DATABASE_ROLE = grants.APP
FIRST = 1_200_000_000_000_000_000
ASKED = (
    "INSERT INTO erasure_requests (kind, requested_by, due_at, named, subject) "
    "VALUES ('author', 'desk', now() + interval '1 day', {named}, jsonb_build_object('author', CAST(:author AS text))) "
    "RETURNING request_id"
)


@pytest.fixture
def api(database_url, settings):
    """The store of the API, whose role may store requests without the code of the platform."""
    opened = Store(as_role(database_url, grants.API), tombstones=settings.tombstones)
    yield opened
    opened.close()


@pytest.fixture
def tweets(store, settings, tmp_path):
    """Ids of six stored tweets, of two authors in turn."""
    ids = [FIRST + n for n in range(6)]
    path = tmp_path / "in.csv"
    lines = [f"{number},@united late again {number},2026-01-01T00:00:00Z,who{number % 2}" for number in ids]
    path.write_text("tweet_id,text,created_at,author\n" + "\n".join(lines) + "\n")
    ingest.run(store, settings, FileSource(path))
    api_keys.create(store, "desk", ("privacy",))
    return ids


def run(store, statement, **values):
    with store.begin() as connection:
        done = connection.execute(text(statement), values)
        return done.scalar() if done.returns_rows else None


def problems(store):
    with store.one_moment() as connection:
        return verify.records(connection)


def offered_again(store, settings, path, tweets):
    """How many of these are stored after a file without authors has brought them all again."""
    lines = [f"{number},@united late again {number},2026-01-01T00:00:00Z" for number in tweets]
    path.write_text("tweet_id,text,created_at\n" + "\n".join(lines) + "\n")
    ingest.run(store, settings, FileSource(path))
    return run(store, "SELECT count(*) FROM tweets")


def ask(store, settings, **order):
    return request_erasure.run(store, settings, ErasureOrder(**{"requested_by": "desk", **order}))


def comply(store, settings, *lines):
    events = compliance_file.read(map(json.dumps, lines), name="f")
    return ask(store, settings, compliance=events, requested_by="x", channel=request_erasure.POLL)


def said(number, reason, at):
    return {"id": str(number), "reason": reason, "redacted_at": at.isoformat()}


def of_account(event, at):
    return {"data": {event: {"user": {"id": "who0"}, "event_at": at.isoformat()}}}


def test_tweets_of_a_forgotten_author_are_refused_in_a_file_that_names_no_author(store, settings, tweets, tmp_path):
    ask(store, settings, author="who0")
    forget.run(store, settings, models=False)
    assert offered_again(store, settings, tmp_path / "again.csv", tweets) == 3
    assert problems(store) == []


def test_refused_rows_of_a_forgotten_author_do_not_come_in_later_without_one(store, settings, tweets, tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text(f"tweet_id,text,created_at,author\n{FIRST + 90},late again,some day,who0\n")
    ingest.run(store, settings, FileSource(path))
    ask(store, settings, author="who0")
    forget.run(store, settings, models=False)
    assert offered_again(store, settings, tmp_path / "again.csv", [*tweets, FIRST + 90]) == 3


@pytest.mark.parametrize(("author", "named", "left"), [("nobody", 2, 4), ("who0", 0, 3)])
def test_a_request_that_the_role_of_the_api_stored_erases_and_refuses_all_that_it_says(
    store, api, settings, tweets, tmp_path, author, named, left
):
    with api.begin() as connection:
        number = connection.execute(text(ASKED.format(named=named)), {"author": author}).scalar_one()
        if named:
            listed = "INSERT INTO erasure_targets SELECT :request, unnest(CAST(:ids AS bigint[]))"
            connection.execute(text(listed), {"request": number, "ids": tweets[:named]})
    forget.run(store, settings, models=False)
    assert run(store, "SELECT count(*) FROM tweets") == left
    assert offered_again(store, settings, tmp_path / "again.csv", tweets) == left
    assert problems(store) == []


def test_tombstones_that_the_role_of_the_steps_removes_are_made_again(store, settings, tweets, tmp_path):
    ask(store, settings, tweet_ids=tweets[:1])
    now = clock.now()
    edit = {"data": {"edit": {"tweet": {"id": str(tweets[2])}, "event_at": now.isoformat()}}}
    comply(store, settings, said(tweets[1], "deleted", now), edit)
    run(store, "DELETE FROM tombstones")
    forget.run(store, settings, models=False)
    assert offered_again(store, settings, tmp_path / "again.csv", tweets) == 4, "an edited tweet may come"
    assert problems(store) == []


def test_a_request_from_which_tweets_were_taken_out_is_not_carried_out_without_them(store, settings, tweets):
    number = ask(store, settings, tweet_ids=tweets[:2])
    run(store, "DELETE FROM erasure_targets WHERE tweet_id = :tweet", tweet=tweets[0])
    with pytest.raises(ErasureFailed, match="named 2 tweets, and 1 were taken out"):
        forget.run(store, settings, models=False)
    with store.begin() as connection:
        assert erasure_requests.by_id(connection, number).state == erasure_requests.RECEIVED


def test_an_older_word_of_x_that_comes_late_lifts_no_newer_one(store, settings, tweets, tmp_path):
    comply(store, settings, said(tweets[0], "deleted", clock.now()))
    forget.run(store, settings, models=False)
    between = clock.now()
    comply(store, settings, said(tweets[0], "deleted", clock.now()))
    comply(store, settings, said(tweets[0], "undelete", between))
    forget.run(store, settings, models=False)
    assert offered_again(store, settings, tmp_path / "again.csv", tweets) == 5
    comply(store, settings, said(tweets[0], "undelete", clock.now()))
    assert offered_again(store, settings, tmp_path / "again.csv", tweets) == 6
    assert problems(store) == []


def test_of_several_events_of_one_file_the_newest_counts(store, settings, tweets):
    now = clock.now()
    comply(store, settings, said(tweets[0], "deleted", now))
    forget.run(store, settings, models=False)
    deleted, restored = (now + timedelta(minutes=later) for later in (2, 1))
    comply(store, settings, said(tweets[0], "deleted", deleted), said(tweets[0], "undelete", restored))
    assert run(store, "SELECT count(*) FROM tombstones") == 1


def test_with_an_account_that_x_restores_its_tweets_come_back_but_those_that_somebody_named(
    store, settings, tweets, tmp_path
):
    for _ in range(2):
        comply(store, settings, of_account("user_delete", clock.now()))
        forget.run(store, settings, models=False)
    comply(store, settings, said(tweets[0], "deleted", clock.now()))
    ask(store, settings, tweet_ids=[tweets[2]])
    comply(store, settings, of_account("user_undelete", clock.now()))
    forget.run(store, settings, models=False)
    assert offered_again(store, settings, tmp_path / "again.csv", tweets) == 4
    assert problems(store) == []


def test_an_earlier_version_of_an_edited_tweet_is_refused(store, settings, tweets, tmp_path):
    edit = {"tweet": {"id": str(tweets[0])}, "edit_tweet_ids": [str(tweets[0]), str(tweets[1])]}
    comply(store, settings, {"data": {"tweet_edit": edit}})
    forget.run(store, settings, models=False)
    assert offered_again(store, settings, tmp_path / "again.csv", tweets) == 5


def test_rows_of_a_forgotten_tweet_that_roles_store_again_are_found_become_no_label_and_go_with_the_next_request(
    store, api, owner, database_url, settings, tweets
):
    small_models.enter(owner, 1, "vader", "d")
    ask(store, settings, tweet_ids=tweets[:5])
    forget.run(store, settings, models=False)
    of_label = "INSERT INTO labels (tweet_id, label, source, labelled_by, labelled_at) "
    run(api, f"{of_label} VALUES (:tweet, 'negative', 'person', 'desk', now())", tweet=tweets[0])
    of_pick = "INSERT INTO label_picks (tweet_id, model_version, kind, person, position, handed_at) "
    run(api, f"{of_pick} VALUES (:tweet, 1, 'uncertain', 'desk', 1, now())", tweet=tweets[1])
    run(api, "INSERT INTO tweets_to_score (tweet_id) VALUES (:tweet)", tweet=tweets[2])
    of_version = "INSERT INTO predictions (tweet_id, model_version, label, p_negative, p_neutral, p_positive) "
    run(store, f"{of_version} VALUES (:tweet, 1, 'negative', 1, 0, 0)", tweet=tweets[4])
    console = Store(as_role(database_url, grants.CONSOLE))
    said_by_ann = (
        "INSERT INTO feedback (tweet_id, model_version, label, given_by) VALUES (:tweet, 1, 'negative', 'ann')"
    )
    run(console, said_by_ann, tweet=tweets[3])
    console.close()
    with store.begin() as connection:
        assert feedback.store_missing_labels(connection) == 0
        found = erasure_audit.resurrected(connection)
    assert found == [f"tweet {number} was forgotten, and is stored again" for number in tweets[:5]]
    ask(store, settings, tweet_ids=tweets[:5])
    forget.run(store, settings, models=False)
    with store.begin() as connection:
        assert erasure_audit.resurrected(connection) == []


@pytest.mark.parametrize(
    "counts",
    [
        "'{\"a\":' || repeat('[', 3000) || repeat(']', 3000) || '}'",
        "'{\"found\": []}'",
        '\'{"found": {"tweets": "x"}}\'',
    ],
    ids=["deep", "another shape", "no number"],
)
def test_a_request_whose_row_cannot_be_read_is_named_and_carried_out(store, settings, tweets, counts):
    ask(store, settings, tweet_ids=tweets[:1])
    run(store, f"UPDATE erasure_requests SET counts = CAST({counts} AS jsonb)")
    assert problems(store) == ["request 1 to forget was changed: its counts cannot be read"]
    with store.begin() as connection:
        assert large_erasures.received_since(connection, settings.policy.erasure, clock.now() - timedelta(days=1)) == []
    assert forget.run(store, settings, models=False).erased == (1,)
    assert problems(store) == []


def test_a_check_that_recurses_too_deeply_is_a_problem_and_ends_no_verification(store):
    def deep(_connection):
        return json.loads("[" * 100_000)

    with store.begin() as connection:
        (problem,) = verify._finish(deep, connection)
    assert "RecursionError" in problem


def test_no_author_has_a_name_of_megabytes(store, api, settings, tweets):
    assert len(tweets) == 6
    with pytest.raises(IntegrityError, match="subject_length"):
        run(api, ASKED.format(named=0), author="ab" * 500_000)
    with pytest.raises(BadInput, match="at most 200"):
        ask(store, settings, author="a" * 201)
