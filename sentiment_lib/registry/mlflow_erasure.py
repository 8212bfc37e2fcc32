"""Erases what MLflow holds of a version: its package, the copies of it, and on request the version itself."""

from __future__ import annotations

from typing import Any

from sentiment_lib import scratch
from sentiment_lib.errors import VersionDeleted
from sentiment_lib.hashing import is_digest
from sentiment_lib.registry.mlflow_registry import Registry


def erase_package(registry: Registry, version: int, digest: str) -> None:
    """Delete the files of a version and its cached copy on this machine; its number, card and figures stay.

    Run again, it finishes what a killed process left. A version that is not in MLflow has no files, and one whose
    digest is no SHA-256 no copy.
    """
    if is_digest(digest):
        scratch.remove(registry.cache / digest)
    try:
        registry.get(version)
    except VersionDeleted:
        return
    _delete_files(registry, version)


def discard(registry: Registry, version: int) -> None:
    """Delete a version that was registered and never recorded, with its files."""
    _delete_files(registry, version)
    registry.client.delete_model_version(registry.name, str(version))


def has_package(registry: Registry, version: int) -> bool:
    """Whether MLflow has any file of the version's package."""
    try:
        registry.get(version)
    except VersionDeleted:
        return False
    repository = _files_of(registry, version)
    return repository is not None and bool(repository.list_artifacts(None))


def _delete_files(registry: Registry, version: int) -> None:
    repository = _files_of(registry, version)
    if repository is not None:
        for file in repository.list_artifacts(None) or ():
            repository.delete_artifacts(file.path)


def _files_of(registry: Registry, version: int) -> Any:
    """MLflow's access to the files of a version; None for one without a logged model."""
    import mlflow
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    mlflow.set_tracking_uri(registry.uri)
    mlflow.set_registry_uri(registry.uri)
    found = registry.client.get_model_version(registry.name, str(version))
    model_id = getattr(found, "model_id", None) or found.source.removeprefix("models:/")
    if not model_id.startswith("m-"):
        return None
    location = registry.client.get_logged_model(model_id).artifact_location
    return get_artifact_repository(location)
