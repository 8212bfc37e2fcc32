"""The tasks of maintain, one step each; those without anything to tell are skipped, so that assets wake nobody."""

from __future__ import annotations

from typing import Any

from sentiment_airflow.assets import LABELS
from sentiment_airflow.run_step import call

Json = dict[str, Any]


def tidy() -> Json:
    """Database and registry agree again."""
    return call("operations.reconcile")


def shadow() -> Json:
    """New tweets are scored by those who may be compared with the champion."""
    return call("scoring.shadow")


def guard() -> Json:
    """Roll the last promotion back when audit labels call it worse."""
    judged = call("operations.auto_rollback")
    return judged if judged and judged["rollback"] else _skip("nothing to roll back")


def watch() -> Json:
    """Open and resolve the alerts of operations, and deliver what waits."""
    return call("operations.check_alerts")


def clear_questions() -> int:
    """Take questions from the UI that a newer one has superseded."""
    from sentiment_airflow.stale_approvals import withdraw

    return withdraw(call("decisions.request_approval", "superseded"))


def count_labels(*, outlet_events: Json) -> Json:
    """Ask for a retrain when the policy's number of new labels is reached."""
    wish = call("training.request_retrain", "request_by_rules") or _skip(
        "too few new labels, or a retrain is wanted already"
    )
    outlet_events[LABELS].extra = {"request_id": wish["request_id"]}
    return wish


def judge_champion(*, outlet_events: Json) -> Json:
    """Ask for a retrain when audit labels call the champion worse than it was at its promotion."""
    judged = call("monitoring.champion_decline")
    if not judged or not judged["wish"]:
        _skip("the champion is as good as it was, or a retrain is wanted already")
    outlet_events[LABELS].extra = {"request_id": judged["wish"]["request_id"]}
    return judged


def _skip(why: str) -> Any:
    from airflow.sdk.exceptions import AirflowSkipException

    raise AirflowSkipException(why)
