"""Postgres and MLflow of a state folder, without Airflow and API, as a restore runs them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.forget import planted
from benchmarks.stack_home import free_port
from sentiment_lib.encryption import age
from sentiment_lib.local import components, secrets, stack
from sentiment_lib.local.state_folder import Home, Ports
from sentiment_lib.local.supervisor import Supervisor
from sentiment_lib.policy import Policy
from sentiment_lib.settings import load_settings
from sentiment_lib.storage import grants
from sentiment_lib.storage.engine import Store


@contextmanager
def running(folder: Path) -> Iterator[Home]:
    """Start them in `folder`, and make this process's settings those of the folder while they run."""
    home, ports = Home(folder), Ports(**{name: free_port() for name in ("airflow", "mlflow", "postgres", "api")})
    before = dict(os.environ)
    os.environ["SENTIMENT_HOME"] = str(folder)
    os.environ.update({f"SENTIMENT_PORT_{name.upper()}": str(port) for name, port in vars(ports).items()})
    home.create()
    credentials = components.prepare_home(home, ports)
    parts = components.stores(home, ports, credentials, lambda: "no key of the API")
    supervisor = Supervisor(parts, run=home.run, logs=home.logs, mark=credentials["stack_id"])
    supervisor.start()
    try:
        supervisor.wait_until_healthy()
        yield home
    finally:
        supervisor.stop()
        os.environ.clear()
        os.environ.update(before)


def installation(home: Home, count: int, identity: Path, **erasure: object) -> planted.Installation:
    """An installation without tweets on the stores that run.

    identity: new file of the private key that its backups are encrypted to.
    """
    private, recipient = age.create_identity()
    identity.write_text(private)
    made = opened(home, planted.invent_tweets(count, 7), planted.policy_of(**erasure))
    backup = made.settings.backup.model_copy(update={"recipient": recipient})
    made.settings = made.settings.model_copy(update={"backup": backup})
    return made


def opened(home: Home, tweets: list[planted.Tweet], policy: Policy) -> planted.Installation:
    """The installation on the stores that run: steps, owner and API have their roles."""
    settings = load_settings().model_copy(update={"policy": policy})
    credentials, ports = secrets.read_or_create(home), stack.ports()
    return planted.Installation(
        settings=settings,
        tweets=tweets,
        store=Store.open(settings),
        owner=Store(secrets.database_url(credentials, ports, "sentiment", "psycopg"), tombstones=settings.tombstones),
        api=Store(secrets.platform_url(credentials, ports, grants.API), tombstones=settings.tombstones),
    )


def close(made: planted.Installation) -> None:
    """Close its connections."""
    for store in (made.store, made.owner, made.api):
        store.close()
