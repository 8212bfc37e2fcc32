"""Where a person's answer in Airflow came from, for the ledger."""

from __future__ import annotations

from typing import Any

from sentiment_lib.records import ApprovalResponse
from sentiment_lib.storage.approval_audit import AIRFLOW


def from_airflow(
    response: ApprovalResponse, *, task: str, task_instance_id: str, user_id: str | None
) -> dict[str, Any]:
    """Airflow's record of the answer: task ("dag/run/task") and its instance, and who responded when.

    `verify` compares it with the approval, and with Airflow while the run exists.
    """
    return {
        "channel": AIRFLOW,
        "task": task,
        "task_instance_id": task_instance_id,
        "user_id": user_id,
        "responded_by": response.answered_by,
        "responded_at": response.answered_at,
    }
