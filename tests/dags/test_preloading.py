"""Processes that fork for tasks import the large libraries beforehand; others start without them."""

from __future__ import annotations

import importlib
import importlib.util
import os
import runpy
import sys
from pathlib import Path

import numpy
import pytest

SETTINGS = Path(__file__).parents[2] / "plugins" / "airflow_local_settings.py"


@pytest.mark.parametrize(
    ("arguments", "executor", "imports"),
    [
        (["scheduler", "--skip-serve-logs"], "LocalExecutor", True),
        (["scheduler"], "CeleryExecutor", False),
        (["celery", "worker", "--queues", "training"], "CeleryExecutor", True),
        (["celery", "flower"], "CeleryExecutor", False),
        (["dag-processor"], "LocalExecutor", False),
        ([], "LocalExecutor", False),
    ],
)
def test_who_forks_for_tasks_imports_the_libraries_first(monkeypatch, arguments, executor, imports):
    imported = []
    monkeypatch.setattr(sys, "argv", ["airflow", *arguments])
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", executor)
    monkeypatch.setattr(importlib, "import_module", imported.append)
    at_fork = []
    monkeypatch.setattr(os, "register_at_fork", lambda **hooks: at_fork.append(hooks))
    names = runpy.run_path(str(SETTINGS))
    assert imported == (list(names["_LIBRARIES"]) if imports else [])
    assert names["__all__"] == []
    assert at_fork == ([{"after_in_child": names["_seed_numpy"]}] if imports else [])


def test_forked_tasks_draw_different_numbers(monkeypatch):
    seed_numpy = runpy.run_path(str(SETTINGS))["_seed_numpy"]
    drawn = []
    for _ in range(2):
        numpy.random.seed(1)  # the state of the process that forks
        seed_numpy()
        drawn.append(numpy.random.random())
    assert drawn[0] != drawn[1]


def test_what_is_imported_beforehand_is_installed():
    libraries = runpy.run_path(str(SETTINGS))["_LIBRARIES"]
    assert all(importlib.util.find_spec(name) for name in libraries)


def test_no_package_makes_jsonschema_parse_grammars_in_every_airflow_process():
    assert importlib.util.find_spec("rfc3987_syntax") is None, "jsonschema imports it, which takes seconds"
