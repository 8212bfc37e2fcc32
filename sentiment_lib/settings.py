"""Settings of one installation, read from the environment (prefix SENTIMENT_) and from SENTIMENT_HOME/settings.env."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from sentiment_lib.policy import Policy


def home_folder() -> Path:
    """The one folder that holds all state: SENTIMENT_HOME, or .local in the current folder."""
    return Path(os.environ.get("SENTIMENT_HOME", ".local")).resolve()


class ServingSettings(BaseModel):
    """Limits of the API."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    maximum_texts: int = Field(1000, ge=1, description="texts of one request")
    maximum_characters: int = Field(10_000, ge=1, description="characters of one text")
    maximum_body_bytes: int = Field(4 << 20, ge=1024)
    body_seconds: float = Field(10, gt=0, description="time in which a request's body must have arrived")
    answer_seconds: float = Field(30, gt=0, description="time after which a request is given up")
    texts_per_second: float = Field(2000, gt=0, description="texts of one key on average")
    burst_texts: float = Field(10_000, gt=0, description="texts of one key at once")
    swap_seconds: float = Field(1, gt=0, description="time between two looks for another champion")
    spool_bytes: int = Field(1 << 30, ge=1 << 20, description="predictions that wait for the database")
    cors_origins: tuple[str, ...] = ()
    session_hours: float = Field(12, gt=0, description="how long a browser stays signed in")


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
    serving: ServingSettings = ServingSettings()
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
    def checkpoints(self) -> Path:
        """Folder with one folder for each training that has not ended: what a killed one goes on from."""
        return self.home / "checkpoints"

    @cached_property
    def reports(self) -> Path:
        """Folder of drift and evaluation reports."""
        return self.home / "reports"


def load_settings() -> Settings:
    """Settings from SENTIMENT_HOME/settings.env (written by `sentiment up`, 0600), overridden by the environment."""
    return Settings(_env_file=home_folder() / "secrets" / "settings.env")
