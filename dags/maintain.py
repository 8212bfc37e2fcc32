"""House-keeping: finish what was interrupted, guard the last promotion, look at alert rules, count new labels."""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import dag, task
from sentiment_airflow import defaults, maintain_tasks
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
the UI, counts the labels that came since the last snapshot, and asks the audit labels whether the champion is still as
good as at its promotion.

- **Writes**: asset `labels` when there are enough new ones for a retrain, or when they call for one, which wakes
  `retrain`; asset `champion` after a rollback, which wakes `score_tweets`.
- **By hand**: `sentiment reconcile`, `sentiment shadow`, `sentiment auto-rollback`, `sentiment check-accuracy`.
""",
    **defaults.DAG,
)
def maintain():
    # a step that fails must not keep the others from their work
    step = {"trigger_rule": "all_done"}
    (
        task(maintain_tasks.tidy)()
        >> task(**step)(maintain_tasks.shadow)()
        >> task(outlets=[CHAMPION], **step)(maintain_tasks.guard)()
        >> task(**step)(maintain_tasks.watch)()
        >> task(**step)(maintain_tasks.clear_questions)()
        >> task(outlets=[LABELS], **step)(maintain_tasks.count_labels)()
        >> task(outlets=[LABELS], **step)(maintain_tasks.judge_champion)()
    )


maintain()
