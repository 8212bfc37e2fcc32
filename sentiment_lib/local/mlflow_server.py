"""The MLflow server of the embedded stack: command line, login (`basic-auth` with its users in Postgres), accounts."""

from __future__ import annotations

import sys
from pathlib import Path

from sentiment_lib.files import write_atomically
from sentiment_lib.local import secrets
from sentiment_lib.local.state_folder import Home, Ports
from sentiment_lib.registry import mlflow_accounts

CONFIGURATION = """\
[mlflow]
default_permission = READ
database_uri = {database_uri}
admin_username = {admin}
authorization_function = sentiment_lib.registry.mlflow_authorization:authorize
# without the cache every request hashes its password again, which takes up to a second
auth_cache_ttl_seconds = 60

[platform]
# accounts that may write; every other one only reads
writers = {admin} {platform}
"""


def command(home: Home, ports: Ports) -> list[str]:
    """One worker on loopback, which also serves the artefacts."""
    port = str(ports.mlflow)
    hosts = ",".join(f"{host}:{port}" for host in ("127.0.0.1", "localhost"))
    program = str(Path(sys.executable).with_name("mlflow"))
    return [
        *(program, "server", "--host", "127.0.0.1", "--port", port, "--workers", "1", "--app-name", "basic-auth"),
        *("--serve-artifacts", "--artifacts-destination", home.artefacts.as_uri(), "--allowed-hosts", hosts),
    ]


def environment(home: Home, ports: Ports, credentials: dict[str, str]) -> dict[str, str]:
    """The server's secrets and switches. The administrator's password counts at the first start only."""
    return {
        "MLFLOW_AUTH_ADMIN_PASSWORD": _password(credentials, secrets.MLFLOW_ADMIN),
        "MLFLOW_AUTH_CONFIG_PATH": str(_configuration_file(home)),
        "MLFLOW_BACKEND_STORE_URI": secrets.database_url(credentials, ports, "mlflow", "psycopg2"),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": credentials["mlflow_csrf_key"],
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }


def write_configuration(home: Home, ports: Ports, credentials: dict[str, str]) -> None:
    """Write the file that MLflow reads its login settings from; it holds a password."""
    database_uri = secrets.database_url(credentials, ports, "mlflow_auth", "psycopg2")
    text = CONFIGURATION.format(database_uri=database_uri, admin=secrets.MLFLOW_ADMIN, platform=secrets.MLFLOW_PLATFORM)
    write_atomically(_configuration_file(home), text, mode=0o600)


def create_accounts(ports: Ports, credentials: dict[str, str], model: str) -> None:
    """Create the platform's account and the reader's, and let the platform alone write `model`; idempotent."""
    mlflow_accounts.create(
        f"http://127.0.0.1:{ports.mlflow}",
        administrator=(secrets.MLFLOW_ADMIN, _password(credentials, secrets.MLFLOW_ADMIN)),
        platform=(secrets.MLFLOW_PLATFORM, _password(credentials, secrets.MLFLOW_PLATFORM)),
        readers={secrets.MLFLOW_READER: _password(credentials, secrets.MLFLOW_READER)},
        model=model,
    )


def _password(credentials: dict[str, str], account: str) -> str:
    return credentials[f"mlflow_{account}_account"]


def _configuration_file(home: Home) -> Path:
    return home.secrets / "mlflow-auth.ini"
