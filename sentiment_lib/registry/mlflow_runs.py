"""MLflow runs of trainings and their trials, and the recorded environment."""

from __future__ import annotations

import platform
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sentiment_lib.errors import BadInput, MissingExtra, MissingWeights
from sentiment_lib.machine import processor
from sentiment_lib.records import SyntheticRows
from sentiment_lib.registry.mlflow_registry import Registry
from sentiment_lib.registry.requirements import tracked_packages, versions

#: Maximum length of a tag in every MLflow store.
TAG = 500
#: Tag of a run that rests on synthetic tweets, and MLflow's tag for a run's description.
SYNTHETIC, NOTE = "synthetic", "mlflow.note.content"


@contextmanager
def training_run(
    registry: Registry,
    *,
    training_key: str,
    name: str,
    parameters: Mapping[str, Any],
    tags: Mapping[str, str] = MappingProxyType({}),
    synthetic: SyntheticRows | None = None,
) -> Iterator[str]:
    """Id of a run that ends FINISHED, or FAILED when the block raises; runs of killed attempts are marked KILLED.

    A request that is refused, as for an unknown option, leaves no run. One that rests on synthetic tweets has the tag
    SYNTHETIC, and says so in its description.
    """
    client, experiment = registry.client, registry.experiment()
    for old in client.search_runs([experiment], f"tags.training_key = '{training_key}' and status = 'RUNNING'"):
        client.set_terminated(old.info.run_id, "KILLED")
    every_tag = {**tags, "training_key": training_key}
    if synthetic:
        every_tag |= {SYNTHETIC: "true", NOTE: " ".join([str(synthetic), tags.get(NOTE, "")]).strip()}
    run_id = str(client.create_run(experiment, run_name=name, tags=every_tag).info.run_id)
    try:
        for key, value in parameters.items():
            client.log_param(run_id, key, value)
        yield run_id
    except (BadInput, MissingExtra, MissingWeights):
        client.set_terminated(run_id, "FAILED")
        client.delete_run(run_id)
        raise
    except BaseException:
        client.set_terminated(run_id, "FAILED")
        raise
    client.set_terminated(run_id, "FINISHED")


def close_abandoned(registry: Registry, before: datetime) -> int:
    """Mark runs KILLED that began before then and still run: their process was killed. Returns how many."""
    client, milliseconds = registry.client, int(before.timestamp() * 1000)
    wanted = f"attributes.status = 'RUNNING' and attributes.start_time < {milliseconds}"
    runs = client.search_runs([registry.experiment()], wanted)
    for run in runs:
        client.set_terminated(run.info.run_id, "KILLED")
    return len(runs)


def nested_run(
    registry: Registry,
    parent: str,
    *,
    name: str,
    parameters: Mapping[str, Any],
    metrics: Mapping[str, float],
    problem: str | None = None,
) -> None:
    """Log a finished run nested under `parent`; FAILED, with `problem` as a tag, when it is not None."""
    from mlflow.entities import Metric, Param

    client, now = registry.client, int(1000 * time.time())
    inherited = client.get_run(parent).data.tags
    tags = {"mlflow.parentRunId": parent, **({"problem": problem[:TAG]} if problem else {})}
    tags |= {key: inherited[key] for key in ("training_key", SYNTHETIC, NOTE) if key in inherited}
    run_id = client.create_run(registry.experiment(), run_name=name, tags=tags).info.run_id
    client.log_batch(
        run_id,
        metrics=[Metric(key=key, value=value, timestamp=now, step=0) for key, value in metrics.items()],
        params=[Param(key, str(value)) for key, value in parameters.items()],
    )
    client.set_terminated(run_id, "FAILED" if problem else "FINISHED")


def environment() -> dict[str, str]:
    """Python version, processor and versions of the tracked packages."""
    return {"python": platform.python_version(), **processor(), **versions(tracked_packages())}


def git_revision() -> str:
    """Git commit, with a trailing "+" for uncommitted changes; the package's version outside a checkout."""
    folder = Path(__file__).parent
    try:
        commit = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, check=True, timeout=10
        ).stdout.strip()
        changed = subprocess.run(
            ["git", "status", "--porcelain", "--untracked-files=no", "--", "."],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return f"airline-sentiment {version('airline-sentiment')}"
    return commit + ("+" if changed else "")
