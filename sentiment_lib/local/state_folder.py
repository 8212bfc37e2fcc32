"""The state folder of the embedded stack, with its secrets in a folder of their own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sentiment_lib.errors import BadInput


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Loopback ports of the components."""

    airflow: int = 8080
    mlflow: int = 5000
    postgres: int = 5433
    api: int = 8000


@dataclass(frozen=True)
class Home:
    """The state folder; `create` makes what is missing."""

    path: Path

    @property
    def secrets(self) -> Path:
        """Secrets, each in a file of mode 0600."""
        return self.path / "secrets"

    @property
    def api_key(self) -> Path:
        """The API key that the login table shows."""
        return self.secrets / "api-key"

    @property
    def signing(self) -> Path:
        """The private signing keys, and the file of the public ones."""
        return self.secrets / "signing"

    @property
    def logs(self) -> Path:
        """Log files, one for each component."""
        return self.path / "logs"

    @property
    def run(self) -> Path:
        """Process ids and health of what runs now."""
        return self.path / "run"

    @property
    def postgres(self) -> Path:
        """Data folder of Postgres."""
        return self.path / "postgres"

    @property
    def airflow(self) -> Path:
        """AIRFLOW_HOME."""
        return self.path / "airflow"

    @property
    def artefacts(self) -> Path:
        """Artefacts of the MLflow server."""
        return self.path / "mlflow"

    @property
    def restoring(self) -> Path:
        """Marker of a restore that has not ended; it holds the backup's path."""
        return self.path / "restoring"

    def create(self) -> None:
        """Create the folders, accessible to their owner only."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        for folder in (self.path, self.secrets, self.logs, self.run, self.airflow, self.artefacts):
            folder.mkdir(mode=0o700, exist_ok=True)
            folder.chmod(0o700)  # an earlier release let others read some of them


def project_folder() -> Path:
    """The checkout with dags/ and plugins/; raises BadInput for an installation without them."""
    folder = Path(__file__).resolve().parents[2]
    if not (folder / "dags").is_dir():
        raise BadInput(what="this installation", problem="it has no dags/ folder: `sentiment up` runs from a checkout")
    return folder
