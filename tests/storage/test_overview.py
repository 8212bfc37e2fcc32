"""What the overview says of tweets: corrected shares, its range and airline, and counts that follow what is new."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text

from sentiment_lib.console import date_range, health, overview
from sentiment_lib.console.estimated_shares import Basis
from sentiment_lib.console.pages import draw
from sentiment_lib.errors import BadInput
from sentiment_lib.policy import Policy
from sentiment_lib.steps.scoring import daily_sentiment
from sentiment_lib.storage import daily_quality
from sentiment_lib.storage import daily_sentiment as stored
from sentiment_lib.storage.quality_day import QualityDay
from sentiment_lib.storage.stage_times import StageTime
from tests.conftest import deploy

#: Predicted negative: every second tweet of Delta, every tweet of United. None of United's is.
ROWS = (
    "INSERT INTO ingests (source) VALUES ('test')",
    "INSERT INTO model_versions (version, family, digest, run_id, training_key) VALUES (1, 'vader', 'd', 'r', 'k')",
    "INSERT INTO tweets (tweet_id, text, airline, created_at, ingest_id) "
    "SELECT n, CASE WHEN n = 400 THEN '<b>newest</b>' ELSE 'late again' END, "
    "CASE WHEN n % 4 = 0 THEN 'United' WHEN n % 4 < 3 THEN 'Delta' END, "
    "'2015-02-16Z'::timestamptz + n * interval '25 minutes', 1 FROM generate_series(1, 400) n",
    # a text that was sent to the API is no part of the stream
    "INSERT INTO tweets (tweet_id, text, created_at, ingest_id) VALUES (8000000000000000001, 'sent', '2015-02-18Z', 1)",
    "INSERT INTO predictions (tweet_id, model_version, label, p_negative, p_neutral, p_positive) "
    "SELECT tweet_id, 1, CASE WHEN tweet_id % 4 IN (0, 1) THEN 'negative' ELSE 'neutral' END, "
    "(tweet_id % 4 IN (0, 1))::int, 1 - (tweet_id % 4 IN (0, 1))::int, 0 FROM tweets",
)
LABELS = (
    "INSERT INTO labels (tweet_id, label, source, labelled_by, labelled_at, inclusion_probability) "
    "SELECT tweet_id, CASE WHEN tweet_id % 4 = 1 THEN 'negative' ELSE 'neutral' END, 'audit', 'ann', now(), 0.5 "
    "FROM tweets WHERE tweet_id <= 120"
)


@pytest.fixture
def filled(store):
    with store.begin() as connection:
        for statement in ROWS:
            connection.execute(text(statement))
        deploy(connection, 1)
    daily_sentiment.run(store, 1, auditors=["ann"])
    return store


def shown(store, settings, **chosen):
    with store.begin() as connection:
        values = overview.view(connection, settings, **chosen)
    return values, draw("overview.html", "/", **values)


def test_shares_without_labels_are_the_predicted_ones_and_say_so(filled, settings):
    values, page = shown(filled, settings)
    assert (values["range"].last, values["found"].tweets) == (date(2015, 2, 22), 400)
    assert "50.0 % of 400 tweets from 9 Feb 2015 to 22 Feb 2015 are negative" in page
    assert "Most negative: United (100.0 %); least: Delta (50.0 %)" in page
    assert "Uncorrected" in page
    assert "&lt;b&gt;newest&lt;/b&gt;" in page
    assert 'href="http://127.0.0.1:8000/label"' in page


def test_audit_labels_correct_the_shares_of_their_airlines(filled, settings):
    with filled.begin() as connection:
        connection.execute(text(LABELS))
    assert daily_sentiment.run(filled, 1, auditors=["ann"]), "days with new labels are recomputed"
    values, page = shown(filled, settings)
    found = values["found"]
    assert (found.basis, found.audit_labels) == (Basis.AUDIT, 120)
    # all of United's 100 tweets are predicted negative, and none is
    assert found.bounds[0] < 0.25 < found.bounds[1]
    shares = {row.airline: row for row in found.airlines}
    assert shares["United"].share < 0.15
    assert shares["United"].bounds[0] == 0
    assert shares["Delta"].bounds[0] < 0.5 < shares["Delta"].bounds[1]
    assert "prediction-powered" in page
    one, page = shown(filled, settings, airline="Delta")
    assert one["found"].tweets == 200
    assert "of 200 tweets about Delta" in page
    unnamed, page = shown(filled, settings, airline="")
    assert unnamed["found"].tweets == 100
    assert "no airline named" in page


def of_a_data_set(store, where):
    """A file's labels: Delta's are as predicted, none of United's tweets is negative, all of the unnamed are."""
    with store.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO labels (tweet_id, label, source, labelled_by, labelled_at) "
                "SELECT tweet_id, CASE WHEN tweet_id % 4 IN (1, 3) THEN 'negative' ELSE 'neutral' END, 'dataset', "
                f"'file', now() FROM tweets WHERE tweet_id <= 400 AND {where}"
            )
        )
    assert daily_sentiment.run(store, 1, auditors=[]), "days with new labels are recomputed"


def test_where_nearly_every_tweet_has_a_label_the_labels_are_shown(filled, settings):
    of_a_data_set(filled, "tweet_id > 8")
    values, page = shown(filled, settings)
    found = values["found"]
    assert (found.basis, found.labelled) == (Basis.LABELS, 392)
    # 196 are labelled negative; the 8 without a label may all be, or none
    assert found.bounds == pytest.approx((196 / 400, 204 / 400))
    assert "As labelled: 392 of these tweets have labels. The bounds hold whatever the other 8 are." in page
    shares = {row.airline: row.share for row in found.airlines}
    # two unlabelled tweets of United count as predicted
    assert shares == pytest.approx({"United": 0.02, "Delta": 0.5, "": 0.98})
    assert "Labels say otherwise" not in page


def test_predicted_shares_that_labels_contradict_say_so(filled, settings):
    # of 48 tweets those of United are wrongly predicted negative, the unnamed ones are rightly labelled negative
    of_a_data_set(filled, "tweet_id % 4 IN (0, 1) AND tweet_id <= 96")
    values, page = shown(filled, settings)
    assert values["found"].basis is Basis.PREDICTIONS
    assert "Version 1 predicts that 50.0 % of 400 tweets" in page
    assert "Labels say otherwise." in page
    assert "48 of these tweets have labels, by which 50.0 % of them are negative; version 1 predicts 100.0 %" in page
    one, page = shown(filled, settings, airline="Delta")
    assert not one["found"].contradicted
    assert "Labels say otherwise" not in page


def test_labelled_days_are_not_compared_with_predicted_ones(filled, settings):
    both = {"start": "2015-02-20", "end": "2015-02-22"}
    assert "days before" in shown(filled, settings, **both)[0]["answer"]
    of_a_data_set(filled, "created_at >= '2015-02-20Z'")
    values, _ = shown(filled, settings, **both)
    assert (values["found"].basis, values["found"].before) == (Basis.LABELS, None)


def test_the_calibration_error_is_shown_with_its_interval(filled, settings):
    _, page = shown(filled, settings)
    assert "Calibration error" not in page
    with filled.begin() as connection:
        day = QualityDay(
            day=date(2015, 2, 22),
            model_version=1,
            rows=400,
            estimated=0.8,
            labelled=0,
            calibration_error=0.12,
            calibration_error_low=0.08,
            calibration_error_high=0.17,
            calibration_labels=400,
            calibration_basis="range",
        )
        daily_quality.upsert_day(connection, day)
    _, page = shown(filled, settings)
    assert re.search(r"Calibration error.*12.0 %.*range 8.0 .*17.0 %.*22 Feb 2015", page, re.DOTALL)


def test_only_days_with_something_new_are_recomputed(filled):
    with filled.begin() as connection:
        connection.execute(text("UPDATE sentiment_days SET computed_at = computed_at + interval '1 hour'"))
    assert daily_sentiment.run(filled, 1, auditors=["ann"]) == []
    with filled.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO labels (tweet_id, label, source, labelled_by, labelled_at, inclusion_probability, "
                "stored_at) VALUES (3, 'negative', 'audit', 'ann', now(), 0.5, now() + interval '2 hours')"
            )
        )
    assert daily_sentiment.run(filled, 1, auditors=["ann"]) == [date(2015, 2, 16)]
    with filled.begin() as connection:
        rows = stored.series(connection, 1, date(2015, 2, 16), date(2015, 2, 16))
    assert {row.airline: (row.labels, row.errors) for row in rows} == {"": (1, 2.0), "Delta": (0, 0), "United": (0, 0)}


def test_retweets_cut_and_changed_ones_too_are_one_text_of_their_day_and_airline(filled):
    said = "they lost my bag in denver and nobody at the desk could tell me where it went"
    texts = (
        said,
        f"RT @ann: {said}",
        f"{said[:60]}…",
        f"{said.upper()}!!",
        "my flight left on time and the crew was great",
    )
    with filled.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO tweets (tweet_id, text, airline, created_at, ingest_id) "
                "VALUES (:id, :said, :airline, :at, 1)"
            ),
            [
                {"id": 500 + 10 * copy + number, "said": one, "airline": airline, "at": f"2015-02-2{4 + copy} 12:00Z"}
                for copy, airline in enumerate(("United", "Delta"))
                for number, one in enumerate(texts)
            ],
        )
        connection.execute(
            text(
                "INSERT INTO predictions (tweet_id, model_version, label, p_negative, p_neutral, p_positive) "
                "SELECT tweet_id, 1, 'negative', 1, 0, 0 FROM tweets WHERE tweet_id BETWEEN 500 AND 600"
            )
        )
        connection.execute(text(LABELS.replace("tweet_id <= 120", "tweet_id BETWEEN 500 AND 600")))
    days = [date(2015, 2, 24), date(2015, 2, 25)]
    assert set(days) <= set(daily_sentiment.run(filled, 1, auditors=["ann"]))
    with filled.begin() as connection:
        rows = stored.series(connection, 1, *days)
    # weights of the four copies add up to 8 before they are squared
    found = [(row.airline, row.tweets, row.squared_copies, row.labels, row.squared_weights) for row in rows]
    assert found == [("United", 5, 17, 5, 68), ("Delta", 5, 17, 5, 68)]


def test_a_range_is_where_it_was_asked_for_or_where_the_data_are(filled, settings):
    values, page = shown(filled, settings, start="2020-01-01", end="2020-01-05")
    assert values["found"] is None
    assert "Scored tweets are from 16 Feb 2015 to 22 Feb 2015" in page
    values, _ = shown(filled, settings, start="2015-02-17", end="2015-02-17")
    assert values["found"].tweets == 58
    for start, end in (("yesterday", ""), ("2015-02-18", "2015-02-17")):
        with pytest.raises(BadInput), filled.begin() as connection:
            overview.view(connection, settings, start=start, end=end)
    long = date_range.parse("2010-01-01", "2015-01-01", None, date(2026, 1, 1))
    assert (long.bucket, long.bucket_of(date(2012, 3, 9))) == ("month", date(2012, 3, 1))


def test_a_stage_is_late_when_what_it_waits_for_came_long_ago():
    now = datetime(2026, 3, 1, tzinfo=UTC)
    names = ("ingest", "score", "check drift", "snapshot", "train", "decide")

    def late(**ago):
        hours = {"ingest": 1, "score": 1, "check drift": 1, **ago}
        stages = [StageTime(stage=name, at=now - timedelta(hours=hours.get(name, 500))) for name in names]
        return [one.stage for one in health.freshness(stages, Policy(), now) if one.late]

    assert late() == []
    assert late(ingest=5, score=5) == ["ingest"]
    assert late(score=4) == ["score"]
    assert late(**{"score": 3, "ingest": 3, "check drift": 9}) == ["check drift"]
