"""Train and measure one family in its own process, which isolates CPU time and memory.

    python -m benchmarks.families.measure '{"family": "vader", "data": "made_up", …}' RESULT.json

Writes the metrics as JSON, and the probabilities (.npy) for paired comparisons.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.families import data as families_data
from benchmarks.families.figures import noise, with_intervals
from sentiment_lib.errors import MissingExtra, MissingWeights
from sentiment_lib.families import catalog
from sentiment_lib.families.base import Model
from sentiment_lib.registry import model_package

QUICK_ROWS = (800, 600)
SINGLES = 400


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table: a family, what it learns from, and with which options."""

    family: str
    data: str
    #: what distinguishes it from the family's plain row
    variant: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    #: a set that the weights learn from first
    first: str = ""
    #: a row of the same set, measured before, whose package says beside the labels what to learn
    teacher: str = ""
    seed: int = 0
    quick: bool = False

    @property
    def name(self) -> str:
        """As the table shows it."""
        return f"{self.family} ({self.variant})" if self.variant else self.family


def measure(row: Row, result: Path) -> None:
    """Train, save, load, score; the served package is what is measured, not the model in memory."""
    split = families_data.split(row.data)
    split = split.shortened(*QUICK_ROWS) if row.quick else split
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="families-") as scratch:
        folder, options = Path(scratch) / "package", dict(row.options)
        used = _cpu()
        try:
            if row.first:
                options["start"] = str(_learned_first(row, Path(scratch)))
            model = catalog.train(
                row.family,
                split.train_texts,
                split.train_labels.tolist(),
                seed=row.seed,
                progress=_said(row),
                teacher=_teacher(row, result),
                **options,
            )
        except (MissingExtra, MissingWeights) as error:
            result.write_text(json.dumps({**asdict(row), "name": row.name, "not_run": str(error)}))
            return
        wall, cpu = time.perf_counter() - started, _cpu() - used
        if row.teacher:
            before = _of_teacher(row, result)
            wall, cpu = wall + before["train_wall_s"], cpu + before["train_cpu_s"]
        digest = model_package.write(model, folder)
        served = model_package.read(folder, digest)
        tested = time.perf_counter()
        proba = served.predict_proba(split.test_texts)
        tested = time.perf_counter() - tested
        p50, p99 = latency(lambda text: served.predict_proba([text]), split.test_texts[:SINGLES])
        found = {
            "rows": [len(split.train_texts), len(split.test_texts)],
            **with_intervals(split.test_labels, proba),
            "calibration_noise": noise(proba),
            "train_wall_s": round(wall, 2),
            "train_cpu_s": round(cpu, 2),
            "p50_ms": p50,
            "p99_ms": p99,
            "batch_per_s": round(len(split.test_texts) / tested),
            "artefact_mb": round(sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6, 2),
            "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
            "notes": _notes(model),
        }
        shutil.copytree(folder, kept(result) / result.stem, dirs_exist_ok=True)
    np.save(result.with_suffix(".npy"), proba.astype(np.float32))
    where = {"machine": machine(), "revision": revision()}
    result.write_text(json.dumps({**asdict(row), "name": row.name, **found, **where}, indent=1))


def slug(data: str, name: str, *, quick: bool = False) -> str:
    """What the files of a row are called."""
    words = f"{data}-{name}{'-quick' if quick else ''}".lower()
    return "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in words).strip("-")


def kept(result: Path) -> Path:
    """Where the packages of the rows are kept, for teachers and for a look at their speed."""
    return result.parent / "packages"


def latency(score: Callable[[str], object], texts: list[str]) -> tuple[float, float]:
    """Milliseconds a tweet at the median and at 99 %, on one core; the calmest of three rounds.

    Whatever else runs on the machine can only add to a round.
    """
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        for text in texts[:10]:
            score(text)
        rounds = [np.percentile(_milliseconds(score, texts), (50, 99)) for _ in range(3)]
    finally:
        os.sched_setaffinity(0, allowed)
    p50, p99 = min(rounds, key=lambda one: one[1])
    return round(float(p50), 3), round(float(p99), 3)


def _milliseconds(score: Callable[[str], object], texts: list[str]) -> list[float]:
    spent = []
    for text in texts:
        begun = time.perf_counter()
        score(text)
        spent.append(1000 * (time.perf_counter() - begun))
    return spent


def machine() -> str:
    """What the figures were measured on."""
    return f"{len(os.sched_getaffinity(0))} cores {platform.machine()}, Python {platform.python_version()}"


def revision() -> str:
    """Short commit of the code, with a plus when files of the library were changed since."""
    here = Path(__file__).parents[2]
    ask = ["git", "-C", str(here)]
    commit = subprocess.run([*ask, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    state = [*ask, "status", "--porcelain", "--", "sentiment_lib/families", "sentiment_lib/text"]
    changed = subprocess.run(state, capture_output=True, text=True, check=False).stdout
    return commit.stdout.strip() + ("+" if changed.strip() else "")


def _learned_first(row: Row, scratch: Path) -> Path:
    split = families_data.split(row.first)
    split = split.shortened(QUICK_ROWS[0], 1) if row.quick else split
    model = catalog.train(
        row.family, split.train_texts, split.train_labels.tolist(), seed=0, progress=_said(row), **row.options
    )
    model_package.write(model, scratch / "first")
    return scratch / "first"


def _of_teacher(row: Row, result: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((result.parent / f"{slug(row.data, row.teacher)}.json").read_text())
    return found


def _teacher(row: Row, result: Path) -> Model | None:
    if not row.teacher:
        return None
    return catalog.load(kept(result) / slug(row.data, row.teacher), _of_teacher(row, result)["family"])


def _notes(model: Model) -> dict[str, Any]:
    notes: dict[str, Any] = getattr(model, "notes", {})
    return notes


def _said(row: Row) -> Callable[[float, str], bool]:
    """Every tenth of a training goes to standard error."""
    last = [-1.0]

    def progress(share: float, doing: str) -> bool:
        if share - last[0] >= 0.1 or share < last[0]:
            last[0] = share
            print(f"{row.name} on {row.data}: {share:.0%} {doing}", file=sys.stderr, flush=True)
        return True

    return progress


def _cpu() -> float:
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in spent)


if __name__ == "__main__":
    measure(Row(**json.loads(sys.argv[1])), Path(sys.argv[2]))
