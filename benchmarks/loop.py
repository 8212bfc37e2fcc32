"""The airline week, day by day, through the real DAGs on the embedded stack; a script answers the approvals.

    python -m benchmarks.loop --data ../shared/data/us_airline_tweets.csv [--quick] [--check]

Prequential: each day is scored by the champion of that moment before its labels arrive and a retrain learns from them.
Last line: JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.airflow_rest import PATIENCE, Airflow
from benchmarks.stack_home import StackHome

FLOWS = ("ingest_tweets", "score_tweets", "check_drift", "retrain")
ENVIRONMENT = {
    # the script alone says when to retrain: once after each day
    "SENTIMENT_POLICY__RETRAIN__NEW_LABELS": "1000000",
    "SENTIMENT_POLICY__RETRAIN__COOL_DOWN": "P10D",
}
UNSCORED = """
SELECT count(*) AS n FROM tweets t WHERE NOT EXISTS (SELECT FROM predictions p WHERE p.tweet_id = t.tweet_id)
"""
# the first version that scored a tweet is the champion of that moment
FIRST_SCORED = """
SELECT DISTINCT ON (tweet_id) tweet_id, label, model_version FROM predictions
ORDER BY tweet_id, predicted_at, model_version
"""
RECORDED = """
SELECT coalesce(sum(received), 0) AS received, coalesce(sum(stored), 0) AS stored,
       coalesce(sum(duplicate), 0) AS duplicate, coalesce(sum(quarantined), 0) AS quarantined,
       coalesce(sum(forgotten), 0) AS forgotten FROM ingests
"""


def days(data: Path, quick: bool) -> list[tuple[str, pd.DataFrame]]:
    """Rows of the file as they are, by local day, oldest day first."""
    frame = pd.read_csv(data, dtype=str, keep_default_na=False)
    day = frame["tweet_created"].str.slice(0, 10)
    parts = [(str(name), part) for name, part in frame.groupby(day, sort=True)]
    return parts[:3] if quick else parts


def replay(stack: StackHome, name: str, part: pd.DataFrame) -> None:
    """One day: in, scored, drift checked, retrained, answered."""
    person, script = stack.airflow("mlops"), stack.airflow("admin")
    draft = stack.home / f"{name}.csv"
    part.to_csv(draft, index=False)
    landing = stack.settings.landing / "airline"  # the folder names the preset
    landing.mkdir(parents=True, exist_ok=True)
    draft.rename(landing / f"{name}.csv")
    script.ended("ingest_tweets", script.trigger("ingest_tweets"))
    script.until(lambda: not stack.rows(UNSCORED)[0]["n"], seconds=300, what=f"scores of {name}")
    script.until(lambda: not script.active("score_tweets", "check_drift"), seconds=300, what=f"drift check of {name}")
    answer(script, person, script.trigger("retrain"))


def answer(script: Airflow, person: Airflow, run_id: str) -> None:
    """Wait until the retrain ends or asks; promote when it asks, and again should Airflow ask again."""
    path = f"retrain/{run_id}"
    while True:
        script.until(
            lambda: path not in script.active("retrain") or run_id in person.waiting(),
            seconds=900,
            what=f"the end or the question of {path}",
        )
        if path not in script.active("retrain"):
            return
        time.sleep(PATIENCE)
        person.answer(run_id, "Promote", "benchmark of the loop")
        script.until(lambda: run_id not in person.waiting(), seconds=120, what="the answer")
        time.sleep(PATIENCE)


def quality(stack: StackHome) -> list[dict[str, Any]]:
    """Macro-F1 on each day from the second on: the champion of the moment, and VADER alone."""
    from sklearn.metrics import f1_score

    from sentiment_lib.families import catalog
    from sentiment_lib.records import LABELS
    from sentiment_lib.storage.current_labels import labelled
    from sentiment_lib.storage.engine import Store

    store = Store.open(stack.settings)
    try:
        with store.begin() as connection:
            frame = labelled(connection, stack.settings.policy.snapshot.label_precedence)
    finally:
        store.close()
    scored = pd.DataFrame(stack.rows(FIRST_SCORED)).rename(columns={"label": "predicted"})
    frame = frame.merge(scored, on="tweet_id")
    vader = catalog.train("vader", [], [], seed=0).predict_proba(frame["text"].tolist()).argmax(axis=1)
    frame["vader"] = [str(LABELS[index]) for index in vader]
    local = frame["created_at"].dt.tz_convert("America/Los_Angeles").dt.date
    figures = []
    for day, part in list(frame.groupby(local))[1:]:
        champion, lexicon = (f1_score(part["label"], part[c], average="macro") for c in ("predicted", "vader"))
        figures.append(
            {
                "day": str(day),
                "tweets": len(part),
                "version": int(part["model_version"].mode()[0]),
                "champion_macro_f1": round(float(champion), 4),
                "vader_macro_f1": round(float(lexicon), 4),
            }
        )
    return figures


def seconds(script: Airflow) -> dict[str, float]:
    """Seconds that the tasks of each stage ran, over all runs."""
    spent: defaultdict[str, float] = defaultdict(float)
    for flow in FLOWS:
        for run_id in script.runs(flow):
            for task in script.tasks(flow, run_id):
                if task["task_id"] != "approval":
                    spent[f"{flow}.{task['task_id']}"] += task["duration"] or 0.0
    return {stage: round(total, 1) for stage, total in sorted(spent.items()) if total}


def main() -> None:
    """Replay, print, and with --check fail on a bound that does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--quick", action="store_true", help="the first three days")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    parts = days(options.data, options.quick)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="loop-") as folder:
        stack = StackHome(Path(folder) / "home", **ENVIRONMENT)
        stack.up(sample=False)
        try:
            for name, part in parts:
                print(f"{name}: {len(part)} rows", file=sys.stderr, flush=True)
                replay(stack, name, part)
            script = stack.airflow("admin")
            rows = {name: int(value) for name, value in stack.rows(RECORDED)[0].items()}
            runs = {flow: len(script.runs(flow)) for flow in FLOWS}
            failed = sum(state == "failed" for flow in FLOWS for state in script.runs(flow).values())
            moves = stack.rows("SELECT to_version FROM deployments WHERE kind = 'promotion' AND state = 'done'")
            result = {
                "rows": rows,
                "runs": runs,
                "failed_runs": failed,
                "promotions": len(moves),
                "seconds": seconds(script),
                "days": quality(stack),
                "wall_seconds": round(time.monotonic() - began, 1),
            }
        finally:
            stack.down()
    expected = sum(len(part) for _, part in parts)
    last = result["days"][-1] if result["days"] else {"champion_macro_f1": 0.0, "vader_macro_f1": 1.0}
    checks = {
        "rows that came in": (rows["received"], expected),
        "rows accounted for": (rows["stored"] + rows["duplicate"] + rows["quarantined"] + rows["forgotten"], expected),
        "failed runs": (failed, 0),
    }
    result["checks"] = {name: {"figure": figure, "bound": bound} for name, (figure, bound) in checks.items()}
    good = all(figure == bound for figure, bound in checks.values())
    good = good and last["champion_macro_f1"] >= last["vader_macro_f1"]
    print(json.dumps(result))
    if options.check and not good:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
