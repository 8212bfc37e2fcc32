"""Airflow's FAB auth manager, with the two rules that approvals need, and a limit on failed logins.

Set as `[core] auth_manager` in the container stack. The embedded stack runs the simple auth manager.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any

from airflow.providers.fab.auth_manager.fab_auth_manager import FabAuthManager

from sentiment_airflow.failed_logins import FailedLogins

#: Permission to answer a request of a task, as FAB names action and resource.
ANSWER = ("can_edit", "HITL Detail")


class SentimentFabAuthManager(FabAuthManager):
    """FabAuthManager that identifies approvers by user name, and lets a person answer who may not edit the DAG."""

    def get_fastapi_app(self) -> Any:
        """FAB's routes and pages, with the limit."""
        app = super().get_fastapi_app()
        if app is not None:
            app.add_middleware(FailedLogins)
        return app

    def is_authorized_hitl_task(self, *, assigned_users: AbstractSet[str], user: Any) -> bool:
        """Compare user names: an id of FAB is a row number, unknown before the first login, and policies use names."""
        return user.get_name() in assigned_users

    def is_authorized_dag(self, *, method: Any, user: Any, access_entity: Any = None, details: Any = None) -> bool:
        """Let a person answer who reads the DAG and has ANSWER.

        FAB also demands permission to edit the DAG, which would let every approver pause it.
        """
        if access_entity is not None and access_entity.name == "HITL_DETAIL" and method == "PUT":
            reads = super().is_authorized_dag(method="GET", user=user, access_entity=access_entity, details=details)
            return bool(reads) and ANSWER in (user.perms or ())
        return bool(super().is_authorized_dag(method=method, user=user, access_entity=access_entity, details=details))
