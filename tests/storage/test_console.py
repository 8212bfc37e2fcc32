"""The console's pages: on an empty platform they say what to do next; strangers' texts are shown escaped."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from sentiment_lib.console import (
    decisions,
    drift,
    kept_pages,
    lineage,
    models,
    overview,
    retraining,
    version_comparison,
)
from sentiment_lib.console.pages import draw
from sentiment_lib.errors import BadInput, NotFound
from sentiment_lib.evaluation.cost import Cost
from sentiment_lib.policy import Policy
from sentiment_lib.steps.ingestion import check_quality
from sentiment_lib.storage import feedback, predictions
from sentiment_lib.storage.engine import Store
from tests.conftest import as_role


def test_an_empty_platform_is_drawn_and_says_what_comes_next(store, settings):
    with store.begin() as connection:
        pages = {
            "overview": draw("overview.html", "/", **overview.view(connection, settings)),
            "decisions": draw("decisions.html", "/decisions", run="", rows=decisions.page(connection).rows),
            "drift": draw("drift.html", "/drift", **drift.list_view(connection)),
            "models": draw("models.html", "/models", **models.view(connection)),
            "retraining": draw("retraining.html", "/retraining", **retraining.view(connection, Policy())),
        }
        unchosen = version_comparison.choice(connection, None, None)
        pages["compare"] = draw("compare_choice.html", "/models/compare", **unchosen)
    assert "Nothing to compare yet" in pages["compare"]
    assert '<a href="/sentiment/quality">Data quality</a>' in pages["models"]
    assert "none yet" in pages["overview"]
    assert "sentiment retrain" in pages["decisions"]
    assert "sentiment drift" in pages["drift"]
    assert "sentiment score" in pages["models"]
    assert "No retrain yet" in pages["retraining"]


def decision(connection, number):
    return decisions.view(connection, Policy(), number, person="mlops")


@pytest.mark.parametrize("look", [decision, drift.view, lineage.view])
def test_what_is_not_there_is_not_found(store, look):
    with store.begin() as connection, pytest.raises(NotFound):
        look(connection, 12)


def test_a_tweet_leads_to_what_scored_it_and_its_markup_is_text(store):
    with store.begin() as connection:
        for statement in (
            "INSERT INTO ingests (source) VALUES ('test')",
            "INSERT INTO tweets (tweet_id, text, created_at, ingest_id) "
            "VALUES (7, '<script>alert(1)</script> \u202elate', now(), (SELECT max(ingest_id) FROM ingests))",
            "INSERT INTO model_versions (version, family, digest, run_id, training_key) "
            "VALUES (3, 'vader', 'd', 'r', 'k')",
            "INSERT INTO predictions (tweet_id, model_version, label, p_negative, p_neutral, p_positive) "
            "VALUES (7, 3, 'negative', 0.8, 0.1, 0.1)",
        ):
            connection.execute(text(statement))
        found = lineage.view(connection, 7)
        assert lineage.newest(connection) == [7]
    assert [one.model_version for one in found.predictions] == [3]
    first = draw("lineage.html", "/lineage", asked="", found=None, missing=False, newest=[7])
    assert '<a href="/sentiment/lineage?tweet=7">7</a>' in first
    page = draw("lineage.html", "/lineage", asked="7", found=found, missing=None, newest=[])
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page
    assert "\u202e" not in page


def test_disagreements_are_of_the_tweets_that_the_shadow_comparison_counts(store):
    with store.begin() as connection:
        for statement in (
            "INSERT INTO ingests (source) VALUES ('test')",
            "INSERT INTO tweets (tweet_id, text, created_at, collected_at, ingest_id) SELECT n, 'late', now(), "
            "now() - n * interval '1 hour', (SELECT max(ingest_id) FROM ingests) FROM generate_series(1, 4) n",
            "INSERT INTO model_versions (version, family, digest, run_id, training_key) "
            "VALUES (1, 'vader', 'd', 'r', 'k'), (2, 'vader', 'e', 's', 'l')",
            "INSERT INTO predictions (tweet_id, model_version, label, p_negative, p_neutral, p_positive) "
            "SELECT n, v, CASE v WHEN 1 THEN 'negative' ELSE 'neutral' END, 0.4, 0.3, 0.3 "
            "FROM generate_series(1, 4) n, generate_series(1, 2) v",
        ):
            connection.execute(text(statement))
        now = connection.execute(text("SELECT now()")).scalar_one()
        found = {
            hours: predictions.disagreements(connection, champion=1, candidate=2, since=now - timedelta(hours=hours))
            for hours in (0.5, 2.5, 5)
        }
    assert {hours: len(rows) for hours, rows in found.items()} == {0.5: 0, 2.5: 2, 5: 4}
    with store.begin() as connection:
        # the candidate serves, and the champion before scored none of the newest tweets
        for statement in (
            "INSERT INTO tweets (tweet_id, text, created_at, ingest_id) "
            "SELECT n, 'new', now(), (SELECT max(ingest_id) FROM ingests) FROM generate_series(11, 2010) n",
            "INSERT INTO predictions (tweet_id, model_version, label, p_negative, p_neutral, p_positive, predicted_at) "
            "SELECT n, 2, 'neutral', 0.3, 0.4, 0.3, now() + interval '1 hour' FROM generate_series(11, 2010) n",
        ):
            connection.execute(text(statement))
        rows = predictions.disagreements(connection, champion=1, candidate=2, since=now - timedelta(hours=5))
    assert {(row.tweet_id, row.champion, row.candidate) for row in rows} == {
        (number, "negative", "neutral") for number in range(1, 5)
    }


def test_the_leaderboard_shows_what_a_version_costs(store):
    with store.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO model_versions (version, family, digest, run_id, training_key, cost) "
                "VALUES (3, 'vader', 'd', 'r', 'k', CAST(:cost AS jsonb))"
            ),
            {"cost": json.dumps(asdict(Cost(train_seconds=61, p99_ms=3.4, memory_mb=500, artefact_mb=7.2)))},
        )
        page = draw("models.html", "/models", **models.view(connection))
    for figure in (">61.0<", ">3.4<", ">7.2<"):
        assert figure in page


def test_a_page_of_evidently_outside_the_reports_folder_is_not_given(store, settings):
    secret = settings.home / "secret.html"
    secret.write_text("a secret")
    with store.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO model_versions (version, family, digest, run_id, training_key) "
                "VALUES (3, 'vader', 'd', 'r', 'k')"
            )
        )
        report = connection.execute(
            text(
                "INSERT INTO drift_reports (model_version, reference_start, reference_end, current_start, current_end, "
                "verdict, signals, html_path) VALUES (3, now() - interval '3 days', now() - interval '2 days', "
                "now() - interval '1 day', now(), 'stable', '[]', '../secret.html') RETURNING report_id"
            )
        ).scalar_one()
        with pytest.raises(NotFound):
            drift.page(connection, settings, report)


def test_a_drift_report_says_in_words_what_changed_and_whether_quality_suffers(store):
    signals = [
        {"signal": "predicted_label", "what": "negative", "before": 0.5, "now": 0.6, "effect": 0.1, "floor": 0.05,
         "p_value": 0.0, "adjusted": 0.001, "drifted": True},
        {"signal": "negations", "what": 0, "before": 0.6, "now": 0.5, "effect": 0.02, "floor": 0.05,
         "p_value": 0.4, "adjusted": 1.0, "drifted": False},
    ]  # fmt: skip
    details = {
        "loss_by": "estimated",
        "causes": {"words": [{"word": "<snow>", "before": 0.01, "now": 0.2}]},
        "distributions": {"labels": [{"value": "negative", "before": 0.5, "now": 0.6}]},
    }
    with store.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO model_versions (version, family, digest, run_id, training_key) "
                "VALUES (3, 'vader', 'd', 'r', 'k')"
            )
        )
        for day in (1, 2):
            number = connection.execute(
                text(
                    "INSERT INTO drift_reports (model_version, reference_start, reference_end, current_start, "
                    "current_end, verdict, severity, loss, signals, details) VALUES (3, '2026-01-01Z', '2026-01-08Z', "
                    "'2026-01-08Z', '2026-01-09Z'::timestamptz + :day * interval '1 day', 'drift', 'warning', 0.01, "
                    "CAST(:signals AS jsonb), CAST(:details AS jsonb)) RETURNING report_id"
                ),
                {"day": day, "signals": json.dumps(signals), "details": json.dumps(details)},
            ).scalar_one()
        report = drift.view(connection, number)
        chart = drift.over_time(connection)
        listed = draw("drift.html", "/drift", **drift.list_view(connection))
    page = draw("drift_report.html", "/drift/one", **drift.values(report, Policy().drift), details="{}")
    assert "The tweets changed: share of negative tweets. No loss of quality is shown: −1.0 points" in page
    assert "safe to ignore" not in page, "no interval says how large a loss may be"
    assert "share of tweets with no negations" in page
    assert ">60.0 %<" in page
    assert [row[1:3] for row in chart.rows] == 2 * [("predicted classes", "2.000"), ("negations", "0.400")]
    assert "in thresholds: drift only above the dashed line" in listed
    assert "Of the 2 newest checks, 2 found drift." in listed
    charts = drift.values(report, Policy().drift)["charts"]
    assert [one.title for one in charts] == ["Words that changed most", "Predicted classes"]
    assert "&lt;snow&gt;" in page
    frame = draw("framed.html", "/drift/one", **kept_pages.evidently_frame(report))
    assert f"Back to drift report {number}" in frame
    assert f'src="/sentiment/drift/{number}/evidently/page"' in frame


def test_the_check_of_new_tweets_and_a_replay_are_shown_in_the_frame(settings):
    for name in (check_quality.PAGE, f"replays/{'a' * 64}.html"):
        with pytest.raises(NotFound):
            kept_pages.path(settings, name, of="test")
        (settings.reports / name).parent.mkdir(parents=True, exist_ok=True)
        (settings.reports / name).write_text("<p>figures</p>")
    quality = draw("framed.html", "/quality", **kept_pages.quality_frame(settings))
    assert ('src="/sentiment/quality/page"' in quality, "<h1>Data quality</h1>" in quality) == (True, True)
    assert "figures" not in quality, "the page itself stays in its sandbox"
    replay = draw("framed.html", "/replays/one", **kept_pages.replay_frame(settings, "a" * 64))
    assert (f'src="/sentiment/replays/{"a" * 64}/page"' in replay, "<nav" in replay) == (True, True)


def test_versions_without_a_common_decision_are_compared_on_audit_labels(store):
    with store.begin() as connection:
        for statement in (
            "INSERT INTO ingests (source) VALUES ('test')",
            "INSERT INTO tweets (tweet_id, text, created_at, ingest_id) SELECT n, 'flight ' || md5(n::text), now(), "
            "(SELECT max(ingest_id) FROM ingests) FROM generate_series(1, 240) n",
            "INSERT INTO model_versions (version, family, digest, run_id, training_key) "
            "VALUES (1, 'vader', 'd', 'r', 'k'), (2, 'vader', 'e', 's', 'l'), (3, 'vader', 'f', 't', 'm')",
            # version 1 is wrong on every fourth tweet, version 2 never; version 3 read nothing
            "INSERT INTO predictions (tweet_id, model_version, label, p_negative, p_neutral, p_positive) "
            "SELECT n, v, CASE WHEN (n % 2 = 0) <> (v = 1 AND n % 4 = 0) THEN 'negative' ELSE 'neutral' END, "
            "0.4, 0.3, 0.3 FROM generate_series(1, 240) n, generate_series(1, 2) v",
            "INSERT INTO labels (tweet_id, label, source, labelled_by, labelled_at, inclusion_probability) "
            "SELECT n, CASE WHEN n % 2 = 0 THEN 'negative' ELSE 'neutral' END, 'audit', 'local', now(), 0.5 "
            "FROM generate_series(1, 240) n",
        ):
            connection.execute(text(statement))
        values = version_comparison.view(connection, Policy(), 2, 1)
        page = draw("compare.html", "/models/compare", **values)
        nothing = draw("compare.html", "/models/compare", **version_comparison.view(connection, Policy(), 3, 1))
        now = datetime.now(UTC)
        examples = [
            decisions.examples(connection, champion=1, candidate=2, since=now + timedelta(hours=hours))
            for hours in (-1, 1)
        ]
        chosen = [version_comparison.choice(connection, *pair) for pair in ((None, None), (None, 3), (2, None))]
        choice = draw("compare_choice.html", "/models/compare", **chosen[0])
    assert [(one["one"], one["other"]) for one in chosen] == [(3, 2), (2, 3), (2, 3)], "the newest are proposed"
    assert choice.count("<option selected>") == 2
    compared = values["compared"]
    assert compared.metrics["accuracy"] == (1.0, 0.75)
    assert compared.low > 0
    assert "240 audit labels of tweets that both scored" in page
    assert page.count('class="chart"') == 3
    assert len(values["examples"]) == 10
    assert [one["earlier_examples"] for one in examples] == [False, True], "without new tweets, older ones are shown"
    assert [len(one["examples"]) for one in examples] == [10, 10]
    assert "No labelled tweet was read by both versions" in nothing


def test_a_correction_is_feedback_by_the_console_and_a_label_by_the_platform(store, database_url):
    with store.begin() as connection:
        for statement in (
            "INSERT INTO ingests (source) VALUES ('test')",
            "INSERT INTO tweets (tweet_id, text, created_at, ingest_id) SELECT n, 'late', now(), "
            "(SELECT max(ingest_id) FROM ingests) FROM generate_series(7, 8) n",
            "INSERT INTO model_versions (version, family, digest, run_id, training_key) "
            "VALUES (3, 'vader', 'd', 'r', 'k')",
            "INSERT INTO predictions (tweet_id, model_version, label, p_negative, p_neutral, p_positive) "
            "VALUES (7, 3, 'negative', 0.8, 0.1, 0.1)",
        ):
            connection.execute(text(statement))
    console, app = (Store(as_role(database_url, role)) for role in ("sentiment_console", "sentiment_app"))
    try:
        for label in ("neutral", "positive", "neutral"):
            with console.begin() as connection:
                feedback.correct(connection, 7, label, by="ann")
            with app.begin() as connection:
                assert feedback.store_missing_labels(connection) == 1
                assert feedback.store_missing_labels(connection) == 0
        for tweet, label in ((7, "angry"), (8, "neutral")):
            with pytest.raises(BadInput), console.begin() as connection:
                feedback.correct(connection, tweet, label, by="ann")
        with console.begin() as connection:
            found = lineage.view(connection, 7)
    finally:
        console.close()
        app.close()
    assert [(one.label, one.given_by) for one in found.corrections] == [("neutral", "ann")]
    newest = max(found.labels, key=lambda label: label.labelled_at)
    assert (newest.label, newest.source, newest.labelled_by) == ("neutral", "feedback", "ann")
    page = draw("tweet.html", "/tweets/one", found=found, words=None, may_act=True, problem="")
    assert "What does it say?" in page
    assert "What does it say?" not in draw("tweet.html", "/", found=found, words=None, may_act=False, problem="")
