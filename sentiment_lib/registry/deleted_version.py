"""What MLflow still has of a version that was deleted: its run and the model that the run logged."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import Any

from sentiment_lib.registry.mlflow_registry import Registry
from sentiment_lib.registry.model_card import FILE as CARD

log = logging.getLogger(__name__)

#: Error code of MLflow for what it does not have.
_MISSING = "RESOURCE_DOES_NOT_EXIST"


def ensure_run(registry: Registry, run_id: str, version: int) -> tuple[str, str]:
    """Id of the version's run and its model card; a deleted run is restored, one that is gone for good made anew."""
    from mlflow.exceptions import MlflowException

    client = registry.client
    try:
        run = client.get_run(run_id)
    except MlflowException as error:
        if error.error_code != _MISSING:
            raise
        tags = {"registered_again": str(version), "lost_run_id": run_id}
        made = client.create_run(registry.experiment(), run_name=f"version {version}, registered again", tags=tags)
        return str(made.info.run_id), f"Version {version}, registered again. Its training run and card are gone."
    if run.info.lifecycle_stage == "deleted":
        client.restore_run(run_id)
    return run_id, _card(client, run_id, version)


def _card(client: Any, run_id: str, version: int) -> str:
    from mlflow.exceptions import MlflowException

    with tempfile.TemporaryDirectory() as scratch:
        try:
            return Path(client.download_artifacts(run_id, CARD, scratch)).read_text(encoding="utf-8")
        except (MlflowException, OSError):
            return f"Version {version}, registered again. Its card is gone."


def download_logged(registry: Registry, run_id: str, target: Path) -> list[Path]:
    """Packages of the models that the run logged, downloaded below `target`, unverified; none where they are gone."""
    import mlflow
    from mlflow.exceptions import MlflowException

    client, packages = registry.client, list[Path]()
    mlflow.set_tracking_uri(registry.uri)
    mlflow.set_registry_uri(registry.uri)
    wanted = f"source_run_id = '{run_id}'"
    for logged in client.search_logged_models([registry.experiment()], filter_string=wanted):
        folder = target / logged.model_id
        folder.mkdir(parents=True)
        try:
            path = mlflow.artifacts.download_artifacts(artifact_uri=f"models:/{logged.model_id}", dst_path=str(folder))
        except (MlflowException, OSError) as error:
            log.warning("The model %s of run %s cannot be downloaded: %s", logged.model_id, run_id, error)
            continue
        packages += sorted(one for one in Path(path).glob("artifacts/*") if one.is_dir())
    return packages
