"""Every DAG imports, is owned, documented and bounded, and its file is wiring only."""

from __future__ import annotations

import ast
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FLOWS = (
    "backup",
    "check_drift",
    "force_promotion",
    "forget",
    "ingest_tweets",
    "maintain",
    "replay",
    "restore_drill",
    "retention",
    "retrain",
    "rollback",
    "score_tweets",
    "verify",
)
FILES = [ROOT / "dags" / f"{flow}.py" for flow in FLOWS]
HEAVY = ("pandas", "numpy", "sklearn", "torch", "transformers", "mlflow", "evidently", "gensim", "pyarrow", "psycopg")


def test_the_dags_are_exactly_the_flows(bag):
    assert bag.import_errors == {}
    assert sorted(bag.dag_ids) == sorted(FLOWS)
    assert sorted(path.stem for path in (ROOT / "dags").glob("[!_]*.py")) == sorted(FLOWS)


@pytest.mark.parametrize("flow", FLOWS)
def test_a_dag_can_be_stored_and_has_no_cycle(dags, flow):
    from airflow.serialization.serialized_objects import DagSerialization

    dags[flow].check_cycle()
    stored = DagSerialization.from_dict(DagSerialization.to_dict(dags[flow]))
    assert set(stored.task_ids) == set(dags[flow].task_ids)


@pytest.mark.parametrize("flow", FLOWS)
def test_a_dag_says_whose_it_is_what_it_does_and_how_long_it_may_take(dags, flow):
    dag = dags[flow]
    assert "sentiment" in dag.tags
    assert len(dag.tags) >= 2
    assert dag.doc_md.strip().startswith(f"### {flow}")
    assert "By hand" in dag.doc_md
    assert 10 < len(dag.description) < 100
    assert dag.dagrun_timeout is not None
    assert dag.max_active_runs <= 16
    assert dag.catchup is False
    for task in dag.tasks:
        assert task.owner == "sentiment", "no person, and the account that runs it"
        assert task.execution_timeout or task.task_id == "approval", f"{task.task_id} could run for ever"


def test_the_forms_offer_the_families_of_the_catalogue_and_the_earlier_champions(dags, tmp_path, monkeypatch):
    from sentiment_airflow import form_choices

    from sentiment_lib.families.catalog import CATALOG

    families = dags["retrain"].params.get_param("families")
    assert families.schema["items"]["enum"] == families.schema["examples"] == list(CATALOG)
    with pytest.raises(ValueError, match="bret"):
        families.resolve(["bret"])
    monkeypatch.setenv("SENTIMENT_HOME", str(tmp_path))
    assert "enum" not in form_choices.rollback_version().schema
    (tmp_path / "cache").mkdir()
    (tmp_path / form_choices.ROLLBACK_CHOICES).write_text('{"3": "version 3 (bert)", "1": "version 1 (vader)"}')
    offered = form_choices.rollback_version()
    assert offered.schema["enum"] == [3, 1]
    assert offered.resolve(1) == 1
    with pytest.raises(ValueError, match="2"):
        offered.resolve(2)


@pytest.mark.parametrize("flow", ["backup", "restore_drill", "retention", "verify"])
def test_upkeep_does_not_begin_beside_the_first_loop_of_an_empty_installation(dags, flow, monkeypatch):
    from airflow.serialization.serialized_objects import DagSerialization

    stored = DagSerialization.from_dict(DagSerialization.to_dict(dags[flow]))

    def first_at(moment):
        monkeypatch.setattr("airflow.timetables.trigger.utcnow", lambda: moment)
        return stored.next_dagrun_info(last_automated_run_info=None).run_after

    for hour in range(24):
        begun = datetime(2026, 11, 29, hour, 15, tzinfo=UTC)  # a Sunday
        first = first_at(begun)
        assert first > begun
        assert first_at(first + timedelta(minutes=5)) == first, "the file is read again before the run"


@pytest.mark.parametrize("flow", FLOWS)
def test_every_task_backs_off_and_tells_when_it_has_failed(dags, flow):
    from sentiment_airflow.notifiers import FailureNotice

    for task in dags[flow].tasks:
        assert task.retries >= 3
        assert task.retry_exponential_backoff
        assert any(isinstance(callback, FailureNotice) for callback in _listed(task.on_failure_callback))


@pytest.mark.parametrize("path", FILES, ids=FLOWS)
def test_a_dag_file_is_short_and_imports_only_airflow_and_our_plugin_at_the_top(path):
    source = path.read_text()
    assert len(source.splitlines()) < 100
    allowed = {"__future__", "datetime", "pathlib", "typing", "airflow", "sentiment_airflow"}
    for node in ast.parse(source).body:
        if isinstance(node, ast.Import):
            assert {name.name.split(".")[0] for name in node.names} <= allowed
        if isinstance(node, ast.ImportFrom):
            assert (node.module or "").split(".")[0] in allowed
            if (node.module or "").startswith("airflow."):
                assert node.module in ("airflow.sdk", "airflow.providers.standard.operators.hitl")


def test_all_dags_parse_in_a_second_with_every_heavy_package_blocked():
    program = f"""
import sys, time
sys.path.insert(0, "plugins")
from airflow.dag_processing.dagbag import DagBag
import airflow.providers.standard.operators.hitl
already = {{name for name in {HEAVY!r} if name in sys.modules}}

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {HEAVY!r} and name.split(".")[0] not in already:
            raise ImportError("heavy import while a DAG file is read: " + name)

sys.meta_path.insert(0, Blocked())
started = time.process_time()
bag = DagBag("dags")
spent = time.process_time() - started
assert not bag.import_errors, bag.import_errors
assert len(bag.dags) == {len(FLOWS)}
assert spent < 1.0, f"parsing took {{spent:.2f}} CPU seconds"
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def test_the_plugin_package_is_hidden_from_airflows_plugin_search():
    assert (ROOT / "plugins" / ".airflowignore").read_text().split() == [
        "sentiment_airflow/",
        "airflow_local_settings.py",
    ]
    beside = {path.name for path in (ROOT / "plugins").glob("*.py")}
    assert beside == {"sentiment_plugin.py", "airflow_local_settings.py"}


def _listed(callback):
    return callback if isinstance(callback, list | tuple) else [callback]
