"""MLflow runs of trainings that led to no version: their removal, with the files that they left."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from sentiment_lib.registry.mlflow_registry import Registry

log = logging.getLogger(__name__)
#: Tag by which MLflow nests a run, such as one of a hyperparameter search.
PARENT = "mlflow.parentRunId"
PAGE = 500


def remove(registry: Registry, before: datetime, kept: Collection[str]) -> int:
    """Remove ended runs that began before then, with their files; returns how many.

    Runs of registered versions, those in `kept` and the ones nested under them stay. MLflow marks a run as deleted; the
    rows of it go with `mlflow gc` of its own server. Idempotent: a run whose files went alone is removed by the next.
    """
    client = registry.client
    versions = client.search_model_versions(f"name = '{registry.name}'")
    named = {*kept, *(version.run_id for version in versions)}
    removed = 0
    for run in _runs(registry, before):
        if run.info.status == "RUNNING" or named & {run.info.run_id, run.data.tags.get(PARENT)}:
            continue
        _remove_files(registry, run)
        client.delete_run(run.info.run_id)
        removed += 1
    return removed


def _runs(registry: Registry, before: datetime) -> Iterator[Any]:
    """Runs that began before then. All pages are read first: removing a run moves those after it."""
    client, experiment, token = registry.client, registry.experiment(), None
    found: list[Any] = []
    condition = f"attributes.start_time < {int(before.timestamp() * 1000)}"
    while True:
        page = client.search_runs([experiment], condition, max_results=PAGE, page_token=token)
        found += page
        token = page.token
        if not token:
            return iter(found)


def _remove_files(registry: Registry, run: Any) -> None:
    """The run's own files, and those of models that it logged; none of these is registered."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    client = registry.client
    models = client.search_logged_models([run.info.experiment_id], f"source_run_id = '{run.info.run_id}'")
    for model in models:
        get_artifact_repository(model.artifact_location, registry.uri).delete_artifacts()  # type: ignore[no-untyped-call]
        client.delete_logged_model(model.model_id)
    get_artifact_repository(run.info.artifact_uri, registry.uri).delete_artifacts()  # type: ignore[no-untyped-call]
