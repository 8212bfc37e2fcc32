"""Command line, environment and health check of each server of the embedded stack."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from sentiment_lib.files import write_atomically
from sentiment_lib.local import environments, mlflow_server, postgres, sample_data, secrets
from sentiment_lib.local.component import Component
from sentiment_lib.local.state_folder import Home, Ports
from sentiment_lib.settings import load_settings
from sentiment_lib.signing import KeyRing
from sentiment_lib.storage import migrate


def components(home: Home, ports: Ports, *, sample: bool, make_key: Callable[[], str]) -> list[Component]:
    """Every component in order of dependency; with `sample`, an empty database gets the sample stream.

    `make_key` creates the API key that the login table shows; it is called once, when the database exists.
    """
    credentials = prepare_home(home, ports)
    return [
        *stores(home, ports, credentials, make_key),
        *_sample(sample),
        Component(
            name="airflow-migrate",
            command=[sys.executable, "-m", "sentiment_airflow.setup"],
            once=True,
            after=("databases",),
            environment=environments.airflow(home, ports, credentials, "migrate"),
        ),
        Component(
            name="api",
            command=[_program("sentiment"), "serve", "--host", "127.0.0.1", "--port", str(ports.api)],
            # not /readyz: without a champion it is not ready, and a restart would not change that
            healthy=lambda: _responds(f"http://127.0.0.1:{ports.api}/healthz"),
            after=("databases", "mlflow-accounts"),
            port=ports.api,
            environment=environments.api(home, ports, credentials),
        ),
        Component(
            name="alerts",
            command=[_program("sentiment"), "alerts", "run"],
            healthy=lambda: True,  # it has no port to probe: healthy while it runs
            after=("databases",),
            environment=environments.alerts(home, ports, credentials),
        ),
        *_airflow(home, ports, credentials, ready=("sample",) if sample else ()),
    ]


def prepare_home(home: Home, ports: Ports) -> dict[str, str]:
    """Secrets, the first signing key and the settings file of a state folder; returns the secrets by name."""
    credentials = secrets.read_or_create(home)
    KeyRing(home.signing).create_first_key()
    secrets.write_settings(home, secrets.sentiment_environment(home, ports, credentials))
    return credentials


def stores(
    home: Home, ports: Ports, credentials: dict[str, str], make_key: Callable[[], str], *, after: tuple[str, ...] = ()
) -> list[Component]:
    """Postgres with its databases, migrated, and MLflow; `after` names what precedes the databases besides Postgres."""
    return [
        Component(
            name="postgres",
            command=postgres.command(home, ports),
            prepare=lambda: postgres.prepare(home, credentials["postgres_password"]),
            healthy=lambda: postgres.accepts_connections(ports, credentials["postgres_password"]),
            busy=lambda: postgres.why_starting(ports, credentials["postgres_password"]),
            user=postgres.run_as(),
            folder=home.postgres,
            probes=6,
            stop_signal="SIGINT",  # fast shutdown: SIGTERM would wait for every client to disconnect
            port=ports.postgres,
            environment={"PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8"},
        ),
        Component(
            name="databases",
            call=lambda: _create_databases(home, ports, credentials, make_key),
            after=("postgres", *after),
        ),
        Component(
            name="mlflow",
            command=mlflow_server.command(home, ports),
            prepare=lambda: mlflow_server.write_configuration(home, ports, credentials),
            healthy=lambda: _responds(f"http://127.0.0.1:{ports.mlflow}/health"),
            after=("databases",),
            port=ports.mlflow,
            environment=environments.mlflow(mlflow_server.environment(home, ports, credentials)),
        ),
        Component(
            name="mlflow-accounts",
            call=lambda: mlflow_server.create_accounts(ports, credentials, load_settings().mlflow_model),
            after=("mlflow",),
        ),
    ]


def _sample(wanted: bool) -> list[Component]:
    if not wanted:
        return []
    return [Component(name="sample", call=lambda: sample_data.load_sample(load_settings()), after=("databases",))]


def _airflow(home: Home, ports: Ports, credentials: dict[str, str], ready: tuple[str, ...]) -> list[Component]:
    needed = ("airflow-migrate", "mlflow-accounts", *ready)
    address = f"http://127.0.0.1:{ports.airflow}"
    arguments = {
        "api-server": ["api-server", "--host", "127.0.0.1", "--port", str(ports.airflow), "--workers", "1"],
        "scheduler": ["scheduler", "--skip-serve-logs"],
        "dag-processor": ["dag-processor"],
        "triggerer": ["triggerer", "--skip-serve-logs"],
    }
    monitored = {"api-server": "metadatabase", "dag-processor": "dag_processor"}
    return [
        Component(
            name=f"airflow-{name}",
            command=[_program("airflow"), *rest],
            healthy=partial(_airflow_part, address, monitored.get(name, name)),
            after=needed,
            probes=24,  # a machine that trains on all cores may delay a heartbeat
            judged_by=() if name == "api-server" else ("airflow-api-server",),
            port=ports.airflow if name == "api-server" else None,
            environment=environments.airflow(home, ports, credentials, name),
        )
        for name, rest in arguments.items()
    ]


def _create_databases(home: Home, ports: Ports, credentials: dict[str, str], make_key: Callable[[], str]) -> None:
    postgres.create_databases(ports, credentials)
    # as the owner: no other role may define tables
    url = secrets.database_url(credentials, ports, "sentiment", "psycopg")
    migrate.upgrade(url, key_ring=KeyRing(home.signing), settings=load_settings())
    if not home.api_key.exists():
        write_atomically(home.api_key, make_key(), mode=0o600)


def _program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def _responds(url: str) -> bool:
    try:
        with urlopen(url, timeout=3) as response:  # noqa: S310 - our own loopback address
            return bool(response.status == 200)
    except (URLError, ConnectionError, TimeoutError):
        return False


def _airflow_part(address: str, part: str) -> bool:
    try:
        with urlopen(f"{address}/api/v2/monitor/health", timeout=3) as response:  # noqa: S310 - as above
            health = json.load(response)
    except (URLError, ConnectionError, TimeoutError, ValueError):
        return False
    return bool((health.get(part) or {}).get("status") == "healthy")
