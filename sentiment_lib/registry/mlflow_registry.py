"""The MLflow registry: versions, their packages and their aliases. The only file that knows MLflow's registry.

A version counts only with the platform's signature over number, package digest, family, run and training key: whoever
can write to MLflow cannot plant a version, nor move a signature to another one.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentiment_lib.errors import MissingExtra, NotFound, UnsafeArtefact
from sentiment_lib.evaluation.cost import Cost
from sentiment_lib.records import LABELS
from sentiment_lib.registry import bundled_code
from sentiment_lib.registry.model_card import FILE as CARD
from sentiment_lib.registry.registered_version import PURPOSE, SIGNATURE, RegisteredVersion, from_mlflow
from sentiment_lib.registry.requirements import requirements
from sentiment_lib.settings import Settings
from sentiment_lib.training_record import TrainingRecord

if TYPE_CHECKING:
    from sentiment_lib.families.base import Model

#: Characters that MLflow's database keeps of a description; the whole card lies in the run.
DESCRIPTION = 5000
CHAMPION, CHALLENGER = "champion", "challenger"


class Registry:
    """Versions of one registered model. Cheap to make; MLflow is imported and asked on first use."""

    def __init__(self, settings: Settings) -> None:
        self.uri = settings.mlflow_uri
        self.name = settings.mlflow_model
        self._account = settings.mlflow_user, settings.mlflow_password
        self.home = settings.home
        self.cache = settings.home / "cache" / "models"
        self._key_ring = settings.key_ring

    @cached_property
    def client(self) -> Any:
        """MLflow's client, with telemetry and progress bars off."""
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        os.environ.setdefault("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
        os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
        user, password = self._account
        if user:
            # MLflow takes a login from the environment alone
            os.environ["MLFLOW_TRACKING_USERNAME"] = user
            os.environ["MLFLOW_TRACKING_PASSWORD"] = password.get_secret_value()
        try:
            import mlflow
        except ImportError as error:
            raise MissingExtra(what="The model registry", package="mlflow", extra="mlflow") from error
        logging.getLogger("mlflow").setLevel(logging.WARNING)
        logging.getLogger("alembic").setLevel(logging.WARNING)
        return mlflow.MlflowClient(self.uri, self.uri)

    def experiment(self) -> str:
        """Id of the experiment that holds every training run; made when it is not there."""
        found = self.client.get_experiment_by_name(self.name)
        if found:
            return str(found.experiment_id)
        # a store in a file has no server to keep artefacts, and would put them into the current folder
        place = str(self.home / "artifacts") if self.uri.startswith("sqlite:") else None
        return str(self.client.create_experiment(self.name, artifact_location=place))

    def find(self, training_key: str) -> tuple[RegisteredVersion | None, tuple[int, ...]]:
        """The signed version that a training registered before it was killed, and unsigned ones that claim to be it."""
        claims = [
            from_mlflow(found)
            for found in self.client.search_model_versions(f"name = '{self.name}'")
            if found.tags.get("training_key") == training_key
        ]
        signed = [claim for claim in claims if claim.signature_problem(self._key_ring) is None]
        return signed[0] if signed else None, tuple(claim.version for claim in claims if claim not in signed)

    def signature_problem(self, registered: RegisteredVersion) -> str | None:
        """Why the version is not the platform's; None when its signature is good."""
        return registered.signature_problem(self._key_ring)

    def require_signature(self, version: int, digest: str) -> None:
        """Raise UnsafeArtefact unless the platform signed this version with this digest, NotFound without a version."""
        registered = self.get(version)
        problem = registered.signature_problem(self._key_ring)
        if problem is None and registered.digest != digest:
            problem = "its digest is not the one that was approved"
        if problem:
            raise UnsafeArtefact(artefact=f"model version {version}", problem=problem)

    def sign(self, registered: RegisteredVersion) -> RegisteredVersion:
        """Sign a version and tag it. Raises SigningKeyMissing where only public keys are."""
        signature = self._key_ring.sign(PURPOSE, registered.signed_content())
        self.client.set_model_version_tag(self.name, str(registered.version), SIGNATURE, signature)
        return replace(registered, signature=signature)

    def register(
        self, folder: Path, *, digest: str, model: Model, run_id: str, training_key: str, card: str
    ) -> RegisteredVersion:
        """Log the package as a model from code, and make it a version, which is then signed.

        `folder` is the model's package. The code that reads it goes along, so that MLflow and the requirements suffice
        to load it. The card is the version's description, and lies in its run.
        """
        import mlflow
        import pandas as pd
        from mlflow.models import ModelSignature
        from mlflow.types import ColSpec, Schema

        mlflow.set_tracking_uri(self.uri)
        mlflow.set_registry_uri(self.uri)
        signature = ModelSignature(
            Schema([ColSpec("string", "text")]), Schema([ColSpec("double", f"p_{label}") for label in LABELS])
        )
        with (
            tempfile.TemporaryDirectory(prefix="code-") as scratch,
            mlflow.start_run(run_id=run_id),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")  # advice on type hints, printed for every model
            logged = mlflow.pyfunc.log_model(
                name="model",
                python_model=str(Path(__file__).with_name("pyfunc_model.py")),
                artifacts={"package": str(folder)},
                model_config={"digest": digest},
                signature=signature,
                input_example=pd.DataFrame({"text": ["@united thank you for the quick help"]}),
                code_paths=[str(bundled_code.copy_to(Path(scratch)))],
                # never inferred, which would take over a minute
                pip_requirements=requirements(model),
            )
        self.client.log_text(run_id, card, CARD)
        self._ensure_named()
        registered = self.client.create_model_version(
            self.name,
            source=logged.model_uri,
            run_id=run_id,
            model_id=logged.model_id,
            description=card[:DESCRIPTION],
            tags={"training_key": training_key, "digest": digest, "family": model.family},
        )
        # the number is part of what is signed; a process killed here leaves a version that nothing uses
        return self.sign(from_mlflow(registered))

    def log_training_record(self, run_id: str, training: TrainingRecord, cost: Cost) -> None:
        """Log record and cost with the run, so that a killed training can be completed from MLflow alone."""
        self.client.log_dict(run_id, training.to_json(), "training.json")
        self.client.log_dict(run_id, cost.as_dict(), "cost.json")
        for name, value in cost.as_dict().items():
            self.client.log_metric(run_id, name, value)
        for name, text in training.environment.items():
            self.client.set_tag(run_id, f"environment.{name}", text)

    def read_training_record(self, run_id: str) -> tuple[TrainingRecord, Cost]:
        """Record and cost that `log_training_record` logged."""
        with tempfile.TemporaryDirectory() as scratch:
            paths = [self.client.download_artifacts(run_id, f"{name}.json", scratch) for name in ("training", "cost")]
            training, cost = (json.loads(Path(path).read_text()) for path in paths)
        return TrainingRecord.from_json(training), Cost(**cost)

    def log_metrics_and_plots(self, run_id: str, metrics: Mapping[str, float], plots: Sequence[Path]) -> None:
        """Log metrics, and files into the run's folder `plots`."""
        for name, value in metrics.items():
            self.client.log_metric(run_id, name, value)
        for path in plots:
            self.client.log_artifact(run_id, str(path), "plots")

    def _ensure_named(self) -> None:
        from mlflow.exceptions import MlflowException

        try:
            self.client.create_registered_model(self.name, description="Sentiment of tweets about airlines")
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def fetch(self, version: int, digest: str | None = None) -> Path:
        """Folder of a version's package, downloaded once and kept by digest; checked each time.

        `digest` is the approved one, from the database; without it the signed one of the registry is taken.
        Raises UnsafeArtefact when a byte differs or the version is not signed, NotFound when there is no such version.
        """
        from sentiment_lib.registry import model_package

        wanted = digest or self.get(version).digest
        folder = self.cache / wanted
        if not folder.exists():
            self._download(version, wanted)
        model_package.check(folder, wanted)
        return folder

    def download(self, version: int, target: Path) -> Path:
        """The package as the registry holds it now, past the cache and unchecked: for `verify`."""
        import mlflow

        # MLflow looks "models:/" up in the registry of the process, whatever registry_uri says
        mlflow.set_tracking_uri(self.uri)
        mlflow.set_registry_uri(self.uri)
        place = f"models:/{self.name}/{version}/artifacts"
        path = mlflow.artifacts.download_artifacts(artifact_uri=place, dst_path=str(target))
        folders = sorted(Path(path).iterdir())
        if len(folders) != 1:
            raise NotFound(what="package in model version", key=version)
        return folders[0]

    def _download(self, version: int, digest: str) -> None:
        from sentiment_lib.registry import model_package

        self.cache.mkdir(parents=True, exist_ok=True)
        self.require_signature(version, digest)
        with tempfile.TemporaryDirectory(dir=self.cache, prefix=".download-") as scratch:
            folder = self.download(version, Path(scratch))
            model_package.verify(folder, digest)
            try:
                folder.rename(self.cache / digest)
            except OSError:
                # another process was faster: its copy is as good when it verifies, which fetch checks next
                if not (self.cache / digest).exists():
                    raise

    def load(self, version: int, digest: str | None = None) -> Model:
        """The model, read from its checked package."""
        from sentiment_lib.registry import model_package

        wanted = digest or self.get(version).digest
        try:
            return model_package.read(self.fetch(version, wanted), wanted)
        except UnsafeArtefact:
            # a damaged copy here must not outlive the next try; what the registry holds is checked anew
            shutil.rmtree(self.cache / wanted, ignore_errors=True)
            raise

    def get(self, version: int) -> RegisteredVersion:
        """A version as MLflow knows it; NotFound when it does not."""
        from mlflow.exceptions import MlflowException

        try:
            return from_mlflow(self.client.get_model_version(self.name, str(version)))
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                raise NotFound(what="model version", key=version) from error
            raise

    def card(self, version: int) -> str:
        """Markdown of the version's card; NotFound when there is no such version."""
        with tempfile.TemporaryDirectory() as scratch:
            path = self.client.download_artifacts(self.get(version).run_id, CARD, scratch)
            return Path(path).read_text(encoding="utf-8")

    def alias(self, name: str) -> int | None:
        """The version that the alias names, None when it names none."""
        client = self.client
        from mlflow.exceptions import MlflowException

        try:
            return int(client.get_model_version_by_alias(self.name, name).version)
        except MlflowException as error:
            # MLflow has one code for "no such alias" and another for "no such model"
            if error.error_code in ("INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST"):
                return None
            raise

    def set_alias(self, name: str, version: int) -> None:
        """Move the alias; NotFound when the registry has no such version.

        The caller holds the advisory lock "champion": MLflow has no compare-and-set.
        """
        self.get(version)
        self.client.set_registered_model_alias(self.name, name, str(version))

    def drop_alias(self, name: str) -> None:
        """Take the alias away; it is no error when there is none."""
        if self.alias(name) is not None:
            self.client.delete_registered_model_alias(self.name, name)
