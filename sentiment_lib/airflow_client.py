"""Client of Airflow's REST API (v2): logs in, and waits for a server that is restarting."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

if TYPE_CHECKING:
    import httpx

    from sentiment_lib.settings import Settings

TIMEOUT = 30.0  # seconds for one request
#: Rows of a list asked for at a time: as many as Airflow gives unless its settings say otherwise.
PAGE = 100
RESTARTING = (500, 502, 503)


class AirflowClient:
    """One user's session with one Airflow.

    patience: seconds for which a lost connection or a server error is retried; 0 never retries.
    """

    def __init__(self, url: str, user: str, password: str, *, patience: float = 0.0) -> None:
        import httpx

        self._http = httpx.Client(base_url=url.rstrip("/"), timeout=TIMEOUT)
        self._login = {"username": user, "password": password}
        self._token: str | None = None
        self._patience = patience

    @classmethod
    def of_platform(cls, settings: Settings, *, patience: float = 0.0) -> Self:
        """A client with the platform's own account."""
        password = settings.airflow_password.get_secret_value()
        return cls(settings.airflow_url, settings.airflow_user, password, patience=patience)

    def account_name(self) -> str:
        """Name of the account that this client is signed in as, exactly as Airflow knows it; raises as `call`.

        FAB finds accounts without regard to case, and by their e-mail address.
        """
        return str(self.call("GET", "/auth/me", root="/ui")["username"])

    def call(self, method: str, path: str, body: Any = None, *, root: str = "/api/v2") -> Any:
        """JSON response of a request below /api/v2, or another root.

        Raises httpx.HTTPStatusError for what Airflow refuses, and httpx.TransportError without a connection.
        """
        import httpx

        give_up = time.monotonic() + self._patience
        renewed = False
        while True:
            try:
                if self._token is None:
                    self._token = self._send("POST", "/auth/token", self._login)["access_token"]
                return self._send(method, f"{root}{path}", body)
            except httpx.HTTPStatusError as error:
                expired = error.response.status_code == 401 and not renewed and self._token is not None
                if not expired and (error.response.status_code not in RESTARTING or time.monotonic() > give_up):
                    raise
                if expired:
                    self._token, renewed = None, True
                    continue
            except httpx.TransportError:
                if time.monotonic() > give_up:
                    raise
            time.sleep(1)

    def rows(self, path: str, field: str) -> Iterator[Mapping[str, Any]]:
        """Rows of a list to its end, whatever the size of Airflow's pages; raises as `call`."""
        joint = "&" if "?" in path else "?"
        seen = 0
        while True:
            found = self.call("GET", f"{path}{joint}limit={PAGE}&offset={seen}")
            yield from found[field]
            seen += len(found[field])
            if not found[field] or seen >= found["total_entries"]:
                return

    def _send(self, method: str, path: str, body: Any) -> Any:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        response: httpx.Response = self._http.request(method, path, json=body, headers=headers)
        response.raise_for_status()
        return response.json() if response.content else None


def dag_path(dag_id: str) -> str:
    """Path of a DAG."""
    return f"/dags/{quote(dag_id, safe='')}"


def run_path(dag_id: str, run_id: str) -> str:
    """Path of a DAG run."""
    return f"{dag_path(dag_id)}/dagRuns/{quote(run_id, safe='')}"


def task_path(dag_id: str, run_id: str, task_id: str) -> str:
    """Path of a task instance that is not mapped."""
    return f"{run_path(dag_id, run_id)}/taskInstances/{quote(task_id, safe='')}"
