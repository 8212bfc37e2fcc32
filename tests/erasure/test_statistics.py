"""Statistics of the planner, which outlive a row: they hold no text, and the ids in them go with the rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from benchmarks.forget import byte_search
from benchmarks.forget.planted import Tweet, word_of
from sentiment_lib.steps.erasure import forget, request_erasure
from sentiment_lib.steps.erasure.request_erasure import ErasureOrder
from sentiment_lib.storage import grants, partitions
from sentiment_lib.tweet_ids import first_id

DATABASE_ROLE = grants.APP
TWEETS = 60


@pytest.fixture
def tweets(owner):
    """Tweets in the first partition and in one that was made later, analysed as a whole."""
    later = datetime.now(UTC) + timedelta(days=40)
    with owner.begin() as connection:
        assert partitions.add_missing(connection, later, "week")
        connection.execute(text("INSERT INTO ingests (source) VALUES ('file:a.csv')"))
    made = [
        Tweet(
            tweet_id=first_id(later if number % 2 else datetime(2025, 1, 1, tzinfo=UTC)) + number * 4_000_000,
            text=f"@united {word_of(number)} again",
            word=word_of(number),
            author="ann",
            label="negative",
            created_at=later,
            source="csv",
        )
        for number in range(TWEETS)
    ]
    with owner.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(
            text(
                "INSERT INTO tweets (tweet_id, text, author_hash, created_at, ingest_id) "
                "VALUES (:id, :text, sha256('ann'), :at, 1)"
            ),
            [{"id": one.tweet_id, "text": one.text, "at": one.created_at} for one in made],
        )
        assert connection.execute(text("SELECT count(DISTINCT tableoid) FROM tweets")).scalar_one() == 2
        connection.exec_driver_sql("ANALYZE")
    return made


def sampled(owner, tweets):
    """Table -> tweets of whose ids or words its statistics speak."""
    query = text("SELECT tablename, pg_stats::text FROM pg_stats WHERE schemaname = 'public'")
    wanted, found = byte_search.needles(tweets), {}
    with owner.begin() as connection:
        for table, row in connection.execute(query):
            found.setdefault(table, set()).update(wanted[token] for token in wanted if token in row.encode())
    return {table: ids for table, ids in found.items() if ids}


def test_statistics_hold_no_text_and_lose_the_ids_of_what_is_forgotten(store, owner, settings, tweets, postgres_server):
    assert {"tweets"} < sampled(owner, tweets).keys(), "ids are sampled, also over all partitions"
    postgres_server.execute("CHECKPOINT")
    # files of the catalogue and of indexes have the words of no text but in the tables and indexes themselves
    with owner.begin() as connection:
        kept = connection.execute(text("SELECT pg_relation_filenode('pg_statistic'), pg_relation_filenode(2840)"))
        files = {str(number) for number in kept.one()}
    speaking = byte_search.in_data_folder(postgres_server.data_of(owner), byte_search.needles(tweets))
    assert speaking
    assert not files & speaking.keys()
    gone = tweets[::7]
    order = ErasureOrder(tweet_ids=[one.tweet_id for one in gone], requested_by="ann")
    request_erasure.run(store, settings, order)
    assert forget.run(store, settings).done
    assert sampled(owner, gone) == {}
    assert {"tweets"} < sampled(owner, tweets).keys()
    with owner.begin() as connection:
        query = "SELECT DISTINCT attname FROM pg_stats WHERE tablename LIKE 'tweets%' OR tablename LIKE 'ix_tweets%'"
        columns = set(connection.execute(text(query)).scalars())
    assert {"tweet_id", "created_at"} < columns
    assert not columns & {"text", "author_hash", "to_tsvector"}
