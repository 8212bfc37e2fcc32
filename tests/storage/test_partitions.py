"""Every tweet has a partition, whatever its age; roles of the platform make partitions and use them as one table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import orjson
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from sentiment_lib.records import API_IDS_FROM
from sentiment_lib.serving import spool_sink
from sentiment_lib.sources.files import FileSource
from sentiment_lib.steps.ingestion import ingest
from sentiment_lib.steps.operations import retention
from sentiment_lib.storage import grants, migrate, orphans, partitions
from sentiment_lib.storage.engine import Store
from sentiment_lib.tweet_ids import first_api_id, first_id, id_time
from tests.conftest import as_role

DATABASE_ROLE = grants.APP
NOW = datetime.now(UTC)
VERSION = (
    "INSERT INTO model_versions (version, family, digest, run_id, training_key) VALUES (1, 'vader', 'd', 'r', 'k')"
)


def place_of(store, table="tweets"):
    """Id of each row -> the partition that holds it."""
    with store.begin() as connection:
        return dict(connection.execute(text(f"SELECT tweet_id, tableoid::regclass::text FROM {table}")).all())


def without_months_ahead(owner):
    """As after months in which nobody made partitions: what begins at this month is gone."""
    with owner.begin() as connection:
        names = [p.name for p in partitions.stored(connection) if not p.name.endswith("_first")]
        for name in names:
            for table in (name.replace("tweets", "predictions", 1), name):
                connection.execute(text(f"DROP TABLE {table}"))
    return names


def write_csv(tmp_path, *ids):
    lines = "".join(f"{number},late again,{NOW.isoformat()}\n" for number in ids)
    path = tmp_path / "t.csv"
    path.write_text(f"tweet_id,text,created_at\n{lines}")
    return FileSource(path)


def prediction(tweet_id):
    values = {"kind": "prediction", "tweet_id": tweet_id, "version": 1, "text": "late", "label": "negative"}
    return {**values, "p_negative": 1, "p_neutral": 0, "p_positive": 0, "at": NOW.isoformat()}


def test_bounds_of_partitions_are_those_of_the_ids(store):
    moment = datetime(2027, 5, 1, tzinfo=UTC)
    assert id_time(first_id(moment)) == moment
    assert id_time(first_id(moment) - 1) < moment
    with store.begin() as connection:
        for is_api, first in ((False, first_id), (True, first_api_id)):
            made = connection.execute(text("SELECT first_id_of(:at, :api)"), {"at": moment, "api": is_api}).scalar_one()
            assert made == first(moment)
            query = text("SELECT time_of_id(:id)")
            assert connection.execute(query, {"id": first(moment)}).scalar_one() == moment


def test_new_old_and_late_tweets_are_stored_where_nobody_made_partitions(store, owner, settings, tmp_path):
    without_months_ahead(owner)
    new, late, old = first_id(NOW), first_id(NOW - timedelta(days=400)), 7
    result = ingest.run(store, settings, write_csv(tmp_path, late, old, new))
    assert (result.stored, result.quarantined) == (3, 0)
    assert place_of(store) == {new: f"tweets_{NOW:%Y%m}01", late: "tweets_first", old: "tweets_first"}
    with store.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM tweets_to_score")).scalar_one() == 3
        assert partitions.add_missing(connection, NOW, "month") == 0


@pytest.mark.parametrize("rows", [1, 200])
def test_an_id_of_the_future_is_refused_with_its_reason(store, settings, tmp_path, rows):
    future = [first_id(NOW + timedelta(days=400)) + number for number in range(rows)]
    result = ingest.run(store, settings, write_csv(tmp_path, 1, *future))
    assert (result.stored, result.quarantined) == (1, rows)
    with store.begin() as connection:
        reasons = (
            connection.execute(text("SELECT DISTINCT reason FROM quarantine WHERE row_number = 2")).scalars().all()
        )
    assert reasons == [
        f"the id {future[0]} is no tweet id: X would assign it in {NOW + timedelta(days=400):%Y}, in the future"
    ]


def test_the_api_stores_its_texts_in_partitions_of_their_own(database_url, owner):
    with owner.begin() as connection:
        connection.execute(text(VERSION))
    api = Store(as_role(database_url, grants.API))
    later = first_api_id(NOW + timedelta(days=40))
    with api.begin() as connection:
        partitions.add_missing(connection, NOW + timedelta(days=40), "month")
    spool_sink.store_batches(api, [orjson.dumps([prediction(API_IDS_FROM + 1), prediction(later)])])
    places = place_of(owner, "predictions")
    assert places[API_IDS_FROM + 1] == "predictions_api_first"
    assert places[later].startswith("predictions_api_20")
    with pytest.raises(DBAPIError, match="permission denied"), api.begin() as connection:
        connection.execute(text("SELECT * FROM tweets_api_first"))
    api.close()


def test_partitions_follow_each_other_without_a_gap_also_when_the_period_changes(store, settings):
    made = retention.run(store, settings).partitions
    daily = settings.model_copy(
        update={"policy": settings.policy.model_copy(update={"retention": retention_policy(settings, "day")})}
    )
    assert retention.run(store, settings).partitions == 0
    assert retention.run(store, daily, at=NOW + timedelta(days=90)).partitions >= 2 * 60
    assert made >= 2
    with store.begin() as connection:
        stored = partitions.stored(connection)
        for is_api in (False, True):
            mine = [p for p in stored if p.is_api is is_api]
            assert [p.lower_id for p in mine[1:]] == [p.upper_id for p in mine[:-1]]
            assert len({p.name for p in mine}) == len(mine)


def retention_policy(settings, period):
    return settings.policy.retention.model_copy(update={"partition": period})


# the ids depend on the moment, and the names of tests must not
@pytest.mark.parametrize(
    "upper",
    [first_id(NOW + timedelta(days=500)), first_api_id(NOW + timedelta(days=500))],
    ids=["tweets", "api_texts"],
)
def test_no_role_takes_years_of_ids_into_one_partition(store, upper):
    with pytest.raises(DBAPIError, match="400 days ahead"), store.begin() as connection:
        connection.execute(text("SELECT add_partition(:id)"), {"id": upper})


def test_a_filled_database_is_partitioned_without_losing_a_row(empty_database_url):
    migrate.upgrade(empty_database_url, "0030")
    store = Store(empty_database_url)
    with store.begin() as connection:
        connection.execute(text("INSERT INTO ingests (source) VALUES ('test')"))
        connection.execute(text(VERSION))
        for number in (1, first_id(NOW), API_IDS_FROM + 1):
            for statement in (
                "INSERT INTO tweets (tweet_id, text, created_at, ingest_id) VALUES (:id, 'late', now(), 1)",
                "INSERT INTO predictions (tweet_id, model_version, label, p_negative, p_neutral, p_positive) "
                "VALUES (:id, 1, 'negative', 1, 0, 0)",
                "INSERT INTO feedback (prediction_id, label, given_by) SELECT prediction_id, 'neutral', 'ann' "
                "FROM predictions WHERE tweet_id = :id",
            ):
                connection.execute(text(statement), {"id": number})
    migrate.upgrade(empty_database_url)
    places = {1: "first", first_id(NOW): "first", API_IDS_FROM + 1: "api_first"}
    for table in ("tweets", "predictions"):
        assert place_of(store, table) == {number: f"{table}_{place}" for number, place in places.items()}
    with store.begin() as connection:
        assert migrate.drift(connection) == []
        assert orphans.find(connection) == []
        assert partitions.stored(connection)[0].upper_id > first_id(NOW)
        assert set(connection.execute(text("SELECT tweet_id FROM feedback")).scalars()) == places.keys()
        assert partitions.add_missing(connection, NOW + timedelta(days=60), "month") >= 2
    store.close()


def test_rows_without_their_tweet_are_found(store):
    with store.begin() as connection:
        assert orphans.find(connection) == []
        connection.execute(
            text(
                "INSERT INTO labels (tweet_id, label, source, labelled_by, labelled_at) "
                "VALUES (5, 'negative', 'person', 'ann', now())"
            )
        )
        assert orphans.find(connection) == ["1 rows of labels refer to a tweet that is not stored, such as tweet 5"]
