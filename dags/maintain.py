"""House-keeping: finish what was interrupted, guard the last promotion, look at alert rules, count new labels."""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import dag, task
from sentiment_airflow import defaults
from sentiment_airflow.assets import CHAMPION, LABELS


@dag(
    schedule="*/10 * * * *",
    start_date=datetime(2026, 1, 1),
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=1),
    tags=["sentiment", "watch"],
    doc_md="""
### maintain
Finishes or undoes an interrupted promotion, compares the registry's aliases with the ledger and mends them by policy.
Lets the challenger and the version before the champion score a share of the new tweets in shadow, and rolls a promotion
back that the audit labels call worse. Looks at the alert rules and delivers what waits, takes superseded questions from
the UI, and counts the labels that came since the last snapshot.

- **Writes**: asset `labels` when there are enough new ones for a retrain, which wakes `retrain`; asset `champion` after
  a rollback, which wakes `score_tweets`.
- **By hand**: `sentiment maintain`, `sentiment shadow`, `sentiment guard`.
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
    def shadow() -> dict:
        """New tweets are scored by those who may be compared with the champion."""
        from sentiment_airflow.calling import call

        return call("shadow")

    @task(outlets=[CHAMPION], trigger_rule="all_done")
    def guard() -> dict:
        """Roll the last promotion back when audit labels call it worse."""
        from airflow.sdk.exceptions import AirflowSkipException
        from sentiment_airflow.calling import call

        judged = call("guard")
        if not judged or not judged["rollback"]:
            raise AirflowSkipException("nothing to roll back")
        return judged

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

    tidy() >> shadow() >> guard() >> watch() >> clear_questions() >> count_labels()


maintain()
