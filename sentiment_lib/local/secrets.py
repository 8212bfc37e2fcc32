"""Secrets of the embedded stack: generated once, mode 0600 in a 0700 folder, passed to processes by environment."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping

from sentiment_lib.files import write_atomically
from sentiment_lib.local.state_folder import Home, Ports
from sentiment_lib.settings import OWN_FILE, SETTINGS_FILE, read_file
from sentiment_lib.storage import grants

#: Airflow's users and roles; "sentiment" is the platform itself.
USERS = {"admin": "admin", "mlops": "user", "platform": "viewer", "sentiment": "op"}
#: Databases, each with an owner of the same name.
DATABASES = ("airflow", "mlflow", "mlflow_auth", "sentiment")
#: MLflow's accounts: its administrator, the platform, which alone writes, and one for people and the API, who read.
MLFLOW_ADMIN, MLFLOW_PLATFORM, MLFLOW_READER = "admin", "sentiment", "reader"
PASSWORDS_FILE = "airflow-passwords.json"


def read_or_create(home: Home) -> dict[str, str]:
    """Every secret by name; generated at the first call, and those that an earlier release did not have at the next."""
    path = home.secrets / "stack.env.json"
    stored: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    if not stored:
        # the password file first: once stack.env.json exists, both do
        user_passwords = {user: secrets.token_urlsafe(12) for user in USERS}
        write_atomically(home.secrets / PASSWORDS_FILE, user_passwords, mode=0o600)
    complete = {**_generate(), **stored}
    if complete != stored:
        write_atomically(path, complete, mode=0o600)
    return complete


def renew_stack_id(home: Home) -> None:
    """Give a restored stack another id: by it a stack finds its processes, and this one must not find the lost one's.

    The lost one may be running: a drill restores beside it.
    """
    path = home.secrets / "stack.env.json"
    stored: dict[str, str] = json.loads(path.read_text())
    write_atomically(path, {**stored, "stack_id": secrets.token_hex(8)}, mode=0o600)


def _generate() -> dict[str, str]:
    generated = {
        f"{name}_password": secrets.token_hex(16) for name in ("postgres", *DATABASES, *grants.ROLES, grants.BACKUP)
    }
    accounts = (MLFLOW_ADMIN, MLFLOW_PLATFORM, MLFLOW_READER)
    generated |= {f"mlflow_{account}_account": secrets.token_hex(16) for account in accounts}
    generated["mlflow_csrf_key"] = secrets.token_hex(32)
    generated["jwt_secret"] = secrets.token_hex(64)
    generated["secret_key"] = secrets.token_hex(32)
    generated["author_key"] = secrets.token_hex(32)
    generated["fernet_key"] = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    generated["stack_id"] = secrets.token_hex(8)
    return generated


def passwords(home: Home) -> dict[str, str]:
    """Airflow's passwords by user."""
    stored: dict[str, str] = json.loads((home.secrets / PASSWORDS_FILE).read_text())
    return stored


def database_url(credentials: dict[str, str], ports: Ports, name: str, driver: str, role: str | None = None) -> str:
    """URL of one of the databases, as its owner or another role."""
    user = role or name
    return f"postgresql+{driver}://{user}:{credentials[f'{user}_password']}@127.0.0.1:{ports.postgres}/{name}"


def platform_url(credentials: dict[str, str], ports: Ports, role: str) -> str:
    """URL of the platform's database as one of the roles of `grants.ROLES`."""
    return database_url(credentials, ports, "sentiment", "psycopg", role)


def sentiment_environment(home: Home, ports: Ports, credentials: dict[str, str]) -> dict[str, str]:
    """The SENTIMENT_* variables of steps, DAGs and the command line."""
    return {
        "SENTIMENT_HOME": str(home.path),
        "SENTIMENT_DATABASE_URL": platform_url(credentials, ports, grants.APP),
        "SENTIMENT_MLFLOW_URI": f"http://127.0.0.1:{ports.mlflow}",
        "SENTIMENT_MLFLOW_USER": MLFLOW_PLATFORM,
        "SENTIMENT_MLFLOW_PASSWORD": credentials[f"mlflow_{MLFLOW_PLATFORM}_account"],
        "SENTIMENT_API_URL": f"http://127.0.0.1:{ports.api}",
        "SENTIMENT_AIRFLOW_URL": f"http://127.0.0.1:{ports.airflow}",
        "SENTIMENT_AIRFLOW_USER": "sentiment",
        "SENTIMENT_AIRFLOW_PASSWORD": passwords(home)["sentiment"],
        "SENTIMENT_SIGNING_KEYS": str(home.signing),
        "SENTIMENT_AUTHOR_KEY": credentials["author_key"],
        "SENTIMENT_BACKUP__DATABASE_URL": platform_url(credentials, ports, grants.BACKUP),
    }


def write_settings(home: Home, environment: dict[str, str]) -> None:
    """Write settings.env, which `load_settings` reads, so that every command finds the stack.

    Lines that a person added to it move to policy.env, which is never written over.
    """
    path, own = home.path / SETTINGS_FILE, home.path / OWN_FILE
    added = {name: value for name, value in read_file(path).items() if name not in environment | read_file(own)}
    if added:
        before = own.read_text() if own.exists() else ""
        separator = "" if before.endswith("\n") or not before else "\n"
        write_atomically(own, before + separator + _lines(added), mode=0o600)
    write_atomically(path, _lines(environment), mode=0o600)


def _lines(values: Mapping[str, str | None]) -> str:
    return "".join(f"{name}={json.dumps(value or '')}\n" for name, value in sorted(values.items()))
