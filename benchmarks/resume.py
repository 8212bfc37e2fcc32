"""Kill a transformer's training at random points: it resumes, reaches the same result and repeats few steps.

    python -m benchmarks.resume --data ../shared/data/us_airline_tweets.csv [--quick] [--check]

One training runs undisturbed. Another gets SIGKILL at ten random points of its steps, or during its export if it
reaches that first, and is restarted each time; both are evaluated on later tweets. Last line: JSON.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KILLS, QUALITY_BOUND = 10, 0.3
LABELS = ("negative", "neutral", "positive")


@dataclass(frozen=True, kw_only=True)
class Killed:
    """What the disturbed training went through."""

    #: steps that were reached when the process was killed, and what the next process went on from
    reached: tuple[int, ...]
    resumed_from: tuple[int, ...]
    result: Mapping[str, Any]

    @property
    def repeated(self) -> int:
        """Most steps that one kill cost."""
        return max(there - back for there, back in zip(self.reached, self.resumed_from, strict=True))


def main() -> None:
    """Both trainings; exit 1 under --check when a bound is missed."""
    if len(sys.argv) > 2 and sys.argv[1] == "train":  # the child of a measurement
        _train(Path(sys.argv[2]))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/us_airline_tweets.csv"))
    parser.add_argument("--quick", action="store_true", help="400 rows and two kills instead of 3,000 and ten")
    parser.add_argument("--check", action="store_true")
    chosen = parser.parse_args()
    rows, later, kills, interval = (400, 300, 2, 5) if chosen.quick else (3000, 1000, KILLS, 20)
    with tempfile.TemporaryDirectory(prefix="resume-") as folder:
        # the short form learns in one pass a step: what is tried is the going on
        options = {"checkpoint_every": interval, "epochs": 2, **({"consistency": 0} if chosen.quick else {})}
        spec = {"options": options, "seed": 0, **_airline(chosen.data, rows, later)}
        whole = undisturbed(spec, Path(folder))
        print(f"undisturbed: {whole}", flush=True)
        found = killed(spec, Path(folder), kills=kills, seed=0)
    apart = round(abs(found.result["macro_f1"] - whole["macro_f1"]), 2)
    print(f"killed at steps {found.reached}, resumed from {found.resumed_from}: {dict(found.result)}")
    print(
        f"repeated steps a kill {found.repeated} (at most {interval}); macro-F1 apart {apart} (at most {QUALITY_BOUND})"
    )
    good = found.repeated <= interval and apart <= QUALITY_BOUND and len(found.reached) == kills
    figures = {"kills": len(found.reached), "repeated": found.repeated, "interval": interval, "apart": apart}
    bounds = {"repeated_bound": interval, "apart_bound": QUALITY_BOUND}
    print(json.dumps({"benchmark": "resume", "rows": rows, "steps": whole["steps"], **figures, **bounds, "ok": good}))
    raise SystemExit(1 if chosen.check and not good else 0)


def undisturbed(spec: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Result of a training that nobody kills: macro-F1 in points, steps, seconds."""
    place = folder / "undisturbed"
    place.mkdir()
    result, _ = _run(spec, place, lambda _: False)
    assert result is not None
    return result


def killed(spec: Mapping[str, Any], folder: Path, *, kills: int, seed: int, within: float = 0.3) -> Killed:
    """Result of a training that is killed that many times, at steps drawn over its whole length.

    Each time some chance part of `within` seconds after the step began: between two writes, or in one.
    """
    place = folder / "killed"
    place.mkdir()
    draw = random.Random(seed)
    steps = _steps(spec)
    points = sorted(draw.sample(range(2, steps), kills))
    reached: list[int] = []
    resumed: list[int] = []
    result: dict[str, Any] | None = None
    while result is None:
        wait, at = draw.random() * within, points[len(reached)] if len(reached) < kills else None

        def enough(step: int, at: int | None = at, wait: float = wait) -> bool:
            if at is None or step < at:
                return False
            time.sleep(wait)
            return True

        result, seen = _run(spec, place, enough)
        if reached:
            resumed.append(seen[0])
        if result is None:
            reached.append(seen[-1])
    return Killed(reached=tuple(reached), resumed_from=tuple(resumed), result=result)


def _run(
    spec: Mapping[str, Any], place: Path, enough: Callable[[int], bool]
) -> tuple[dict[str, Any] | None, list[int]]:
    """One process: its result, None when it was killed, and the steps it told of until then."""
    path = place / "spec.json"
    path.write_text(json.dumps({**spec, "checkpoints": str(place / "state")}))
    command = [sys.executable, "-m", "benchmarks.resume", "train", str(path)]
    steps: list[int] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("{"):
                return dict(json.loads(line)), steps
            steps.append(int(line))
            if enough(steps[-1]):
                process.kill()
                # what it still wrote before it died counts: steps, or even the end
                rest = process.stdout.read().splitlines()
                steps += [int(told) for told in rest if told.isdigit()]
                return next((dict(json.loads(told)) for told in rest if told.endswith("}")), None), steps
        assert process.stderr is not None
        raise RuntimeError(f"the training failed: {process.stderr.read()[-2000:]}")


def _steps(spec: Mapping[str, Any]) -> int:
    options = spec["options"]
    learned = len(spec["texts"]) - int(len(spec["texts"]) * 0.1)
    return int(options["epochs"]) * -(-learned // int(options.get("batch", 32)))


def _train(path: Path) -> None:
    from sentiment_lib.families import catalog
    from sentiment_lib.statistics.metrics import classification_metrics

    spec = json.loads(path.read_text())
    started = time.monotonic()

    def progress(_: float, doing: str) -> bool:
        if doing.startswith("step "):
            print(doing.split()[1], flush=True)
        elif doing.startswith("exporting"):  # all steps are behind it
            print(_steps(spec), flush=True)
        return True

    model: Any = catalog.train(
        "bert",
        spec["texts"],
        spec["labels"],
        seed=spec["seed"],
        progress=progress,
        checkpoints=spec["checkpoints"],
        **spec["options"],
    )
    import numpy as np

    truth = np.array([LABELS.index(label) for label in spec["later_labels"]])
    quality = classification_metrics(truth, model.predict_proba(spec["later_texts"]))["macro_f1"]
    went = {"steps": model.notes["steps"], "resumed": model.circumstances["resumed"]}
    seconds = round(time.monotonic() - started, 1)
    print(json.dumps({"macro_f1": round(100 * quality, 2), "seconds": seconds, **went}), flush=True)


def _airline(path: Path, rows: int, later: int) -> dict[str, list[str]]:
    """The newest of the rows before 23 February to learn from, and the first of the days after."""
    import pandas as pd

    frame = pd.read_csv(path, dtype={"tweet_id": str}).sort_values(["tweet_created", "tweet_id"])
    frame = frame.drop_duplicates("text")
    before = frame["tweet_created"].str[:10] < "2015-02-23"
    learn, after = frame[before].tail(rows), frame[~before].head(later)
    return {
        "texts": learn["text"].tolist(),
        "labels": learn["airline_sentiment"].tolist(),
        "later_texts": after["text"].tolist(),
        "later_labels": after["airline_sentiment"].tolist(),
    }


if __name__ == "__main__":
    main()
