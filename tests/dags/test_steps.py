"""A task names its step by a reference that exists: mypy refuses a misspelt step and a wrong argument."""

from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [*(ROOT / "dags").glob("*.py"), *(ROOT / "plugins" / "sentiment_airflow").glob("*.py")]

SNIPPET = """\
from sentiment_airflow.run_step import run_step
from sentiment_lib.steps.training import snapshot
run_step(snapshot.run, until=None)
run_step(snapshot.rum)
run_step(snapshot.run, untill=None)
run_step(snapshot.run).snapshot_key
"""


def calls():
    """(id, module, function, positional arguments, keyword arguments) of each run_step in a DAG or its tasks."""
    for path in SOURCES:
        tree = ast.parse(path.read_text())
        modules = {
            alias.asname or alias.name: f"{node.module}.{alias.name}"
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sentiment_lib.steps")
            for alias in node.names
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "run_step":
                step = node.args[0]
                assert isinstance(step, ast.Attribute), f"{path.name}:{node.lineno} names no step"
                assert isinstance(step.value, ast.Name), f"{path.name}:{node.lineno} names no step"
                positional, keywords = len(node.args) - 1, [keyword.arg for keyword in node.keywords]
                yield (
                    f"{path.stem}:{step.value.id}.{step.attr}",
                    modules[step.value.id],
                    step.attr,
                    positional,
                    keywords,
                )


CALLS = list(calls())


def test_the_tasks_run_at_least_every_stage_of_the_loop():
    assert {module.split(".")[2] for _, module, *_ in CALLS} >= {
        "ingestion",
        "training",
        "decisions",
        "deployment",
        "scoring",
        "monitoring",
        "operations",
    }


@pytest.mark.parametrize(
    ("module", "name", "positional", "keywords"), [call[1:] for call in CALLS], ids=[call[0] for call in CALLS]
)
def test_each_step_of_a_task_is_a_function_of_store_and_settings_that_takes_its_arguments(
    module, name, positional, keywords
):
    step = getattr(importlib.import_module(module), name)
    signature = inspect.signature(step)
    assert list(signature.parameters)[:2] in (["store", "settings"], ["_store", "settings"])
    signature.bind(None, None, *[None] * positional, **dict.fromkeys(keywords))


@pytest.mark.timeout(600)
def test_mypy_refuses_a_misspelt_step_a_wrong_argument_and_a_field_that_a_record_lacks(tmp_path):
    snippet = tmp_path / "tasks.py"
    snippet.write_text(SNIPPET)
    command = [sys.executable, "-m", "mypy", "--no-error-summary", str(snippet)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    assert [line.split(":")[1] for line in lines if ": error:" in line] == ["4", "5", "6"], done.stdout + done.stderr
    assert 'Module has no attribute "rum"' in done.stdout
    assert "untill" in done.stdout
    assert "snapshot_key" in done.stdout
