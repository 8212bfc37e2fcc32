"""Quality by day: estimated and measured, kept up to date by the checks, and read without a look at predictions."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import text

from sentiment_lib.records import LABELS, Window
from sentiment_lib.settings import Settings
from sentiment_lib.steps.monitoring import daily_quality as step
from sentiment_lib.storage import daily_quality, grants
from tests.conftest import put_into_snapshot

#: Steps run as the platform runs them.
DATABASE_ROLE = grants.APP

START = datetime(2026, 3, 1, tzinfo=UTC)
SPAN = Window(start=START, end=START + timedelta(days=3))


@pytest.fixture
def settings(tmp_path):
    """Everyone who labels here is an auditor."""
    return Settings(home=tmp_path, policy={"label": {"auditors": ["anna"]}})


def fill(store, *, days=3, per_day=600, share=0.3):
    """Days of predictions of version 1, whose calibrated probabilities are right, and an audit sample of them."""
    random = np.random.default_rng(1)
    rows = days * per_day
    proba = random.dirichlet((0.5, 0.4, 0.3), rows).round(4)
    proba = np.abs(np.column_stack([proba[:, :2], 1 - proba[:, 0] - proba[:, 1]]))
    answers = [int(random.choice(3, p=one / one.sum())) for one in proba]
    with store.begin() as connection:
        connection.execute(text("INSERT INTO ingests (source) VALUES ('test')"))
        connection.execute(
            text("INSERT INTO snapshots (content_hash, split_at, train_rows, holdout_rows, uri, policy) VALUES "
                 "('h', now(), 1, 1, 'u', '{}')")
        )  # fmt: skip
        connection.execute(
            text("INSERT INTO model_versions (version, family, digest, run_id, training_key, snapshot_id) VALUES "
                 "(1, 'vader', 'd', 'r', 'k', NULL), (2, 'vader', 'd', 's', 'l', 1)")
        )  # fmt: skip
        values = [
            {
                "id": number + 1,
                "at": START + timedelta(days=number / per_day),
                "label": str(LABELS[int(proba[number].argmax())]),
                **dict(zip(("n", "u", "p"), proba[number].tolist(), strict=True)),
            }
            for number in range(rows)
        ]
        connection.execute(
            text("INSERT INTO tweets (tweet_id, text, created_at, ingest_id) VALUES (:id, 'words', :at, 1)"), values
        )
        for version in (1, 2):
            connection.execute(
                text(
                    "INSERT INTO predictions (tweet_id, model_version, label, p_negative, p_neutral, p_positive) "
                    f"VALUES (:id, {version}, :label, :n, :u, :p)"
                ),
                values,
            )
    drawn = np.flatnonzero(random.random(rows) < share)
    right = float(np.mean([answers[one] == proba[one].argmax() for one in range(rows)]))
    return [(int(one) + 1, str(LABELS[answers[one]])) for one in drawn], right


def label(store, answers, share=0.3):
    with store.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO labels (tweet_id, label, source, labelled_by, labelled_at, inclusion_probability) "
                "VALUES (:id, :label, 'audit', 'anna', now(), :share)"
            ),
            [{"id": one, "label": answer, "share": share} for one, answer in answers],
        )


def series(store):
    with store.begin() as connection:
        return daily_quality.series(connection, date(2026, 3, 1))


def test_without_labels_a_day_has_an_estimate_only(store, settings):
    fill(store)
    step.run(store, settings, 1, SPAN)
    rows = series(store)
    assert [row.day.day for row in rows] == [1, 2, 3]
    # no label bounds the error of the probabilities, so there is no range to claim
    assert {(row.estimated_low, row.estimated_high, row.basis) for row in rows} == {(None, None, "too_few")}
    assert all(0 < row.estimated < 1 for row in rows)
    assert {row.measured for row in rows} == {None}


def test_labels_that_come_later_are_measured_by_the_next_check(store, settings):
    answers, right = fill(store)
    step.run(store, settings, 1, SPAN)
    label(store, answers)
    with store.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO label_picks (tweet_id, model_version, kind, inclusion_probability, person, position, "
                "handed_at, state, finished_at) SELECT p.tweet_id, p.model_version, 'audit', 0.3, 'anna', 1, now(), "
                "'skipped', now() FROM predictions p JOIN tweets t USING (tweet_id) WHERE model_version = 1 "
                "AND t.created_at < '2026-03-02Z' AND NOT EXISTS (SELECT FROM labels l WHERE l.tweet_id = p.tweet_id) "
                "ORDER BY p.tweet_id LIMIT 7"
            )
        )
    later = Window(start=SPAN.start + timedelta(days=2), end=SPAN.end + timedelta(hours=1))
    step.run(store, settings, 1, later)
    rows = series(store)
    assert sum(row.labelled for row in rows) == len(answers)
    assert [row.skipped for row in rows] == [7, 0, 0]
    # nobody labelled a tweet twice, so the annotators' errors are unknown: a range, not an interval
    assert {(row.basis, row.labelled_twice) for row in rows} == {("range", 0)}
    assert [row.calibration_error is not None for row in rows] == [False, True, True]
    assert all(0 <= row.calibration_error_low <= row.calibration_error for row in rows[1:])
    assert all(row.powered_low < row.powered < row.powered_high for row in rows)
    assert all(row.powered_high - row.powered_low < row.measured_high - row.measured_low + 0.02 for row in rows)
    assert all(row.estimated_low < row.estimated < row.estimated_high for row in rows[1:]), "earlier labels calibrate"
    assert np.mean([row.accuracy for row in rows]) == pytest.approx(right, abs=0.05)


def test_what_a_version_learned_from_does_not_measure_it(store, settings):
    answers, _ = fill(store)
    label(store, answers)
    with store.begin() as connection:
        put_into_snapshot(connection, 1, "SELECT tweet_id, label, 'train' FROM labels")
    for version in (1, 2):
        step.run(store, settings, version, SPAN)
    assert {(row.model_version, row.labelled > 0) for row in series(store)} == {(1, True), (2, False)}


def test_a_day_that_is_over_and_known_is_not_computed_again(store, settings):
    fill(store)
    assert len(step.run(store, settings, 1, SPAN)) == 3
    assert [row.day.day for row in step.run(store, settings, 1, SPAN)] == [3, 2]


def test_the_champion_at_the_start_and_every_change_since_are_marked(store):
    fill(store, days=1, per_day=10)
    with store.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO deployments (kind, from_version, to_version, state, reason, intended_at, finished_at) "
                "VALUES ('bootstrap', NULL, 2, 'done', NULL, '2026-01-01Z', '2026-01-01Z'), "
                "('forced', 2, 1, 'done', 'why', '2026-02-01Z', '2026-02-01Z'), "
                "('rollback', 1, 2, 'done', 'why', '2026-03-02Z', '2026-03-02Z')"
            )
        )
        found = daily_quality.champion_changes(connection, date(2026, 3, 1))
    assert [(one.kind, one.model_version) for one in found] == [("forced", 1), ("rollback", 2)]
