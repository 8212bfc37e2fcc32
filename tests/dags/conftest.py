"""Airflow as the dag-processor sees it: a home of its own, our folders, no examples, no servers."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Airflow reads these when it is first imported, so they cannot wait for a fixture.
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="airflow-")
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW__CORE__DAGS_FOLDER"] = str(ROOT / "dags")
os.environ["AIRFLOW__CORE__PLUGINS_FOLDER"] = str(ROOT / "plugins")
os.environ["AIRFLOW__CORE__UNIT_TEST_MODE"] = "False"


@pytest.fixture(scope="session")
def bag():
    """All DAGs of the project."""
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(str(ROOT / "dags"))


@pytest.fixture(scope="session")
def dags(bag):
    """DAGs by id; a file that does not import fails here with its own message."""
    assert bag.import_errors == {}
    return bag.dags


@pytest.fixture(scope="session")
def airflow(tmp_path_factory):
    """Environment of an Airflow with tables and pools."""
    home = tmp_path_factory.mktemp("airflow")
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'plugins'}",
        "SENTIMENT_HOME": str(home),
    }
    made = [sys.executable, "-m", "sentiment_airflow.setup"]
    done = subprocess.run(made, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return environment
