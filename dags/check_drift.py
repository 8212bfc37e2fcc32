"""Compares recent tweets and predictions with the champion's reference window."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable, Param, dag, task
from sentiment_airflow import defaults
from sentiment_airflow.assets import DRIFT, PREDICTIONS
from sentiment_airflow.notifiers import AlertDelivery


@dag(
    description="Detect drift of tweets and predictions; request a retrain when the policy says so",
    schedule=AssetOrTimeSchedule(timetable=CronTriggerTimetable("43 * * * *", timezone="UTC"), assets=[PREDICTIONS]),
    start_date=datetime(2026, 1, 1),
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=1),
    tags=["sentiment", "monitoring"],
    params={
        "at": Param(None, type=["null", "string"], format="date-time", description="end of the window; default: now"),
    },
    doc_md=str(Path(__file__).with_suffix(".md")),
    **defaults.DAG,
)
def check_drift() -> None:
    @task(on_success_callback=AlertDelivery())
    def compare_windows(params: dict[str, Any]) -> dict[str, Any]:
        """Store a drift report; skip on an installation that has scored nothing yet."""
        from airflow.sdk.exceptions import AirflowSkipException
        from sentiment_airflow.run_step import parse_time, run_step, to_xcom

        from sentiment_lib.errors import NotFound
        from sentiment_lib.steps.monitoring import check_drift

        try:
            report = run_step(check_drift.run, at=parse_time(params["at"]))
        except NotFound as error:
            raise AirflowSkipException(str(error)) from error
        return to_xcom(report, "report_id", "verdict", "severity", "wants_retrain", "html_path")

    @task.short_circuit
    def wants_retrain(report: dict[str, Any]) -> bool:
        """Continue only for drift that the policy wants a retrain for."""
        return bool(report["wants_retrain"])

    @task(outlets=[DRIFT])
    def request_retrain(report: dict[str, Any], *, outlet_events: Any) -> dict[str, Any]:
        """Store a retrain request; skip while too few recent reports agree or during the cool-down."""
        from airflow.sdk.exceptions import AirflowSkipException
        from sentiment_airflow.run_step import run_step, to_xcom

        from sentiment_lib.steps.training import request_retrain

        request = run_step(request_retrain.request_for_drift, report_id=report["report_id"])
        if request is None:
            raise AirflowSkipException("too few of the recent reports agree, or the cool-down has not ended")
        outlet_events[DRIFT].extra = {"report_id": report["report_id"]}
        return to_xcom(request)

    report = compare_windows()
    wants_retrain(report) >> request_retrain(report)


check_drift()
