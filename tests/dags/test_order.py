"""The orders that must never change, whatever the wiring looks like."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def retrain(dags):
    return dags["retrain"]


def upstream(dag, task_id):
    return {task.task_id for task in dag.get_task(task_id).get_flat_relatives(upstream=True)}


def test_nothing_is_promoted_without_a_recorded_approval(retrain):
    assert {"approval", "check_approval"} <= upstream(retrain, "promote")
    assert retrain.get_task("promote").trigger_rule == "all_success"


def test_the_decision_is_written_before_the_approval_is_asked(retrain):
    assert {"classical.evaluate", "fine_tuned.evaluate"} <= upstream(retrain, "approval")


def test_a_candidate_is_trained_on_a_frozen_snapshot(retrain):
    assert "snapshot" in upstream(retrain, "classical.train") & upstream(retrain, "fine_tuned.train")


def test_a_family_that_fails_does_not_stop_the_question_about_the_others(retrain):
    assert retrain.get_task("decision_ids").trigger_rule == "all_done"
    assert retrain.get_task("request_approval").trigger_rule == "all_success"
    for group in ("classical", "fine_tuned"):
        assert retrain.get_task(f"{group}.train").get_closest_mapped_task_group() is not None


def test_both_answers_and_an_expired_question_reach_the_check_that_follows(retrain):
    from airflow.providers.standard.operators.hitl import ApprovalOperator, HITLOperator

    approval = retrain.get_task("approval")
    assert isinstance(approval, HITLOperator)
    assert not isinstance(approval, ApprovalOperator), "it would skip the check of a rejection"
    assert approval.options == ["Promote", "Reject"]
    assert approval.defaults == ["Reject"]
    assert approval.response_timeout is not None
    assert approval.downstream_task_ids == {"check_approval"}
    assert retrain.get_task("check_approval").trigger_rule == "none_failed"


def test_only_approvers_of_the_policy_may_answer(retrain):
    from sentiment_lib.policy import ApprovalPolicy

    assigned = {user["id"] for user in retrain.get_task("approval").assigned_users}
    assert assigned == set(ApprovalPolicy().approvers)


def test_a_quorum_asks_as_often_one_after_the_other(monkeypatch):
    from airflow.dag_processing.dagbag import DagBag

    monkeypatch.setenv("SENTIMENT_POLICY__APPROVAL__QUORUM", "2")
    retrain = DagBag(str(ROOT / "dags" / "retrain.py")).dags["retrain"]
    assert retrain.get_task("approval").downstream_task_ids == {"approval_2"}
    assert retrain.get_task("approval_2").downstream_task_ids == {"check_approval"}


def test_the_reason_may_stay_empty_in_the_form(retrain):
    assert retrain.get_task("approval").params.get_param("reason").schema["type"] == ["null", "string"]


def test_a_waiting_approval_leaves_room_for_the_next_retrain(retrain):
    assert retrain.max_active_runs > 1


def test_the_question_survives_an_answer_that_came_too_soon(retrain):
    assert retrain.get_task("approval").retries >= 3


def test_assets_join_the_flows(dags):
    assert outlets(dags["ingest_tweets"]) == {"tweets"}
    assert schedule(dags["score_tweets"]) == {"tweets", "champion"}
    assert outlets(dags["score_tweets"]) == {"predictions"}
    assert schedule(dags["check_drift"]) == {"predictions"}
    assert outlets(dags["check_drift"]) == {"drift"}
    assert outlets(dags["maintain"]) == {"labels", "champion"}
    assert schedule(dags["retrain"]) == {"drift", "labels"}
    assert {name for name in dags if outlets(dags[name]) == {"champion"}} == {"retrain", "rollback", "force_promotion"}


def outlets(dag):
    return {asset.name for task in dag.tasks for asset in task.outlets}


def schedule(dag):
    def names(condition):
        return {condition.name} if hasattr(condition, "name") else set().union(*map(names, condition.objects))

    return names(dag.timetable.asset_condition)


def test_a_task_that_gives_a_list_is_not_announced_as_a_mapping(dags):
    """Airflow reads `-> dict` as several outputs, and then refuses a list at run time."""
    for task_id in ("claim_requests", "plan_training", "plan_fine_tuning", "decision_ids"):
        assert dags["retrain"].get_task(task_id).multiple_outputs is False


def test_a_training_is_ended_by_the_step_before_airflow_ends_it(retrain):
    from datetime import timedelta

    from sentiment_lib.policy import RetrainPolicy

    for group, pool in (("classical", RetrainPolicy().pool), ("fine_tuned", RetrainPolicy().fine_tuning_pool)):
        train = retrain.get_task(f"{group}.train")
        assert train.execution_timeout > timedelta(minutes=RetrainPolicy().train_minutes)
        assert train.pool == pool


def test_a_run_outlives_its_budget_and_its_question(retrain):
    from datetime import timedelta

    from sentiment_lib.policy import ApprovalPolicy, RetrainPolicy

    budget = timedelta(minutes=RetrainPolicy().budget_minutes)
    assert retrain.dagrun_timeout > budget + ApprovalPolicy().expires_after


def test_a_family_cannot_be_asked_for_twice_in_one_run(retrain):
    from airflow.sdk.exceptions import ParamValidationError

    families = retrain.params.get_param("families")
    with pytest.raises(ParamValidationError, match="non-unique"):
        families.resolve(["bert", "bert"])
    assert families.resolve(["bert", "vader"]) == ["bert", "vader"]


def test_a_search_before_the_training_has_time_of_its_own():
    import os
    import subprocess
    import sys
    from pathlib import Path

    code = "import runpy; print(runpy.run_path('dags/retrain.py')['TRAINING_TIMEOUT'].total_seconds() / 60)"
    root = Path(__file__).parents[2]
    policy = {"SENTIMENT_POLICY__RETRAIN__SEARCH_TRIALS": "9", "SENTIMENT_POLICY__RETRAIN__SEARCH_MINUTES": "45"}
    environment = {**os.environ, **policy, "PYTHONPATH": f"{root}:{root / 'plugins'}"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert float(done.stdout.split()[-1]) >= 60 + 45
