"""Pages of versions and retrains after two real trainings: comparison on one holdout, standings, cost and gain."""

from __future__ import annotations

import numpy as np
import pytest
from sqlalchemy import text

from sentiment_lib.console import decisions as console_decisions
from sentiment_lib.console import models, retraining, tweet_words, version_comparison
from sentiment_lib.console.pages import Pages, draw
from sentiment_lib.errors import BadInput
from sentiment_lib.evaluation.evidence_record import Evidence
from sentiment_lib.records import LABEL_CODES
from sentiment_lib.registry.mlflow_registry import Registry
from sentiment_lib.statistics.metrics import compute_metric, confusion_matrix
from sentiment_lib.steps.decisions import compare_versions, evaluate, labels_to_decide, replay, retrain_history
from sentiment_lib.steps.deployment import force_promotion
from sentiment_lib.steps.deployment.run_author import RunAuthor
from sentiment_lib.steps.operations import remove_sample, verify
from sentiment_lib.steps.training import snapshot_files, train
from sentiment_lib.storage import alerts, decisions, ledger, retrain_requests
from sentiment_lib.training_record import TrainingOrder
from tests.conftest import deploy


@pytest.fixture
def rival(store, settings, decided):
    """Another candidate of the same retrain, judged on the same holdout."""
    snapshot_id = decided.snapshot.snapshot_id
    order = TrainingOrder(snapshot_id=snapshot_id, family="count_logreg", run_key="retrain/1")
    version = train.run(store, settings, order)
    evaluate.run(store, settings, snapshot_id=snapshot_id, candidate=version.version, requested_by="retrain/1")
    return version.version


def test_two_versions_are_compared_by_their_decision_in_either_order(store, settings, decided):
    decision = decided.decision
    with store.begin() as connection:
        evidence = Evidence.from_json(decisions.full_record(connection, decision.decision_id).evidence)
        pair = decision.candidate_version, decision.champion_version
        there = compare_versions.run(connection, *pair, settings.policy)
        back = compare_versions.run(connection, *pair[::-1], settings.policy)
    main = evidence.comparison.main
    assert (there.difference, there.low, there.high) == (main.difference, main.low, main.high)
    assert (back.difference, back.low, back.high) == (-main.difference, -main.high, -main.low)
    assert there.metrics["accuracy"] == back.metrics["accuracy"][::-1]
    assert there.metrics["negative_f1"][0] == pytest.approx(evidence.comparison.candidate["negative_f1"])


def test_two_candidates_of_one_champion_are_compared_on_its_holdout(store, settings, decided, rival):
    with store.begin() as connection:
        compared = compare_versions.run(connection, decided.version.version, rival, settings.policy)
        page = draw(
            "compare.html",
            "/models",
            **version_comparison.view(connection, settings.policy, decided.version.version, rival),
        )
        with pytest.raises(BadInput):
            version_comparison.view(connection, settings.policy, rival, rival)
    frame = snapshot_files.read(store, settings, decided.snapshot)
    held = frame[frame["part"] == "holdout"]
    y, registry = held["label"].map(LABEL_CODES).to_numpy(), Registry(settings)
    values = [
        compute_metric(
            confusion_matrix(y, np.asarray(registry.load(version).predict_proba(held["text"].tolist())).argmax(axis=1)),
            "negative_f1",
        )
        for version in (decided.version.version, rival)
    ]
    assert compared.rows == len(held)
    assert compared.difference == pytest.approx(float(values[0] - values[1]))
    assert compared.low <= compared.difference <= compared.high
    assert "the interval is conservative" in page


def test_the_models_page_ranks_by_one_holdout_and_shows_cost_and_champions(store, decided, rival):
    with store.begin() as connection:
        values = models.view(connection)
        page = draw("models.html", "/models", **values)
    ranked = [standing.version for standing in values["standings"]]
    assert set(ranked) == {decided.decision.champion_version, decided.version.version, rival}
    shares = [standing.value for standing in values["standings"]]
    assert shares == sorted(shares, reverse=True)
    assert all(one.low <= one.value <= one.high for one in values["standings"])
    assert f"Best on the newest holdout ({values['versions'][0].rows:,} rows): version {ranked[0]}" in page
    quality, champions = values["charts"]
    assert {row[0].split()[0] for row in quality.rows} == {str(number) for number in ranked}
    assert [row[3] for row in champions.rows] == ["first champion"]


def test_a_retrain_shows_why_it_ran_what_it_cost_and_what_it_promised(store, settings, decided, rival):
    with store.begin() as connection:
        retrain_requests.insert_request(connection, rule="labels", reason="600 <new> labels", run_id="retrain/1")
        retrain_requests.insert_request(connection, rule="drift", reason="drift report 3", run_id="retrain/2")
        (idle, run) = sorted(retrain_history.run(connection, settings.policy, 10), key=lambda one: len(one.trainings))
        needed = labels_to_decide.run(connection, settings.policy)
        page = draw("retraining.html", "/retraining", **retraining.view(connection, settings.policy))
        judged = connection.execute(text("SELECT holdout_rows FROM snapshots")).scalar_one()
    assert idle.run_id == "retrain/2"
    assert run.new_labels == 600
    assert {one.candidate.version for one in run.trainings} == {decided.version.version, rival}
    prices = settings.policy.prices
    assert run.price(prices) == pytest.approx(600 * prices.label + run.seconds / 3600 * prices.training_hour)
    assert "new labels: 600 &lt;new&gt; labels" in page
    assert "no decision: it was skipped, failed or still runs" in page
    assert "none has led to a promotion" in page
    assert needed.rows == judged
    by_gain = {one.gain: one for one in needed.gains}
    assert by_gain["+1 points"].labels > by_gain["+3 points"].labels >= 0
    assert needed.labels_per_day == pytest.approx(600 / 14)


def test_the_card_has_its_plots_and_a_sentence(store, settings, decided):
    registry = Registry(settings)
    with store.begin() as connection:
        said = models.describe(connection, decided.version.version)
    assert said.startswith("tfidf_logreg, not serving: negative F1 ")
    assert f"where version {decided.decision.champion_version} had" in said
    assert registry.plots(decided.version.version) == ["calibration.png", "confusion.png", "precision_recall.png"]
    assert registry.plot(decided.version.version, "confusion.png").startswith(b"\x89PNG")


def test_a_decision_on_synthetic_tweets_says_so_and_replays_after_they_are_removed(store, owner, settings, decided):
    with owner.begin() as connection:
        connection.execute(text("UPDATE tweets SET synthetic = true"))
        connection.execute(text("UPDATE snapshots SET synthetic_train = train_rows, synthetic_holdout = holdout_rows"))
        recorded = ledger.find_genuine(connection, "snapshot", {"snapshot_id": decided.snapshot.snapshot_id})
        counts = {
            "synthetic_train": recorded.facts()["train_rows"],
            "synthetic_holdout": recorded.facts()["holdout_rows"],
        }
        ledger.append(connection, "snapshot", {**recorded.facts(), **counts})
    pages = Pages(store)
    assert "Synthetic data." in pages.draw("error.html", "/", title="t", problem="p")
    order = TrainingOrder(snapshot_id=decided.snapshot.snapshot_id, family="vader", run_key="retrain/2")
    version = train.run(store, settings, order)
    run = Registry(settings).client.get_run(version.run_id)
    assert run.data.tags["synthetic"] == "true"
    assert "tweets of the sample generator" in run.data.tags["mlflow.note.content"]
    assert remove_sample.run(store, settings, by="ann").tweets == 600
    assert replay.run(store, settings, decision_id=decided.decision.decision_id).identical
    assert verify.run(store, settings).problems == ()
    with store.begin() as connection:
        values = console_decisions.view(connection, settings.policy, decided.decision.decision_id, person="mlops")
        assert "tweets of the sample generator" in draw("decision.html", "/decisions/one", **values)
    assert "Synthetic data." not in pages.draw("error.html", "/", title="t", problem="p")


def test_a_held_candidate_is_promoted_by_an_approver_from_airflow_with_a_critical_alert(
    store, owner, settings, decided
):
    decision_id = decided.decision.decision_id
    with owner.begin() as connection:
        connection.execute(text("UPDATE decisions SET verdict = 'HOLD'"))
        recorded = ledger.find_genuine(connection, "decision", {"decision_id": decision_id})
        ledger.append(connection, "decision", {**recorded.facts(), "answer": "HOLD"})
    author = RunAuthor(run_id="force_promotion/manual", triggered_by="mlops")
    case = {"decision_id": decision_id, "reason": "a recall of all flights", "author": author}
    with pytest.raises(BadInput, match="at least 3 characters"):
        force_promotion.run(store, settings, **{**case, "reason": " "})
    with store.begin() as connection:
        values = console_decisions.view(connection, settings.policy, decision_id, person="mlops")
        offered = draw("decision.html", "/decisions/one", **values)
        values = console_decisions.view(connection, settings.policy, decision_id, person="platform")
        assert "override-form" not in draw("decision.html", "/decisions/one", **values)
    assert f'data-decision="{decision_id}"' in offered
    first = force_promotion.run(store, settings, **case)
    assert force_promotion.run(store, settings, **case) == first
    assert (first.kind, first.to_version) == ("forced", decided.version.version)
    with store.begin() as connection:
        (alert,) = [one for one in alerts.list_alerts(connection) if one.kind == "forced_promotion"]
        kinds = [entry.kind for entry in ledger.entries(connection)]
        values = console_decisions.view(connection, settings.policy, decision_id, person="mlops")
        assert "override-form" not in draw("decision.html", "/decisions/one", **values)
    assert (alert.severity, "mlops promoted it although" in alert.body) == ("critical", True)
    assert [kind for kind in kinds if kind != "anchor"][-3:] == ["command", "forced.intent", "forced.done"]


def test_the_words_behind_a_prediction_are_highlighted_by_the_champion(store, settings, decided):
    with store.begin() as connection:
        deploy(connection, decided.version.version)
        found = tweet_words.WordReader(settings).view(connection, "lost my bag <b>again</b>")
    assert "".join(span.text for span in found.spans) == "lost my bag <b>again</b>"
    assert found.version == decided.version.version
    assert any(span.strength for span in found.spans)
