"""The versions that a rollback may choose, in a file: Airflow's form reads it, as a DAG file may not ask a database."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from sentiment_lib.airflow_client import AirflowClient
from sentiment_lib.files import write_atomically
from sentiment_lib.settings import Settings
from sentiment_lib.storage import deployments, model_versions, version_erasures
from sentiment_lib.storage.engine import Store

#: Below SENTIMENT_HOME; {version: "version 3 (tfidf_logreg)"} of each earlier champion.
FILE = "cache/rollback-choices.json"
#: The DAG whose form offers them.
DAG_ID = "rollback"
_log = logging.getLogger(__name__)


def offer(store: Store, settings: Settings) -> bool:
    """Write the earlier champions and, if they changed, have Airflow parse its form again; returns whether they did.

    Idempotent; every move and every reconciliation does it. Where Airflow is away or the platform may not ask for a
    parse, the form follows when Airflow parses its DAGs the next time.
    """
    changed = _write(store, settings.home)
    if changed:
        _parse_again(settings)
    return changed


def _write(store: Store, home: Path) -> bool:
    """Write the earlier champions, newest first; whether they differ from those of before."""
    with store.begin() as connection:
        champion = model_versions.champion(connection)
        versions = [
            model_versions.by_version(connection, number)
            for number in deployments.earlier_champions(connection)
            if (champion is None or number != champion.version) and not version_erasures.named(connection, [number])
        ]
    choices = {str(one.version): f"version {one.version} ({one.family})" for one in versions}
    path = home / FILE
    if choices == _read(path):
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, choices)
    return True


def _read(path: Path) -> object:
    """What the file holds; None for one that is missing or cut off."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None


def _parse_again(settings: Settings) -> None:
    """Ask Airflow to parse the DAG's file ahead of its turn, so that the form shows the new choices."""
    import httpx

    if not settings.airflow_user:
        return
    client = AirflowClient.of_platform(settings)
    try:
        token = client.call("GET", f"/dags/{DAG_ID}")["file_token"]
        client.call("PUT", f"/parseDagFile/{token}")
    except httpx.HTTPError as error:
        _log.info("The form of %s follows when Airflow parses it the next time: %s", DAG_ID, error)
