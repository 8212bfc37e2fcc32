"""A person who changes an answer: every consumer of labels counts the newest one, and no withdrawn one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text

from sentiment_lib.records import Window
from sentiment_lib.steps.scoring import daily_sentiment as sentiment_step
from sentiment_lib.storage import (
    current_labels,
    daily_quality,
    daily_sentiment,
    drift_reports,
    grants,
    labels,
    shadow,
    tweet_search,
)

#: Steps run as the platform runs them.
DATABASE_ROLE = grants.APP

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
BEFORE, WINDOW = NOON - timedelta(hours=1), Window(start=NOON - timedelta(hours=1), end=NOON + timedelta(hours=1))
AUDITORS = ["ann"]
N, P = "negative", "positive"
#: Answers of each tweet in order: (person, source, label); ann is an auditor, bob and cem are not.
HISTORIES = {
    1: [("ann", "audit", N), ("ann", "audit", P), ("ann", "audit", N)],
    2: [("ann", "audit", N), ("ann", "audit", P)],
    # the confirmed answer is withdrawn
    3: [("bob", "audit", N), ("cem", "person", N), ("bob", "audit", P)],
    # the confirmation is withdrawn
    4: [("bob", "audit", N), ("cem", "person", N), ("cem", "person", P)],
    5: [("bob", "audit", N), ("bob", "audit", P), ("cem", "person", N), ("bob", "audit", N)],
    # one person who agrees with nobody
    6: [("bob", "audit", P)],
}
NEWEST = {1: N, 2: P, 3: P, 4: N, 5: N, 6: P}
ACTING = {1: N, 2: P, 5: N}


@pytest.fixture
def changed(store):
    """Both versions predict "positive" for every tweet; the tweets are labelled as in HISTORIES."""
    with store.begin() as connection:
        for statement in (
            "INSERT INTO ingests (source) VALUES ('test')",
            "INSERT INTO model_versions (version, family, digest, run_id, training_key) "
            "VALUES (1, 'vader', 'd', 'r', 'k'), (2, 'vader', 'd', 's', 'l')",
        ):
            connection.execute(text(statement))
        for tweet_id in HISTORIES:
            values = {"id": tweet_id, "text": f"tweet {tweet_id}", "at": NOON, "before": BEFORE}
            for statement in (
                "INSERT INTO tweets (tweet_id, text, created_at, collected_at, ingest_id) "
                "VALUES (:id, :text, :at, :at, 1)",
                "INSERT INTO predictions (tweet_id, model_version, label, p_negative, p_neutral, p_positive, "
                "predicted_at) SELECT :id, version, 'positive', 0, 0, 1, :at FROM model_versions",
                "INSERT INTO audit_sample (tweet_id, model_version, inclusion_probability) "
                "SELECT tweet_id, model_version, 0.5 FROM predictions WHERE tweet_id = :id",
            ):
                connection.execute(text(statement), values)
    for tweet_id, history in HISTORIES.items():
        for minute, (person, source, label) in enumerate(history):
            with store.begin() as connection:  # a transaction each: `stored_at` is its start
                stored = labels.insert_label(
                    connection,
                    labels.NewLabel(
                        tweet_id=tweet_id,
                        label=label,
                        source=source,
                        labelled_by=person,
                        labelled_at=NOON + timedelta(minutes=minute),
                        inclusion_probability=0.5 if source == "audit" else None,
                    ),
                )
                assert stored is not None
    return store


def by_text(pairs):
    return {int(words.split()[1]): label for words, label in pairs}


def test_consumers_that_act_count_the_newest_answer_of_each_person(changed):
    with changed.begin() as connection:
        frame = current_labels.labelled(connection, ["audit", "person", "dataset", "feedback"], auditors=AUDITORS)
        window = drift_reports.window_rows(connection, WINDOW, 1, rows=100, seed=1, auditors=AUDITORS)
        decline = daily_quality.audited(connection, 1, BEFORE, AUDITORS)
        watch = shadow.labelled(connection, champion=1, previous=2, since=BEFORE, auditors=AUDITORS)
    judging = frame.dropna(subset="judging_label")
    assert dict(zip(judging["tweet_id"], judging["judging_label"], strict=True)) == ACTING
    assert set(judging["label_source"]) == {"audit"}
    assert dict(zip(frame["tweet_id"], frame["label"], strict=True)) == NEWEST, "every label teaches"
    labelled = window.dropna(subset="true_label")
    assert dict(zip(labelled["tweet_id"], labelled["true_label"], strict=True)) == ACTING
    assert by_text((row.text, row.true_label) for row in decline) == ACTING
    assert by_text((row["text"], row["label"]) for row in watch) == ACTING
    assert [row["text"] for row in watch] == ["tweet 1", "tweet 2", "tweet 5"]


def test_who_confirms_later_does_not_change_the_order_in_which_labels_began_to_act(changed):
    later = [(1, "dan", N), (2, "bob", P), (4, "dan", N), (3, "cem", P), (4, "eve", N), (5, "dan", N)]
    for minute, (tweet_id, person, label) in enumerate(later, start=10):
        with changed.begin() as connection:
            at = NOON + timedelta(minutes=minute)
            new = labels.NewLabel(
                tweet_id=tweet_id, label=label, source="audit", labelled_by=person, labelled_at=at,
                inclusion_probability=0.5,
            )  # fmt: skip
            assert labels.insert_label(connection, new) is not None
    with changed.begin() as connection:
        watch = shadow.labelled(connection, champion=1, previous=2, since=BEFORE, auditors=AUDITORS)
        decline = daily_quality.audited(connection, 1, BEFORE, AUDITORS)
    # 4 returns to its place; bob's answer to 5 was withdrawn when cem agreed with it, and acts from its return on
    order = [f"tweet {number}" for number in (1, 2, 4, 5, 3)]
    assert [row["text"] for row in watch] == order
    assert [row.text for row in decline] == order


def test_figures_that_are_shown_count_the_labels_that_act_and_the_newest_answer(changed):
    sentiment_step.run(changed, 1, auditors=AUDITORS)
    query = tweet_search.TweetQuery(first=NOON.date(), last=NOON.date(), version=1)
    with changed.begin() as connection:
        measured = daily_quality.labelled_rows(connection, WINDOW, 1, auditors=AUDITORS)
        contested = daily_quality.skipped_rows(connection, WINDOW, 1, auditors=AUDITORS)
        (day,) = daily_sentiment.series(connection, 1, NOON.date(), NOON.date())
        compared = shadow.paired_predictions(connection, 1, 2, since=BEFORE, rows=100)
        found = tweet_search.search(connection, query, 10).matches
    assert by_text(measured[["text", "true_label"]].itertuples(index=False)) == ACTING
    assert sorted(contested["text"]) == ["tweet 3", "tweet 4"], "two people disagree; one alone is only unconfirmed"
    assert (day.labels, day.errors) == (3, 2 * 2.0), "of three acting labels at weight 2, two are negative"
    assert sorted(row[0] for row in compared) == sorted(NEWEST.values())
    assert {match.tweet_id: match.true_label for match in found} == NEWEST


def test_an_answer_given_again_or_confirmed_makes_its_day_stale(changed):
    day = date(2026, 3, 2)
    with changed.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO quality_days (day, model_version, rows, estimated, labelled, skipped, labelled_twice, "
                "calibration_labels, basis, computed_at) VALUES (:day, 1, 1, 0.5, 0, 0, 0, 0, 'too_few', "
                "now() + interval '1 hour')"
            ),
            {"day": day},
        )
        stale = [day, day + timedelta(days=9)]
        assert day not in daily_quality.stale_days(connection, 1, stale, latest=1)
    for person, source, label in (("ann", "audit", P), ("dan", "person", N)):
        with changed.begin() as connection:
            connection.execute(text("UPDATE quality_days SET computed_at = now() + interval '10 minutes'"))
        with changed.begin() as connection:
            new = labels.NewLabel(
                tweet_id=1, label=label, source=source, labelled_by=person, labelled_at=NOON + timedelta(hours=1)
            )
            assert labels.insert_label(connection, new) is not None
        with changed.begin() as connection:
            assert day in daily_quality.stale_days(connection, 1, stale, latest=1)
