"""Settings of one installation, read from the environment (prefix SENTIMENT_) and from SENTIMENT_HOME/settings.env."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from sentiment_lib.policy import Policy


def home_folder() -> Path:
    """The one folder that holds all state: SENTIMENT_HOME, or .local in the current folder."""
    return Path(os.environ.get("SENTIMENT_HOME", ".local")).resolve()


class Settings(BaseSettings):
    """Where things are, and the policy."""

    model_config = SettingsConfigDict(env_prefix="SENTIMENT_", env_nested_delimiter="__", extra="ignore", frozen=True)

    home: Path = Field(default_factory=home_folder)
    database_url: SecretStr = SecretStr("")
    mlflow_uri: str = "http://127.0.0.1:5000"
    mlflow_model: str = "airline-sentiment"
    #: key of the keyed hash that replaces author names; required wherever tweets are ingested
    author_key: SecretStr = SecretStr("")
    x_bearer_token: SecretStr = SecretStr("")
    x_query: str = "(@united OR @AmericanAir OR @Delta OR @SouthwestAir OR @JetBlue) -is:retweet"
    x_url: str = "https://api.twitter.com"
    airflow_url: str = "http://127.0.0.1:8080"
    #: the platform's own Airflow account: it takes superseded approvals out of the UI
    airflow_user: str = ""
    airflow_password: SecretStr = SecretStr("")
    api_url: str = "http://127.0.0.1:8000"
    #: Apprise URLs (comma separated) that alerts go to; empty means the log only. A URL with `[critical]` before it
    #: is told of critical alerts only; without, of warnings too
    alert_urls: SecretStr = SecretStr("")
    policy: Policy = Policy()

    @cached_property
    def landing(self) -> Path:
        """Folder that ingest polls; done/ and failed/ are inside it."""
        return self.home / "landing"

    @cached_property
    def snapshots(self) -> Path:
        """Folder of the snapshots' Parquet files."""
        return self.home / "snapshots"

    @cached_property
    def reports(self) -> Path:
        """Folder of drift and evaluation reports."""
        return self.home / "reports"


def load_settings() -> Settings:
    """Settings from SENTIMENT_HOME/settings.env (written by `sentiment up`, 0600), overridden by the environment."""
    return Settings(_env_file=home_folder() / "secrets" / "settings.env")
