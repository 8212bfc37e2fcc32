"""A better model, if there is one: snapshot, train, evaluate, gate, ask a person, promote."""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable, Param, dag, task, task_group
from sentiment_airflow import defaults, retrain_tasks
from sentiment_airflow.approval_operator import Question
from sentiment_airflow.assets import CHAMPION, DRIFT, LABELS
from sentiment_airflow.retrain_docs import DOCS, EXPIRES, REASON

POLICY = defaults.policy()
#: the step ends a training by itself; this is for what hangs, and leaves room for figures and registration
SEARCH = POLICY.retrain.search_minutes if POLICY.retrain.search_trials else 0
TRAINING = timedelta(minutes=POLICY.retrain.train_minutes + SEARCH + 20)
FAMILIES = {"minItems": 1, "uniqueItems": True}


@dag(
    schedule=AssetOrTimeSchedule(timetable=CronTriggerTimetable("0 3 * * *", timezone="UTC"), assets=DRIFT | LABELS),
    start_date=datetime(2026, 1, 1),
    max_active_runs=16,  # a run that waits for its approval must never keep the next one from starting
    dagrun_timeout=POLICY.approval.expires_after + timedelta(minutes=POLICY.retrain.budget_minutes, hours=2),
    tags=["sentiment", "model"],
    params={
        "families": Param(list(POLICY.retrain.families), type="array", items={"type": "string"}, **FAMILIES),
        "seed": Param(0, type="integer", minimum=0),
    },
    doc_md=DOCS,
    **defaults.DAG,
)
def retrain():
    def candidates(group_id: str, pool: str):
        @task_group(group_id=group_id)
        def candidate(order: dict) -> dict:
            """One family: when it fails, the others go on."""
            # two at once at the most, with the pool's slots over all runs: more would oversubscribe a small machine
            train = task(pool=pool, max_active_tis_per_dag=2, execution_timeout=TRAINING)(retrain_tasks.train)
            return task(retrain_tasks.evaluate)(train(order))

        return candidate

    approval = Question(
        task_id="approval",
        subject="Promote version {{ ti.xcom_pull(task_ids='ask')['candidate_version'] }} to champion?",
        body="{{ ti.xcom_pull(task_ids='ask')['body'] }}",
        options=["Promote", "Reject"],
        defaults=["Reject"],  # nobody answered: recorded as expired, not as a person's rejection
        params={"reason": Param(None, type=["null", "string"], description=REASON)},
        assigned_users=defaults.approvers(),
        response_timeout=POLICY.approval.expires_after,
        execution_timeout=None,
        retry_delay=timedelta(seconds=5),
        doc_md=EXPIRES,
    )

    frozen = task(retrain_tasks.snapshot)()
    task(retrain_tasks.begin)() >> frozen
    light = task(task_id="light_orders")(retrain_tasks.orders)(frozen, fine_tuned=False)
    heavy = task(task_id="heavy_orders")(retrain_tasks.orders)(frozen, fine_tuned=True)
    decided = task(trigger_rule="all_done")(retrain_tasks.decided)(  # a group without orders is skipped
        candidates("candidate", POLICY.retrain.pool).expand(order=light),
        candidates("fine_tuned", POLICY.retrain.fine_tuning_pool).expand(order=heavy),
    )
    question = task.short_circuit(retrain_tasks.ask)(decided)
    frozen >> question  # as decided runs in any case, a snapshot that failed or was skipped must end the run itself
    answer = task.short_circuit(trigger_rule="none_failed")(retrain_tasks.record)()
    question >> approval >> answer >> task(outlets=[CHAMPION])(retrain_tasks.promote)(answer)


retrain()
