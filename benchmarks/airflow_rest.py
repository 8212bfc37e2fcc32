"""A scripted operator of Airflow: triggers DAGs, waits for runs and answers approvals over REST."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from sentiment_lib.airflow_client import AirflowClient, run_path, task_path

ENDED = ("success", "failed")
#: Airflow 3.3 can fail a task that is answered within about three seconds.
PATIENCE = 5.0


class Airflow(AirflowClient):
    """One user's view of one Airflow, with what a person does in the UI."""

    def __init__(self, url: str, user: str, password: str, *, patience: float = 180) -> None:
        super().__init__(url, user, password, patience=patience)
        self.url = url.rstrip("/")
        self.user = user

    def trigger(self, dag_id: str, **conf: Any) -> str:
        """Id of a new run."""
        made = self.call("POST", f"/dags/{dag_id}/dagRuns", {"logical_date": None, "conf": conf})
        return str(made["dag_run_id"])

    def runs(self, dag_id: str) -> dict[str, str]:
        """State of each run, newest first."""
        found = self.call("GET", f"/dags/{dag_id}/dagRuns?limit=100&order_by=-run_after")
        return {run["dag_run_id"]: run["state"] for run in found["dag_runs"]}

    def active(self, *dag_ids: str) -> list[str]:
        """Runs that are queued or running, as dag_id/run_id."""
        return [f"{d}/{run}" for d in dag_ids for run, state in self.runs(d).items() if state not in ENDED]

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Task instances of a run."""
        return list(self.call("GET", f"{run_path(dag_id, run_id)}/taskInstances?limit=100")["task_instances"])

    def waiting(self, dag_id: str = "retrain") -> list[str]:
        """Runs whose approval waits for an answer."""
        found = self.call("GET", f"/dags/{dag_id}/dagRuns/~/hitlDetails?response_received=false&limit=100")
        details = found["hitl_details"]
        return [d["task_instance"]["dag_run_id"] for d in details if d["task_instance"]["state"] == "awaiting_input"]

    def question(self, run_id: str, dag_id: str = "retrain") -> dict[str, Any]:
        """What a person sees."""
        return dict(self.call("GET", self._question(dag_id, run_id)))

    def answer(self, run_id: str, option: str, reason: str | None = None, dag_id: str = "retrain") -> dict[str, Any]:
        """Answer a waiting approval."""
        body = {"chosen_options": [option], "params_input": {"reason": reason}}
        return dict(self.call("PATCH", self._question(dag_id, run_id), body))

    def clear(self, dag_id: str, run_id: str, task_id: str) -> None:
        """Have a task run again, and what follows it."""
        body = {"dag_run_id": run_id, "task_ids": [task_id], "dry_run": False, "include_downstream": True}
        self.call("POST", f"/dags/{dag_id}/clearTaskInstances", {**body, "only_failed": False, "reset_dag_runs": True})

    def until(self, ready: Callable[[], Any], *, seconds: float, what: str, every: float = 1.0) -> Any:
        """The first truthy value of `ready`; TimeoutError says what was waited for."""
        give_up = time.monotonic() + seconds
        while not (found := ready()):
            if time.monotonic() > give_up:
                raise TimeoutError(f"{what}: not within {seconds:.0f} s")
            time.sleep(every)
        return found

    def ended(self, dag_id: str, run_id: str, *, seconds: float = 600) -> str:
        """State of a run once it has ended."""
        path = run_path(dag_id, run_id)

        def state() -> str | None:
            found = self.call("GET", path)["state"]
            return found if found in ENDED else None

        return str(self.until(state, seconds=seconds, what=f"the end of {dag_id}/{run_id}"))

    @staticmethod
    def _question(dag_id: str, run_id: str) -> str:
        return f"{task_path(dag_id, run_id, 'approval')}/-1/hitlDetails"
