"""The MLflow registry: versions, their packages and their aliases. The only module that calls it.

A version is used only with the platform's signature over number, package digest, family, run and training key: someone
who can write to MLflow can neither plant a version nor reuse a signature for another one.
"""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentiment_lib.errors import MissingExtra, NotFound, RegistryUnavailable, UnsafeArtefact, VersionDeleted
from sentiment_lib.evaluation.cost import Cost
from sentiment_lib.records import LABELS
from sentiment_lib.registry import bundled_code, experiment, mlflow_client, registered_version
from sentiment_lib.registry.model_card import FILE as CARD
from sentiment_lib.registry.registered_version import PURPOSE, SIGNATURE, STANDS_FOR, RegisteredVersion, from_mlflow
from sentiment_lib.registry.requirements import requirements
from sentiment_lib.settings import Settings
from sentiment_lib.training_record import TrainingRecord

if TYPE_CHECKING:
    from sentiment_lib.families.base import Model

#: Maximum length of a description in MLflow's database; the run stores the whole card.
DESCRIPTION = 5000
#: Folder of a run's plots.
PLOTS = "plots"
CHAMPION, CHALLENGER = "champion", "challenger"


class Registry:
    """Versions of one registered model. Cheap to construct; MLflow is imported and contacted on first use."""

    def __init__(self, settings: Settings) -> None:
        self.uri = settings.mlflow_uri
        self.name = settings.mlflow_model
        self._seconds = settings.mlflow_seconds
        self._account = settings.mlflow_user, settings.mlflow_password
        self.home = settings.home
        self.cache = settings.home / "cache" / "models"
        self._key_ring = settings.key_ring

    @cached_property
    def client(self) -> Any:
        """MLflow's client, with telemetry and progress bars off. Raises MissingExtra without MLflow."""
        mlflow_client.set_variables(*self._account, seconds=self._seconds)
        try:
            import mlflow
        except ImportError as error:
            raise MissingExtra(what="The model registry", package="mlflow", extra="mlflow") from error
        logging.getLogger("mlflow").setLevel(logging.WARNING)
        logging.getLogger("alembic").setLevel(logging.WARNING)
        return mlflow.MlflowClient(self.uri, self.uri)

    def experiment(self) -> str:
        """Id of the experiment of all training runs; created when it does not exist."""
        # an SQLite store has no artefact server and would write artefacts into the current folder
        artifact_location = str(self.home / "artifacts") if self.uri.startswith("sqlite:") else None
        return experiment.find_or_create(self.client, self.name, artifact_location)

    def find(self, training_key: str) -> tuple[RegisteredVersion | None, tuple[int, ...]]:
        """The signed version with this training key, if any, and the unsigned versions that claim this key."""
        every = registered_version.find_all(self.client, self.name)
        claims = [claim for claim in every if claim.training_key == training_key]
        signed = [claim for claim in claims if claim.signature_problem(self._key_ring) is None]
        return signed[0] if signed else None, tuple(claim.version for claim in claims if claim not in signed)

    def signature_problem(self, registered: RegisteredVersion) -> str | None:
        """Why the signature is missing or invalid; None when it is valid."""
        return registered.signature_problem(self._key_ring)

    def require_signature(self, version: int, digest: str) -> None:
        """Raises UnsafeArtefact unless the platform signed this version and digest, NotFound for an unknown version."""
        registered = self.get(version)
        problem = registered.signature_problem(self._key_ring)
        if problem is None and registered.digest != digest:
            problem = "its digest is not the one that was approved"
        if problem:
            raise UnsafeArtefact(artefact=f"model version {version}", problem=problem)

    def sign(self, registered: RegisteredVersion) -> RegisteredVersion:
        """Sign a version and tag it. Raises SigningKeyMissing without a private key."""
        signature = self._key_ring.sign(PURPOSE, registered.signed_content())
        self.client.set_model_version_tag(self.name, str(registered.registered_as), SIGNATURE, signature)
        return replace(registered, signature=signature)

    def register(
        self,
        folder: Path,
        *,
        digest: str,
        model: Model,
        run_id: str,
        training_key: str,
        card: str,
        stands_for: int | None = None,
    ) -> RegisteredVersion:
        """Log the package as a model from code, create a version of it, and sign the version.

        `folder` is the model's package. It is stored with the code that reads it, so that MLflow and the requirements
        suffice to load it. The card becomes the version's description and a file of its run.
        `stands_for`: number of a deleted version whose place it takes; MLflow never gives a number twice.
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
                # explicit: inferring them would take over a minute
                pip_requirements=requirements(model),
            )
        self.client.log_text(run_id, card, CARD)
        experiment.ensure_registered_model(self.client, self.name)
        registered = self.client.create_model_version(
            self.name,
            source=logged.model_uri,
            run_id=run_id,
            model_id=logged.model_id,
            description=card[:DESCRIPTION],
            tags={"training_key": training_key, "digest": digest, "family": model.family}
            | ({STANDS_FOR: str(stands_for)} if stands_for is not None else {}),
        )
        # the number is part of the signed content; a process killed here leaves an unsigned, unused version
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
        """Read the record and cost written by `log_training_record`."""
        with tempfile.TemporaryDirectory() as scratch:
            paths = [self.client.download_artifacts(run_id, f"{name}.json", scratch) for name in ("training", "cost")]
            training, cost = (json.loads(Path(path).read_text()) for path in paths)
        return TrainingRecord.from_json(training), Cost(**cost)

    def log_metrics_and_plots(self, run_id: str, metrics: Mapping[str, float], plots: Sequence[Path]) -> None:
        """Log metrics, and files into the run's folder PLOTS."""
        for name, value in metrics.items():
            self.client.log_metric(run_id, name, value)
        for path in plots:
            self.client.log_artifact(run_id, str(path), PLOTS)

    def replace_card(self, version: int, run_id: str, card: str) -> None:
        """Replace the version's model card: the file of its run, and its description."""
        self.client.log_text(run_id, card, CARD)
        number = str(self.get(version).registered_as)
        self.client.update_model_version(self.name, number, description=card[:DESCRIPTION])

    def fetch(self, version: int, digest: str | None = None) -> Path:
        """Folder of a version's package, cached by digest and verified each time.

        `digest` is the approved one, from the database; None takes the signed one of the registry.
        Raises UnsafeArtefact when a byte differs or the version is not signed, NotFound for an unknown version.
        """
        from sentiment_lib.registry import model_package

        wanted = digest or self.get(version).digest
        folder = self.cache / wanted
        if not folder.exists():
            self._download(version, wanted)
        model_package.check(folder, wanted)
        return folder

    def download(self, version: int, target: Path) -> Path:
        """Download the package into `target`, bypassing the cache and without verification: for `verify`.

        Raises NotFound when the version does not consist of exactly one package, and RegistryUnavailable when MLflow
        cannot say.
        """
        import mlflow
        from mlflow.exceptions import MlflowException

        # MLflow resolves "models:/" in the registry of the process and ignores registry_uri
        mlflow.set_tracking_uri(self.uri)
        mlflow.set_registry_uri(self.uri)
        artifact_uri = f"models:/{self.name}/{self.get(version).registered_as}/artifacts"
        try:
            path = mlflow.artifacts.download_artifacts(artifact_uri=artifact_uri, dst_path=str(target))
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                raise NotFound(what="package in model version", key=version) from error
            raise RegistryUnavailable(uri=self.uri, problem=str(error)[:300]) from error
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
                # another process was faster; fetch verifies its copy next
                if not (self.cache / digest).exists():
                    raise

    def load(self, version: int, digest: str | None = None) -> Model:
        """Load the model from its verified package. Raises as `fetch` does."""
        from sentiment_lib.registry import model_package

        wanted = digest or self.get(version).digest
        try:
            return model_package.read(self.fetch(version, wanted), wanted)
        except UnsafeArtefact:
            # remove the damaged copy, so that the next call downloads and verifies the package again
            shutil.rmtree(self.cache / wanted, ignore_errors=True)
            raise

    def get(self, version: int) -> RegisteredVersion:
        """The version in MLflow, or the one that was registered in its place. Raises VersionDeleted without either."""
        return registered_version.find(self.client, self.name, version, self._key_ring)

    def exists(self, version: int) -> bool:
        """Whether the version is in MLflow, where people may delete it."""
        try:
            self.get(version)
        except VersionDeleted:
            return False
        return True

    def card(self, version: int) -> str:
        """The version's model card as Markdown. Raises NotFound for an unknown version."""
        with tempfile.TemporaryDirectory() as scratch:
            path = self.client.download_artifacts(self.get(version).run_id, CARD, scratch)
            return Path(path).read_text(encoding="utf-8")

    def plots(self, version: int) -> list[str]:
        """Names of the plots of a version's run. Raises NotFound for an unknown version."""
        files = self.client.list_artifacts(self.get(version).run_id, PLOTS)
        return sorted(Path(file.path).name for file in files if file.path.endswith(".png"))

    def plot(self, version: int, name: str) -> bytes:
        """A plot of a version's run as PNG. Raises NotFound for a version or name that does not exist."""
        if name not in self.plots(version):
            raise NotFound(what="plot", key=name[:60])
        with tempfile.TemporaryDirectory() as scratch:
            path = self.client.download_artifacts(self.get(version).run_id, f"{PLOTS}/{name}", scratch)
            return Path(path).read_bytes()

    def alias(self, name: str) -> int | None:
        """The version that the alias points to, by the platform's number; None when the alias is not set."""
        with mlflow_client.quick_requests(self.client, self.uri) as client:
            from mlflow.exceptions import MlflowException

            try:
                found = from_mlflow(client.get_model_version_by_alias(self.name, name))
                again = found.registered_as != found.version
                # an unsigned claim to stand for another version is none
                return found.registered_as if again and found.signature_problem(self._key_ring) else found.version
            except MlflowException as error:
                # MLflow has one code for "no such alias" and another for "no such model"
                if error.error_code in ("INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST"):
                    return None
                raise

    def set_alias(self, name: str, version: int) -> None:
        """Move the alias. Raises NotFound for an unknown version.

        The caller holds the lock "alias": MLflow has no compare-and-swap.
        """
        with mlflow_client.quick_requests(self.client, self.uri) as client:
            client.set_registered_model_alias(self.name, name, str(self.get(version).registered_as))

    def drop_alias(self, name: str) -> None:
        """Delete the alias if it is set."""
        if self.alias(name) is not None:
            with mlflow_client.quick_requests(self.client, self.uri) as client:
                client.delete_registered_model_alias(self.name, name)
