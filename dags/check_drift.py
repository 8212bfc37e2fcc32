"""Are today's tweets still like those the champion learned from?"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable, Param, dag, task
from sentiment_airflow import defaults
from sentiment_airflow.assets import DRIFT, PREDICTIONS
from sentiment_airflow.notifiers import Notice

DRIFTED = Notice(
    title="The tweets have drifted",
    body="Drift report {{ ti.xcom_pull(task_ids='check')['report_id'] }}. The policy decides on a retrain.",
)


@dag(
    schedule=AssetOrTimeSchedule(timetable=CronTriggerTimetable("43 * * * *", timezone="UTC"), assets=[PREDICTIONS]),
    start_date=datetime(2026, 1, 1),
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=1),
    tags=["sentiment", "watch"],
    params={
        "at": Param(None, type=["null", "string"], format="date-time", description="end of the current window; now"),
    },
    doc_md="""
### check_drift
Compares the current window of tweets and predictions with the reference window, stores the figures and an Evidently
report, and opens a `drift` alert when the verdict is drift. Verdicts are our own detectors', the report is to look at.

- **Reads**: asset `predictions`. **Writes**: asset `drift`, when the policy wants a retrain for it.
- **By hand**: `sentiment drift`, or trigger with `at` to look at an earlier moment.
""",
    **defaults.DAG,
)
def check_drift():
    @task
    def check(params: dict) -> dict:
        """The drift report of this moment."""
        from sentiment_airflow.calling import call, moment

        report = call("check_drift", at=moment(params["at"]))
        return {key: report[key] for key in ("report_id", "verdict", "html_path", "alert_id")}

    @task.short_circuit
    def drifted(report: dict) -> bool:
        """Only drift goes on."""
        return report["verdict"] == "drift"

    @task(outlets=[DRIFT], on_success_callback=DRIFTED, on_skipped_callback=DRIFTED)
    def ask_for_retrain(report: dict, *, outlet_events: dict) -> dict:
        """Write the wish down; the policy's cool-down may refuse it."""
        from airflow.sdk.exceptions import AirflowSkipException
        from sentiment_airflow.calling import call

        wish = call("want", rule="drift", reason=f"drift report {report['report_id']}")
        if not wish:
            raise AirflowSkipException("a retrain is wanted already, or was done just now")
        outlet_events[DRIFT].extra = {"report_id": report["report_id"]}
        return wish

    report = check()
    drifted(report) >> ask_for_retrain(report)


check_drift()
