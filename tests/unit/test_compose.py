"""The container stack gives each service only the secrets that it uses."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

COMPOSE = yaml.safe_load((Path(__file__).parents[2] / "docker-compose.yaml").read_text())["services"]
AIRFLOW = {"AIRFLOW_DATABASE_PASSWORD", "AIRFLOW_FERNET_KEY", "REDIS_PASSWORD"}
APP, TOKENS = "SENTIMENT_APP_DATABASE_PASSWORD", "AIRFLOW_JWT_SECRET"


def secrets(service):
    """Variables of .env that reach the service and hold a secret."""
    text = " ".join(str(value) for value in COMPOSE[service].get("environment", {}).values())
    names = set(re.findall(r"\$\{(\w+)", text))
    return {name for name in names if re.search("PASSWORD|SECRET|KEY|TOKEN|ALERT_URLS", name)} - {"OIDC_CLIENT_SECRET"}


def test_each_service_gets_only_the_secrets_that_it_uses():
    of_tweets = {"SENTIMENT_AUTHOR_KEY", "SENTIMENT_TOMBSTONE_SECRET"}
    assert secrets("api") == {"SENTIMENT_API_DATABASE_PASSWORD", "MLFLOW_READER_PASSWORD", *of_tweets}
    assert secrets("alerts") == {APP, "SENTIMENT_ALERT_URLS"}
    assert secrets("scheduler") == AIRFLOW | {APP, TOKENS}
    assert secrets("dag-processor") == secrets("triggerer") == AIRFLOW | {APP}
    console = {"SENTIMENT_CONSOLE_DATABASE_PASSWORD", "MLFLOW_READER_PASSWORD"}
    assert secrets("airflow") == AIRFLOW | console | {TOKENS, "AIRFLOW_SECRET_KEY"}
    writes = {"AIRFLOW_SECRET_KEY", "MLFLOW_PLATFORM_PASSWORD", "SENTIMENT_PASSWORD", *of_tweets}
    backup = "SENTIMENT_BACKUP_DATABASE_PASSWORD"
    assert secrets("worker") == AIRFLOW | writes | {APP, backup, "SENTIMENT_X_BEARER_TOKEN", "SENTIMENT_ALERT_URLS"}


def test_only_migrations_connect_as_the_owner():
    owner = {name for name in COMPOSE if "SENTIMENT_DATABASE_PASSWORD" in secrets(name)}
    assert owner == {"migrate", "postgres"}
    assert "ADMIN_PASSWORD" not in {secret for name in COMPOSE if name != "migrate" for secret in secrets(name)}


def test_only_those_that_sign_mount_the_signing_keys():
    mounted = {name: service.get("volumes", []) for name, service in COMPOSE.items()}
    private = {name for name, volumes in mounted.items() if any("signing-keys:" in volume for volume in volumes)}
    assert private == {name for name in COMPOSE if "SENTIMENT_SIGNING_KEYS" in COMPOSE[name].get("environment", {})}
    assert private == {"migrate", "worker"}
    # whoever writes the public keys decides which signatures are good
    shared = {name: volume for name, volumes in mounted.items() for volume in volumes if "public-keys:" in volume}
    assert {name for name, volume in shared.items() if not volume.endswith(":ro")} == private
    # every service that looks for the champion can verify signatures
    reads = {name for name in COMPOSE if "SENTIMENT_DATABASE_URL" in COMPOSE[name].get("environment", {})}
    assert reads == shared.keys() == {name for name in reads if "SENTIMENT_PUBLIC_KEYS" in COMPOSE[name]["environment"]}


def test_no_service_logs_without_bound():
    assert all(one["logging"]["options"] == {"max-size": "50m", "max-file": "2"} for one in COMPOSE.values())
