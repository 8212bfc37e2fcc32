"""The versions that a rollback may choose, in a file: Airflow's form reads it, as a DAG file may not ask a database."""

from __future__ import annotations

from pathlib import Path

from sentiment_lib.files import write_atomically
from sentiment_lib.storage import deployments, model_versions, version_erasures
from sentiment_lib.storage.engine import Store

#: Below SENTIMENT_HOME; {version: "version 3 (tfidf_logreg)"} of each earlier champion.
FILE = "cache/rollback-choices.json"


def write(store: Store, home: Path) -> None:
    """Write the earlier champions, newest first. Idempotent; every move and every reconciliation does it."""
    with store.begin() as connection:
        champion = model_versions.champion(connection)
        versions = [
            model_versions.by_version(connection, number)
            for number in deployments.earlier_champions(connection)
            if (champion is None or number != champion.version) and not version_erasures.named(connection, [number])
        ]
    path = home / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, {str(one.version): f"version {one.version} ({one.family})" for one in versions})
