"""Processes that fork for tasks import the large libraries beforehand; others start without them."""

from __future__ import annotations

import importlib
import importlib.util
import runpy
import sys
from pathlib import Path

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
    names = runpy.run_path(str(SETTINGS))
    assert imported == (list(names["_LIBRARIES"]) if imports else [])
    assert names["__all__"] == []


def test_what_is_imported_beforehand_is_installed():
    libraries = runpy.run_path(str(SETTINGS))["_LIBRARIES"]
    assert all(importlib.util.find_spec(name) for name in libraries)


def test_no_package_makes_jsonschema_parse_grammars_in_every_airflow_process():
    assert importlib.util.find_spec("rfc3987_syntax") is None, "jsonschema imports it, which takes seconds"
