"""Secrets of the embedded stack: drawn once, 0600, in a 0700 folder; the processes get them by environment."""

from __future__ import annotations

import base64
import json
import secrets

from sentiment_lib.files import write_atomically
from sentiment_lib.local.state_folder import Home, Ports

#: Airflow's users and roles; "sentiment" is the platform itself.
USERS = {"admin": "admin", "mlops": "user", "platform": "viewer", "sentiment": "op"}
DATABASES = ("airflow", "mlflow", "sentiment")
PASSWORDS_FILE = "airflow-passwords.json"


def read_or_make(home: Home) -> dict[str, str]:
    """Every secret by its name; made at the first call."""
    path = home.secrets / "stack.env.json"
    if path.exists():
        known: dict[str, str] = json.loads(path.read_text())
        return known
    drawn = {f"{name}_password": secrets.token_hex(16) for name in ("postgres", *DATABASES)}
    drawn["jwt_secret"] = secrets.token_hex(64)
    drawn["secret_key"] = secrets.token_hex(32)
    drawn["author_key"] = secrets.token_hex(32)
    drawn["fernet_key"] = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    drawn["stack_id"] = secrets.token_hex(8)
    # the passwords' file first: once stack.env.json is there, both are
    user_passwords = {user: secrets.token_urlsafe(12) for user in USERS}
    write_atomically(home.secrets / PASSWORDS_FILE, user_passwords, mode=0o600)
    write_atomically(path, drawn, mode=0o600)
    return drawn


def passwords(home: Home) -> dict[str, str]:
    """Airflow's passwords by user."""
    known: dict[str, str] = json.loads((home.secrets / PASSWORDS_FILE).read_text())
    return known


def database_url(known: dict[str, str], ports: Ports, name: str, driver: str) -> str:
    """URL of one of the three databases as its own role."""
    return f"postgresql+{driver}://{name}:{known[f'{name}_password']}@127.0.0.1:{ports.postgres}/{name}"


def sentiment_environment(home: Home, ports: Ports, known: dict[str, str]) -> dict[str, str]:
    """SENTIMENT_* of every process of the stack."""
    return {
        "SENTIMENT_HOME": str(home.path),
        "SENTIMENT_DATABASE_URL": database_url(known, ports, "sentiment", "psycopg"),
        "SENTIMENT_MLFLOW_URI": f"http://127.0.0.1:{ports.mlflow}",
        "SENTIMENT_API_URL": f"http://127.0.0.1:{ports.api}",
        "SENTIMENT_AIRFLOW_URL": f"http://127.0.0.1:{ports.airflow}",
        "SENTIMENT_AIRFLOW_USER": "sentiment",
        "SENTIMENT_AIRFLOW_PASSWORD": passwords(home)["sentiment"],
        "SENTIMENT_AUTHOR_KEY": known["author_key"],
    }


def write_settings(home: Home, environment: dict[str, str]) -> None:
    """settings.env, which `load_settings` reads: so that every command finds the stack."""
    lines = [f"{name}={json.dumps(value)}" for name, value in sorted(environment.items())]
    write_atomically(home.secrets / "settings.env", "\n".join(lines) + "\n", mode=0o600)
