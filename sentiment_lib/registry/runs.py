"""One MLflow run for one training: what went in, what it cost, how it looks."""

from __future__ import annotations

import platform
import resource
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from sentiment_lib.registry.models import Registry

#: Packages whose version can change what a training gives.
PINNED = ("numpy", "scipy", "scikit-learn", "torch", "transformers", "gensim", "nltk", "vaderSentiment", "pandas")


@contextmanager
def training_run(registry: Registry, *, training_key: str, name: str, parameters: Mapping[str, Any]) -> Iterator[str]:
    """Id of a run that ends FINISHED, or FAILED when the block raises. Runs of killed tries are marked KILLED first."""
    client, experiment = registry.client, registry.experiment()
    for old in client.search_runs([experiment], f"tags.training_key = '{training_key}' and status = 'RUNNING'"):
        client.set_terminated(old.info.run_id, "KILLED")
    run_id = str(client.create_run(experiment, run_name=name, tags={"training_key": training_key}).info.run_id)
    try:
        for key, value in parameters.items():
            client.log_param(run_id, key, value)
        yield run_id
    except BaseException:
        client.set_terminated(run_id, "FAILED")
        raise
    client.set_terminated(run_id, "FINISHED")


def environment() -> dict[str, str]:
    """Python, processor and the versions of the packages that matter."""
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for name in PINNED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def git_revision() -> str:
    """Commit of this code, "+" at its end when the tree has changes; the package's version outside a checkout."""
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


def peak_memory_mb() -> float:
    """Largest resident memory of this process so far, in megabytes."""
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes / 1024 if platform.system() == "Linux" else kilobytes / 1024**2
