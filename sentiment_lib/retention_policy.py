"""How long things are kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

_DAY = timedelta(days=1)
#: Drift references, late labels of a day's quality and rescoring reach back as far.
SHORTEST_TWEETS = timedelta(days=120)


class RetentionPolicy(BaseModel):
    """How long things are kept, and the partitions in which tweets are stored. None: for ever."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    partition: Literal["day", "week", "month"] = Field("month", description="period of a partition of tweets")
    partitions_ahead: timedelta = Field(
        timedelta(days=60), ge=timedelta(days=7), le=timedelta(days=360), description="partitions made ahead"
    )
    tweets: timedelta | None = Field(
        None, ge=SHORTEST_TWEETS, description="collected tweets that nobody labelled, with their predictions"
    )
    api_texts: timedelta | None = Field(
        None, ge=SHORTEST_TWEETS, description="texts sent to the API that nobody labelled, with their predictions"
    )
    quarantine: timedelta = Field(timedelta(days=90), ge=_DAY, description="refused rows")
    alert_messages: timedelta = Field(timedelta(days=180), ge=_DAY, description="sent messages of resolved alerts")
    measurements: timedelta = Field(timedelta(days=400), ge=_DAY, description="records of what retention removed")
    landing: timedelta = Field(timedelta(days=30), ge=_DAY, description="files in done/ and failed/")
    backups: timedelta = Field(
        timedelta(days=30), ge=_DAY, description="backups; the three newest stay whatever their age"
    )
    model_cache: timedelta = Field(
        timedelta(days=30), ge=_DAY, description="cached packages of versions that never were champion"
    )
    logs: timedelta = Field(timedelta(days=30), ge=_DAY, description="log files of tasks")
    log_bytes: int = Field(50_000_000, ge=100_000, description="bytes from which a server's log file is rotated")
    airflow: timedelta = Field(timedelta(days=90), ge=14 * _DAY, description="runs in Airflow's own database")
    training_runs: timedelta = Field(
        timedelta(days=180), ge=timedelta(days=14), description="MLflow runs that led to no version"
    )
