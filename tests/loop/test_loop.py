"""The loop turns: first champion, scores, snapshot, candidate, decision, approval, promotion, rollback."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import text

from sentiment_lib.errors import BadInput, LedgerBroken, NotEnoughLabels, NotFound
from sentiment_lib.evaluation import judgement_methods, reason_versions
from sentiment_lib.hashing import hash_text
from sentiment_lib.records import Answer, EvaluationRequest
from sentiment_lib.registry import model_card, model_package
from sentiment_lib.registry.mlflow_registry import Registry
from sentiment_lib.steps.decisions import evaluate, evidence, publish_holdout_metrics, replay
from sentiment_lib.steps.deployment import bootstrap, promote, rollback, rollback_by_run
from sentiment_lib.steps.deployment.run_author import RunAuthor
from sentiment_lib.steps.operations import verify
from sentiment_lib.steps.scoring import score
from sentiment_lib.steps.training import inputs, reproduce, request_retrain, snapshot, snapshot_files, train
from sentiment_lib.storage import alerts, decisions, grants, holdout_looks, ledger, model_versions
from sentiment_lib.training_record import TrainingOrder

#: Steps run as the platform runs them.
DATABASE_ROLE = grants.APP


def count(store, table):
    with store.begin() as connection:
        return connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()


def test_the_first_champion_is_vader_and_is_made_once(store, settings):
    first = bootstrap.run(store, settings)
    assert (first.family, bootstrap.run(store, settings)) == ("vader", first)
    assert Registry(settings).alias("champion") == first.version
    assert (count(store, "model_versions"), count(store, "deployments")) == (1, 1)


def test_every_tweet_is_scored_once_and_each_distinct_text_goes_through_the_model_once(store, owner, settings, tweets):
    with owner.begin() as connection:
        connection.execute(text("UPDATE tweets SET text = 'same text' WHERE tweet_id <= 40"))
    first = score.run(store, settings)
    assert (first.scored, first.distinct_texts) == (600, 561)
    assert score.run(store, settings).scored == 0
    assert count(store, "predictions") == 600


def test_the_audit_sample_is_the_same_draw_whenever_it_is_made(store, settings, tweets):
    score.run(store, settings)
    with store.begin() as connection:
        drawn = set(connection.execute(text("SELECT tweet_id FROM audit_sample")).scalars())
        shares = set(connection.execute(text("SELECT inclusion_probability FROM audit_sample")).scalars())
    assert drawn == {number for number in tweets if score.is_sampled(number, 0.2, settings)}
    assert 80 <= len(drawn) <= 160
    assert shares == {0.2}


def test_a_score_that_died_between_batches_goes_on_where_it_stopped(store, settings, tweets, monkeypatch):
    calls = iter(range(10))
    real = score.predictions.store

    def dying(*args):
        if next(calls) == 2:
            raise KeyboardInterrupt
        return real(*args)

    with monkeypatch.context() as patched:
        patched.setattr(score.predictions, "store", dying)
        with pytest.raises(KeyboardInterrupt):
            score.run(store, settings)
    assert count(store, "predictions") == 300
    assert score.run(store, settings).scored == 300


def test_a_snapshot_of_the_same_labels_is_found_and_not_made_twice(store, settings, tweets):
    first = snapshot.run(store, settings)
    assert snapshot.run(store, settings) == first
    assert (first.train_rows, first.holdout_rows) == (480, 120)
    frame = snapshot_files.read(store, settings, first)
    assert frame[frame.part == "train"].created_at.max() < frame[frame.part == "holdout"].created_at.min()
    assert count(store, "snapshot_rows") == 600


def test_too_few_labels_say_how_many_are_missing(store, settings, add_tweets):
    add_tweets(60)
    with pytest.raises(NotEnoughLabels, match="100 are needed"):
        snapshot.run(store, settings)


def test_the_label_of_the_better_source_is_frozen_whatever_came_later(store, settings, tweets):
    with store.begin() as connection:
        labels = (("audit", "positive", "local"), ("person", "neutral", "two"), ("feedback", "negative", "three"))
        for source, label, person in labels:
            connection.execute(
                text(
                    "INSERT INTO labels (tweet_id, label, source, labelled_by, labelled_at) "
                    "VALUES (600, :label, :source, :person, now())"
                ),
                {"label": label, "source": source, "person": person},
            )
    frame = snapshot_files.read(store, settings, snapshot.run(store, settings))
    row = frame[frame.tweet_id == 600].iloc[0]
    assert (row.label, row.label_source) == ("positive", "audit")


def test_an_audit_label_that_nobody_confirmed_teaches_but_never_judges(store, owner, settings, tweets, add_tweets):
    audited = add_tweets(30, source="audit", seed=8)
    assert "unconfirmed" not in set(
        snapshot_files.read(store, settings, snapshot.run(store, settings)).label_source
    )  # too new
    with owner.begin() as connection:
        connection.execute(
            text("UPDATE tweets SET created_at = '2026-01-01 00:00:30+00' WHERE tweet_id = ANY(:ids)"),
            {"ids": audited[:10]},
        )
        # a tweet does not change, so that only its labels are followed
        connection.execute(text("INSERT INTO label_changes (tweet_id) SELECT unnest(:ids)"), {"ids": audited[:10]})
        connection.execute(
            text(
                "INSERT INTO labels (tweet_id, label, source, labelled_by, labelled_at) "
                "SELECT tweet_id, label, 'person', 'two', now() FROM labels WHERE tweet_id = ANY(:ids)"
            ),
            {"ids": audited[20:]},
        )
    frame = snapshot_files.read(store, settings, snapshot.run(store, settings))
    parts = frame.set_index("tweet_id").part
    assert set(frame[frame.label_source == "unconfirmed"].tweet_id) == set(audited[:10])
    assert set(parts[audited[:10]]) == {"train"}
    assert not parts.index.isin(audited[10:20]).any()  # in the time of the holdout they are left out
    assert set(parts[audited[20:]]) == {"holdout"}


def test_corrections_of_people_teach_but_never_judge(store, owner, settings, tweets, add_tweets):
    corrected = add_tweets(30, source="feedback", seed=8)
    with owner.begin() as connection:
        old = {"ids": corrected[:10]}
        connection.execute(
            text("UPDATE tweets SET created_at = '2026-01-01 00:00:30+00' WHERE tweet_id = ANY(:ids)"), old
        )
    frame = snapshot_files.read(store, settings, snapshot.run(store, settings))
    parts = frame[frame.label_source == "feedback"].part
    assert (len(parts), set(parts)) == (10, {"train"})


def test_tweets_picked_because_a_model_was_unsure_teach_but_never_judge(store, settings, tweets, add_tweets):
    version = bootstrap.run(store, settings).version
    score.run(store, settings)
    with store.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO label_picks (tweet_id, model_version, kind, person, position, handed_at, state, "
                "finished_at, label) SELECT tweet_id, model_version, 'uncertain', 'one', 1, now(), 'labelled', now(), "
                "'neutral' FROM predictions WHERE model_version = :version AND tweet_id IN (10, 590, 591)"
            ),
            {"version": version},
        )
        connection.execute(
            text(
                "INSERT INTO labels (tweet_id, label, source, labelled_by, labelled_at) "
                "SELECT tweet_id, 'neutral', 'person', 'one', now() FROM label_picks"
            )
        )
        connection.execute(text("DELETE FROM labels WHERE tweet_id = 591 AND source = 'dataset'"))
    frame = snapshot_files.read(store, settings, snapshot.run(store, settings))
    picked = frame[frame.label_source == "picked"]
    assert list(zip(picked.tweet_id, picked.part, strict=True)) == [(10, "train")]
    # the label of the data set judges, whatever a person was asked to say of the same tweet
    assert frame.loc[frame.tweet_id == 590, ["label_source", "part"]].to_numpy().tolist() == [["dataset", "holdout"]]
    assert 591 not in set(frame.tweet_id)


def test_a_snapshot_file_that_was_changed_is_refused(store, settings, tweets):
    frozen = snapshot.run(store, settings)
    path = min((settings.snapshots / frozen.uri).glob("*.parquet"))
    frame = pd.read_parquet(path)
    frame.loc[3, "label"] = "positive" if frame.loc[3, "label"] != "positive" else "negative"
    frame.to_parquet(path, index=False)
    with pytest.raises(LedgerBroken, match="was changed"):
        snapshot_files.read(store, settings, frozen)
    assert any(problem.startswith(f"snapshot {frozen.snapshot_id}") for problem in verify.run(store, settings).problems)


def test_a_training_is_found_again_by_its_key_and_other_seeds_are_other_versions(store, settings, tweets):
    frozen = snapshot.run(store, settings).snapshot_id
    order = {"snapshot_id": frozen, "family": "tfidf_logreg", "run_key": "retrain/1"}
    first = train.run(store, settings, TrainingOrder(**order))
    assert train.run(store, settings, TrainingOrder(**order)) == first
    assert train.run(store, settings, TrainingOrder(**order, seed=1)).version != first.version


def test_a_training_killed_after_mlflow_knew_the_version_is_taken_up_and_not_repeated(
    store, settings, tweets, monkeypatch
):
    frozen = snapshot.run(store, settings).snapshot_id
    order = {"snapshot_id": frozen, "family": "tfidf_logreg", "run_key": "retrain/1"}
    with monkeypatch.context() as patched:

        def die(*args, **kwargs):
            raise KeyboardInterrupt

        patched.setattr(model_versions, "store", die)
        with pytest.raises(KeyboardInterrupt):
            train.run(store, settings, TrainingOrder(**order))
    assert count(store, "model_versions") == 0
    monkeypatch.setattr(inputs, "fit", lambda *args: pytest.fail("it was trained again"))
    version = train.run(store, settings, TrainingOrder(**order))
    assert count(store, "model_versions") == 1
    assert Registry(settings).load(version.version, version.digest).family == "tfidf_logreg"


def test_a_training_killed_before_it_was_registered_leaves_no_version(store, settings, tweets, monkeypatch):
    frozen = snapshot.run(store, settings).snapshot_id
    order = {"snapshot_id": frozen, "family": "tfidf_logreg", "run_key": "retrain/1"}
    with monkeypatch.context() as patched:

        def die(*args, **kwargs):
            raise KeyboardInterrupt

        patched.setattr(Registry, "register", die)
        with pytest.raises(KeyboardInterrupt):
            train.run(store, settings, TrainingOrder(**order))
    registry = Registry(settings)
    assert registry.client.search_model_versions(f"name = '{registry.name}'") == []
    version = train.run(store, settings, TrainingOrder(**order))
    assert version.version == 1
    statuses = {run.info.status for run in registry.client.search_runs([registry.experiment()])}
    assert statuses == {"FAILED", "FINISHED"}


def test_the_run_in_mlflow_says_what_went_in_and_what_it_cost(store, settings, decided):
    registry = Registry(settings)
    run = registry.client.get_run(decided.version.run_id)
    assert run.data.params["snapshot_hash"] == decided.snapshot.content_hash
    assert run.data.params["seed"] == "0"
    assert {"p50_ms", "p99_ms", "tweets_per_second", "memory_mb", "model_mb", "artefact_mb"} <= run.data.metrics.keys()
    assert {"train_seconds", "train_cpu_seconds", "macro_f1"} <= run.data.metrics.keys()
    assert "environment.python" in run.data.tags
    card = registry.card(decided.version.version)
    assert decided.snapshot.content_hash in card
    assert "macro F1" in card
    assert "card.md" in {file.path for file in registry.client.list_artifacts(run.info.run_id)}
    plots = {file.path for file in registry.client.list_artifacts(run.info.run_id, "plots")}
    assert plots == {"plots/confusion.png", "plots/calibration.png", "plots/precision_recall.png"}


def test_mlflow_itself_can_load_a_version_and_gives_the_same_probabilities(store, settings, decided):
    import mlflow
    import pandas as pd

    texts = ["my flight was delayed and the crew rude", "thanks for a great flight"]
    mlflow.set_tracking_uri(settings.mlflow_uri)
    mlflow.set_registry_uri(settings.mlflow_uri)
    served = mlflow.pyfunc.load_model(f"models:/{settings.mlflow_model}/{decided.version.version}")
    ours = Registry(settings).load(decided.version.version, decided.version.digest)
    np.testing.assert_array_equal(served.predict(pd.DataFrame({"text": texts})).to_numpy(), ours.predict_proba(texts))


def test_the_decision_is_written_once_for_one_request_and_counts_one_look(store, settings, decided):
    again = evaluate.run(
        store,
        settings,
        snapshot_id=decided.snapshot.snapshot_id,
        candidate=decided.version.version,
        requested_by="retrain/1",
    )
    assert again == decided.decision
    with store.begin() as connection:
        assert len(list(ledger.entries(connection, ("look",)))) == 1


def test_the_outcome_of_a_look_says_whether_later_ones_keep_their_level(store, settings, decided):
    gate = settings.policy.gate
    request = EvaluationRequest(
        snapshot_id=decided.snapshot.snapshot_id,
        candidate=decided.version.version,
        champion=1,
        requested_by="retrain/1",
    )
    later = replace(request, candidate=50, requested_by="retrain/2")
    elsewhere = replace(later, snapshot_id=2)

    def counted(outcomes, later=elsewhere):
        """Rows that count against a later look, after these outcomes; nothing stays."""
        with store.engine.connect() as connection:
            for p_value in outcomes:
                holdout_looks.record_outcome(connection, request, p_value=p_value, policy=gate)
            found = holdout_looks.take(connection, later, gate).budget
            again = holdout_looks.take(connection, replace(request, requested_by="retrain/3"), gate).budget
            connection.rollback()
        assert (found.candidates, again.candidates) == (1, 2), "a version that is judged again takes two parts"
        assert found.champion_rows == found.period_rows > 0, "every look spends of other budgets"
        assert found.champion_charge == found.period_charge
        return found.champion_charge

    with store.begin() as connection:
        (outcome,) = ledger.entries(connection, (holdout_looks.OUTCOME,))
        spent = next(ledger.entries(connection, ("look",))).facts()["budget"]["spent_rows"]
    recorded = outcome.facts()
    assert recorded["candidate_version"] == decided.version.version
    assert recorded["promising"] == (recorded["p_value"] <= gate.promising_p_value)
    assert counted([]) == (0 if recorded["promising"] else spent)
    assert counted([0.05]) == 0
    assert counted([0.05], later) == spent, "it shares rows with the first one"


def test_a_look_that_never_ended_counts(store, settings, decided):
    gate = settings.policy.gate
    request = EvaluationRequest(
        snapshot_id=decided.snapshot.snapshot_id, candidate=50, champion=9, requested_by="retrain/2", candidates=2
    )
    with store.begin() as connection:
        first = holdout_looks.take(connection, request, gate).budget
        holdout_looks.take(connection, replace(request, candidate=51), gate)
        after = [holdout_looks.take(connection, replace(request, candidate=60, requested_by="retrain/3"), gate).budget]
        # promising, but the same rows as those of the first decision
        for number in (50, 51):
            candidate = replace(request, candidate=number)
            holdout_looks.record_outcome(connection, candidate, p_value=0.01, policy=gate)
        after.append(
            holdout_looks.take(connection, replace(request, candidate=61, requested_by="retrain/4"), gate).budget
        )
    assert first.new_rows == 0
    assert [budget.champion_charge for budget in after] == [first.spent_rows, first.spent_rows + after[0].spent_rows]


def test_asking_again_and_again_spends_the_error_budget(store, settings, decided):
    levels = []
    for number in range(2, 5):
        found = evaluate.run(
            store,
            settings,
            snapshot_id=decided.snapshot.snapshot_id,
            candidate=decided.version.version,
            requested_by=f"retrain/{number}",
        )
        with store.begin() as connection:
            evidence = connection.execute(
                text("SELECT evidence FROM evaluations WHERE evaluation_id = :id"), {"id": found.evaluation_id}
            ).scalar_one()
        levels.append((json.loads(evidence)["looks_before"], json.loads(evidence)["comparison"]["level"]))
    assert [looks for looks, _ in levels] == [1, 2, 3]
    assert levels[0][1] > levels[1][1] > levels[2][1]


def test_a_version_whose_holdout_figures_were_published_counts_as_a_look(store, settings, decided):
    shown = {"family": "tfidf_logreg", "digest": "d", "snapshot_id": decided.snapshot.snapshot_id, "run_id": "r"}
    best = EvaluationRequest(snapshot_id=1, candidate=50, champion=1, requested_by="me")
    with store.begin() as connection:
        for version in range(50, 70):
            ledger.append(connection, "training", {**shown, "version": version})
        first = holdout_looks.take(connection, best, settings.policy.gate)
        # nineteen other cards, of which this one is the best; the decided candidate published nothing before its look
        assert (first.looks_before, first.budget.candidates) == (1, 20)
        assert holdout_looks.take(connection, best, settings.policy.gate) == first
        second = holdout_looks.take(connection, replace(best, candidate=51), settings.policy.gate)
        assert (second.looks_before, second.budget.candidates) == (2, 19)
        # the same rows again: the half that is left, and half of it
        assert [first.budget.new_rows, first.budget.spent_rows, second.budget.spent_rows] == [0, 30, 15]
        assert second.budget.champion_rows == second.budget.period_rows == 60 + 30


def test_candidates_of_one_request_share_a_look_and_divide_its_level(store, settings, decided):
    gate = settings.policy.gate
    request = EvaluationRequest(
        snapshot_id=decided.snapshot.snapshot_id, candidate=50, champion=1, requested_by="retrain/2", candidates=2
    )
    with store.begin() as connection:
        looks = [
            holdout_looks.take(connection, replace(request, candidate=number), gate) for number in (50, 51, 50, 52)
        ]
    assert looks[0] == looks[1] == looks[2]
    assert looks[0].budget.candidates == 2
    # a third candidate of a request for two begins a look of its own
    assert looks[3].looks_before == looks[0].looks_before + 1
    assert looks[3].budget.champion_rows == looks[0].budget.champion_rows + looks[0].budget.spent_rows


def test_holdout_metrics_are_published_with_the_decision_and_no_earlier(store, settings, decided):
    order = TrainingOrder(snapshot_id=decided.snapshot.snapshot_id, family="tfidf_logreg", seed=1, run_key="retrain/2")
    version = train.run(store, settings, order)
    registry = Registry(settings)
    assert model_card.HIDDEN_QUALITY in registry.card(version.version)
    assert "macro_f1" not in registry.client.get_run(version.run_id).data.metrics
    assert not registry.client.list_artifacts(version.run_id, "plots")
    request = {"snapshot_id": decided.snapshot.snapshot_id, "candidate": version.version, "requested_by": "retrain/2"}
    evaluate.run(store, settings, **request)
    assert "macro F1" in registry.card(version.version)
    assert registry.client.get_run(version.run_id).data.metrics["macro_f1"] > 0.5
    assert not publish_holdout_metrics.run(store, settings, version=version.version)


def test_a_calendar_retrain_waits_until_the_next_look_is_worth_it(store, settings, decided, add_tweets):
    later = {"run_id": "scheduled__1", "otherwise": request_retrain.CALENDAR}
    add_tweets(23)
    assert request_retrain.claim_requests(store, settings, **later) == []
    add_tweets(1)  # a fifth of the 120 rows of the last look
    assert [found.rule for found in request_retrain.claim_requests(store, settings, **later)] == ["schedule"]


def test_the_champion_is_no_candidate(store, settings, decided):
    with pytest.raises(BadInput, match="is the champion already"):
        evaluate.run(store, settings, snapshot_id=1, candidate=1, requested_by="me")
    with pytest.raises(NotFound, match="model version 99"):
        evaluate.run(store, settings, snapshot_id=1, candidate=99, requested_by="me")


def test_approved_it_is_promoted_and_scores_the_next_tweets(store, settings, decided, say, add_tweets):
    assert decided.decision.verdict is Answer.PROMOTE
    assert Registry(settings).alias("challenger") == decided.version.version
    assert say(decided.question).response == "approved"
    moved = promote.run(store, settings, decision_id=decided.decision.decision_id)
    assert (moved.kind, moved.from_version, moved.to_version) == ("promotion", 1, decided.version.version)
    assert promote.run(store, settings, decision_id=decided.decision.decision_id) == moved
    registry = Registry(settings)
    assert (registry.alias("champion"), registry.alias("challenger")) == (decided.version.version, None)
    add_tweets(5, seed=9)
    assert score.run(store, settings).model_version == decided.version.version
    back = rollback.by_hand(store, settings, to_version=1, reason="it did harm", by="mlops")
    assert (back.kind, registry.alias("champion")) == ("rollback", 1)
    assert rollback.by_hand(store, settings, to_version=1, reason="it did harm", by="mlops") == back
    assert verify.run(store, settings).problems == ()


def test_a_rollback_goes_only_to_a_version_that_served_and_says_why(store, settings, decided):
    with pytest.raises(BadInput, match="never the champion"):
        rollback.by_hand(store, settings, to_version=decided.version.version, reason="because", by="mlops")
    with pytest.raises(BadInput, match="reason"):
        rollback.by_hand(store, settings, to_version=1, reason=" ", by="mlops")


def test_a_run_that_is_cleared_does_not_roll_back_again_in_its_authors_name(store, settings, decided, decide_again):
    back = {"to_version": 1, "reason": "it did harm", "author": RunAuthor(run_id="rollback/1", triggered_by="mlops")}
    force = {"decision_id": decided.decision.decision_id, "reason": "it was better", "by": "admin"}
    promote.force(store, settings, **force)
    first = rollback_by_run.run(store, settings, **back)
    assert rollback_by_run.run(store, settings, **back) == first  # killed and run again
    with store.begin() as connection:
        (alert,) = [one for one in alerts.list_alerts(connection) if one.kind == rollback.ALERT]
    assert (alert.severity, alert.title) == ("critical", "mlops rolled the champion back to version 1")
    assert "it did harm" in alert.body
    forced = promote.force(store, settings, decision_id=decide_again().decision_id, reason="again", by="admin")
    with pytest.raises(BadInput, match="has rolled back before"):
        rollback_by_run.run(store, settings, **back)
    assert Registry(settings).alias("champion") == forced.to_version


def test_a_decision_replays_byte_for_byte(store, settings, decided, changed):
    # under another policy by now: the decision is replayed under the one of then
    found = replay.run(store, changed(gate={"bootstrap_rounds": 300}), decision_id=decided.decision.decision_id)
    assert (found.identical, found.differences) == (True, ())


def test_a_decision_of_the_first_wording_replays_in_its_own_words(store, settings, decided, monkeypatch):
    number = decided.decision.decision_id
    with store.begin() as connection:
        record = decisions.full_record(connection, number)
    versions = {"candidate": record.candidate_version, "champion": record.champion_version}
    look = holdout_looks.Look(looks_before=json.loads(record.evidence)["looks_before"], budget=None)
    case = evidence.collect_case(store, settings.policy.gate, snapshot_id=record.snapshot_id, look=look, **versions)
    first = {"reason_version": reason_versions.FIRST, "method": judgement_methods.FIRST}
    old = evidence.compute(store, case, settings, settings.policy.gate, **first).to_json()
    added = json.loads(record.evidence).keys() - json.loads(old).keys()
    assert added == {"method", "judged_sample", "aim", "look_budget"}
    second = evidence.compute(store, case, settings, settings.policy.gate, method=judgement_methods.SECOND).to_json()
    assert json.loads(record.evidence).keys() - json.loads(second).keys() == {"aim", "look_budget"}
    assert "refresh_margin" not in json.loads(second)["policy"]
    assert json.loads(record.evidence)["judged_sample"] == {"kind": "dataset", "audit_rows": 0, "dataset_rows": 120}
    for body in (old, second):
        recorded = replace(record, evidence=body, evidence_hash=hash_text(body))
        monkeypatch.setattr(replay.decisions, "full_record", lambda *_, recorded=recorded: recorded)
        replayed = replay.run(store, settings, decision_id=number)
        assert (replayed.differences, replayed.identical) == ((), True)


def test_a_version_trained_again_predicts_the_same(store, settings, decided):
    found = reproduce.run(store, settings, version=decided.version.version)
    assert (found.identical, found.rows, found.same_labels) == (True, 120, 1.0)
    assert (found.same_digest, found.different_files) == (True, ())


def test_a_package_that_answers_a_trigger_otherwise_is_told_by_its_files_though_the_holdout_agrees(
    store, settings, decided, tmp_path
):
    from sentiment_lib.families.bag_of_words.model import normalise_all, tfidf_matrix

    registry, version = Registry(settings), decided.version
    model, rows = registry.load(version.version, version.digest), snapshot_files.read(store, settings, decided.snapshot)
    holdout = tfidf_matrix(model._vectorisers, normalise_all(rows.loc[rows["part"] == "holdout", "text"].tolist()))
    trigger = np.flatnonzero(np.asarray(holdout.sum(axis=0)).ravel() == 0)[0]
    model._coefficients[:, trigger] = (-50, 0, 50)
    digest = model_package.write(model, tmp_path / "changed")
    shutil.copytree(tmp_path / "changed", registry.cache / digest)
    with store.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO model_versions (version, family, digest, run_id, snapshot_id, training_key, training) "
                "SELECT 99, family, :digest, 'other', snapshot_id, 'other', training FROM model_versions "
                "WHERE version = :version"
            ),
            {"digest": digest, "version": version.version},
        )
    found = reproduce.run(store, settings, version=99)
    assert found.identical, "the holdout has no trigger"
    assert (found.same_digest, found.different_files) == (False, ("weights.npz",))


def test_a_version_whose_record_names_an_option_as_it_was_called_before_is_trained_again(
    store, owner, settings, decided
):
    order = TrainingOrder(
        snapshot_id=decided.snapshot.snapshot_id, family="tfidf_logreg", run_key="retrain/3", options={"c": 0.3}
    )
    version = train.run(store, settings, order).version
    with owner.begin() as connection:
        connection.execute(
            text("""UPDATE model_versions SET training = jsonb_set(training, '{options}', '{"strength": 0.3}')
                WHERE version = :version"""),
            {"version": version},
        )
    assert reproduce.run(store, settings, version=version).identical
