"""House-keeping: finish what was interrupted, look at every alert rule, ask for a retrain when labels suffice."""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import dag, task
from sentiment_airflow import defaults
from sentiment_airflow.assets import LABELS


@dag(
    schedule="*/10 * * * *",
    start_date=datetime(2026, 1, 1),
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=1),
    tags=["sentiment", "watch"],
    doc_md="""
### maintain
Finishes or undoes an interrupted promotion, compares the registry's aliases with the ledger and mends them by policy,
looks at the alert rules and delivers what waits, takes superseded questions from the UI, and counts the labels that
came since the last snapshot.

- **Writes**: asset `labels` when there are enough new ones for a retrain; that wakes `retrain`.
- **By hand**: `sentiment maintain`.
""",
    **defaults.DAG,
)
def maintain():
    @task
    def tidy() -> dict:
        """Database and registry agree again."""
        from sentiment_airflow.calling import call

        return call("maintain")

    @task(trigger_rule="all_done")
    def watch() -> dict:
        """Open and resolve the alerts of operations, and deliver what waits."""
        from sentiment_airflow.calling import call

        return call("watch")

    @task(trigger_rule="all_done")
    def clear_questions() -> int:
        """Take questions from the UI that a newer one has superseded."""
        from sentiment_airflow.calling import call
        from sentiment_airflow.waiting import withdraw

        return withdraw(call("ask", "superseded"))

    @task(outlets=[LABELS], trigger_rule="all_done")
    def count_labels(*, outlet_events: dict) -> dict:
        """Ask for a retrain when the policy's number of new labels is reached."""
        from airflow.sdk.exceptions import AirflowSkipException
        from sentiment_airflow.calling import call

        wish = call("want", "labels")
        if not wish:
            raise AirflowSkipException("too few new labels, or a retrain is wanted already")
        outlet_events[LABELS].extra = {"request_id": wish["request_id"]}
        return wish

    tidy() >> watch() >> clear_questions() >> count_labels()


maintain()
