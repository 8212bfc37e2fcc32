"""Are today's tweets still like those the champion learned from?"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable, Param, dag, task
from sentiment_airflow import defaults
from sentiment_airflow.assets import DRIFT, PREDICTIONS
from sentiment_airflow.notifiers import Notice

LOOKED = Notice(
    title="Drift report {{ (ti.xcom_pull(task_ids='check') or {}).get('report_id') }}",
    body="{{ (ti.xcom_pull(task_ids='check') or {}).get('verdict') }}",
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
    @task(on_success_callback=LOOKED)
    def check(params: dict) -> dict:
        """The drift report of this moment."""
        from airflow.sdk.exceptions import AirflowSkipException
        from sentiment_airflow.run_step import call, moment

        from sentiment_lib.errors import NotFound

        try:
            report = call("monitoring.check_drift", at=moment(params["at"]))
        except NotFound as error:  # a fresh installation: nothing is scored yet
            raise AirflowSkipException(str(error)) from error
        return {key: report[key] for key in ("report_id", "verdict", "severity", "wants_retrain", "html_path")}

    @task.short_circuit
    def wants_retrain(report: dict) -> bool:
        """Only drift that matters by policy goes on."""
        return report["wants_retrain"]

    @task(outlets=[DRIFT])
    def ask_for_retrain(report: dict, *, outlet_events: dict) -> dict:
        """Write the wish down; the policy may want more checks to agree, and its cool-down may refuse it."""
        from airflow.sdk.exceptions import AirflowSkipException
        from sentiment_airflow.run_step import call

        wish = call("training.request_retrain", "request_for_drift", report_id=report["report_id"])
        if not wish:
            raise AirflowSkipException("too few of the last checks agree, or the cool-down lasts")
        outlet_events[DRIFT].extra = {"report_id": report["report_id"]}
        return wish

    report = check()
    wants_retrain(report) >> ask_for_retrain(report)


check_drift()
