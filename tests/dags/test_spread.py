"""A backlog is divided among mapped tasks; where little waits, one task scores it all."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: Runs the DAG once for each list of ranges that the first task leaves; prints which ranges were scored, and states.
PROGRAM = """
import json, sys
from sentiment_airflow import run_step
from sentiment_lib.records import ScoreResult
from sentiment_lib.steps.scoring import score, spread

def step(function, **given):
    if function is spread.begin:
        if case is None:
            return spread.Begun(result=result(0), ranges=())
        return spread.Begun(result=result(5), ranges=tuple(map(tuple, case)))
    done.append(given.get("ids"))
    if given.get("ids") == (3, 4):
        raise MemoryError("killed")
    return result(1)

def result(scored):
    return ScoreResult(model_version=1, scored=scored, distinct_texts=scored, seconds=0.1)

run_step.run_step = step
from airflow.dag_processing.dagbag import DagBag
dag = DagBag("dags/score_tweets.py").dags["score_tweets"]
for task in dag.tasks:
    task.retries = 0
    task.on_failure_callback = None
results = []
for case in json.loads(sys.argv[1]):
    done = []
    run = dag.test()
    tasks = sorted([t.task_id, t.map_index, str(t.state)] for t in run.get_task_instances())
    results.append({"state": str(run.state), "done": done, "tasks": tasks})
print("FOUND " + json.dumps(results))
"""


def test_each_range_is_a_task_and_the_last_scores_what_a_failed_one_left(airflow):
    cases = [None, [], [[3, 4], [5, 6]]]
    command = [sys.executable, "-c", PROGRAM, json.dumps(cases)]
    ended = subprocess.run(command, cwd=ROOT, env=airflow, capture_output=True, text=True, check=False)
    lines = [line for line in ended.stdout.splitlines() if line.startswith("FOUND ")]
    assert lines, ended.stdout[-2000:] + ended.stderr[-2000:]
    idle, little, much = json.loads(lines[0].removeprefix("FOUND "))
    assert (idle["state"], idle["done"]) == ("success", [])
    assert (little["state"], little["done"]) == ("success", [])
    assert ["score", -1, "success"] in little["tasks"]
    assert ["score_rest", -1, "skipped"] in little["tasks"]
    assert sorted(filter(None, much["done"])) == [[3, 4], [5, 6]]
    assert much["done"][-1] is None, "the rest comes last"
    assert much["tasks"] == [
        ["score", -1, "success"],
        ["score_range", 0, "failed"],
        ["score_range", 1, "success"],
        ["score_rest", -1, "success"],
    ]
