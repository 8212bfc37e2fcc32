"""Whether the loop that the first start runs on the sample still goes on: until it ends, no champion is no fault."""

from __future__ import annotations

from typing import Literal

from sentiment_lib.airflow_client import AirflowClient
from sentiment_lib.local import sample_data, stack
from sentiment_lib.local.state_folder import Home
from sentiment_lib.settings import Settings, home_folder, load_settings
from sentiment_lib.sources import living_sample

FirstLoop = Literal["running", "finished", "failed"]
#: In the folder of the stack's state: the first loop has ended, so that nobody is asked again.
ENDED = "first-loop.finished"
#: What people read of a loop that has not ended.
WAIT = "the first loop is still running, wait for it: it scores the sample, then trains a candidate"


def state() -> FirstLoop | None:
    """State of the first loop of this installation; None when no stack is up, or when it started without the sample.

    It has finished once there are a champion and a decision, or a retrain that ended without one.
    """
    run = Home(home_folder()).run
    if not (run / living_sample.PLAN.name).exists() or not stack.status()["up"]:
        return None
    if (run / ENDED).exists():
        return "finished"
    try:
        found = _look(load_settings())
    except Exception:
        # whatever the driver raises: what cannot be asked is not known to have failed, and the checks say what is wrong
        return None
    if found == "finished":
        (run / ENDED).touch()
    return found


def _look(settings: Settings) -> FirstLoop | None:
    # what an installation whose first loop has ended need not wait for
    import httpx

    from sentiment_lib.storage import decisions, model_versions
    from sentiment_lib.storage.engine import Store

    store = Store.open(settings)
    try:
        with store.begin() as connection:
            champion = model_versions.champion(connection) is not None
            decided = bool(decisions.newest(connection, limit=1))
    finally:
        store.close()
    if champion and decided:
        return "finished"
    client = AirflowClient.of_platform(settings)
    try:
        states = [_newest_run(client, dag_id) for dag_id in sample_data.FIRST_DAGS]
    except httpx.HTTPError:
        return None
    if "failed" in states:
        return "failed"
    ended = champion and states[-1] == "success"
    return "finished" if ended else "running"


def _newest_run(client: AirflowClient, dag_id: str) -> str | None:
    """State of the newest run; None before there is one."""
    runs = client.call("GET", f"/dags/{dag_id}/dagRuns?limit=1&order_by=-run_after")["dag_runs"]
    return str(runs[0]["state"]) if runs else None
