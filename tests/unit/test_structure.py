"""Rules of the house that import-linter cannot say."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "sentiment_lib"
AIRFLOW_MODULES = sorted([*(ROOT / "dags").glob("*.py"), *(ROOT / "plugins").rglob("*.py")])
LIBRARY_MODULES = sorted(path for path in LIBRARY.rglob("*.py") if "versions" not in path.parts)
MODULES = [*LIBRARY_MODULES, *AIRFLOW_MODULES]


@cache
def parsed(path: Path) -> ast.Module:
    """The module's tree, which most tests below walk."""
    return ast.parse(path.read_text())


def imports(path: Path, *, at_top: bool = False) -> Iterator[str]:
    """Top-level package of each import; `at_top` leaves out those inside functions and TYPE_CHECKING blocks."""
    tree = parsed(path)
    for node in tree.body if at_top else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield (node.module or "").partition(".")[0]


def importers(package: str) -> set[str]:
    return {str(path.relative_to(LIBRARY)) for path in LIBRARY_MODULES if package in imports(path)}


def test_the_library_never_imports_airflow():
    assert importers("airflow") == set()


def test_only_the_report_imports_evidently():
    assert importers("evidently") <= {"drift/evidently_report.py"}


def test_only_the_registry_imports_mlflow():
    strangers = {name for name in importers("mlflow") if not name.startswith("registry/")}
    assert strangers == set()


@pytest.mark.parametrize("package", ["pickle", "cloudpickle", "joblib", "dill"])
def test_nothing_reads_or_writes_pickles(package):
    assert importers(package) == set()


def test_the_pure_layers_know_no_database_clock_or_network():
    impure = {"sqlalchemy", "psycopg", "mlflow", "urllib", "requests", "socket", "http"}
    found = {
        f"{path.relative_to(LIBRARY)}: {package}"
        for path in LIBRARY_MODULES
        if path.relative_to(LIBRARY).parts[0] in ("statistics", "evaluation", "drift", "families", "replay")
        for package in imports(path)
        if package in impure
    }
    assert found == set()


def test_records_and_errors_need_the_standard_library_only():
    import sys

    for name in ("records.py", "errors.py"):
        strangers = {found for found in imports(LIBRARY / name) if found not in sys.stdlib_module_names}
        assert strangers == set(), name


def test_one_clock_says_what_time_it_is():
    """A step that reads the machine's clock itself would act at another moment than the others of a replay."""
    # records know the standard library only, and the key of the tombstones is made once in an installation
    allowed = {"clock.py", "records.py", "tombstone_key.py"}
    readers = {
        str(path.relative_to(LIBRARY))
        for path in LIBRARY_MODULES
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Attribute)
        and node.attr in ("now", "utcnow", "today")
        and isinstance(node.value, ast.Name)
        and node.value.id in ("datetime", "date")
    }
    assert readers == allowed


def test_every_module_says_what_it_is_and_none_is_a_drawer_for_odds_and_ends():
    for path in MODULES:
        assert ast.get_docstring(parsed(path)), f"{path.relative_to(ROOT)} has no docstring"
        drawers = {"utils", "util", "common", "helpers", "misc"}
        assert path.stem not in drawers or path == LIBRARY / "cli" / "common.py", path


def test_modules_are_small():
    lengths = [len(path.read_text().splitlines()) for path in MODULES]
    assert median(lengths) < 100
    long = [path.name for path, length in zip(MODULES, lengths, strict=True) if length > 300]
    assert len(long) <= max(3, len(MODULES) // 20), long


def test_no_exception_is_swallowed_in_silence():
    silent = [
        f"{path.relative_to(ROOT)}:{handler.lineno}"
        for path in MODULES
        for handler in ast.walk(parsed(path))
        if isinstance(handler, ast.ExceptHandler) and all(isinstance(line, ast.Pass) for line in handler.body)
    ]
    assert silent == []


def test_images_are_named_by_an_argument_and_do_not_run_as_root():
    for path in (ROOT / "docker").glob("*/Dockerfile"):
        lines = path.read_text().splitlines()
        assert "ARG PYTHON_IMAGE=python:3.11-slim-bookworm" in lines, path
        assert [line for line in lines if line.startswith("USER ") and not line.startswith("USER 0")], path


#: Interfaces that Airflow documents as public.
PUBLIC_AIRFLOW = ("airflow.sdk", "airflow.plugins_manager", "airflow.listeners", "airflow.providers.")


def test_private_interfaces_of_airflow_are_used_in_two_places_that_say_why():
    private = {
        path.name
        for path in AIRFLOW_MODULES
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").partition(".")[0] == "airflow"
        and not (node.module or "").startswith(PUBLIC_AIRFLOW)
    }
    assert private == {"airflow_internals.py", "setup.py"}


def test_step_modules_are_imported_inside_the_task_so_that_a_dag_file_parses_without_them():
    eager = [
        str(path.relative_to(ROOT))
        for path in AIRFLOW_MODULES
        for node in parsed(path).body
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sentiment_lib.steps")
    ]
    assert eager == []


#: A statement, at the start of a string.
STATEMENT = re.compile(
    r"\s*(SELECT|INSERT INTO|UPDATE \w+ SET|DELETE FROM|WITH \w+ AS|TRUNCATE|COPY \w+|(CREATE|ALTER|DROP) [A-Z]+)\s"
)
#: What other rooms may use of SQLAlchemy: the type of an open transaction, and errors of the database.
NO_SQL = {
    "sqlalchemy": {"Connection"},
    "sqlalchemy.exc": {"DBAPIError", "OperationalError"},
    "psycopg": {"OperationalError"},
}
#: Airflow's own metadata database is read through Airflow's models, for which Airflow hands out a session.
AIRFLOW_SESSION = {"plugins/sentiment_airflow/airflow_internals.py": {"sqlalchemy.orm"}}


def sql_in(path: Path) -> Iterator[str]:
    """Each use of SQL in a module: imports, calls of a cursor or connection, statements in strings."""
    tree = parsed(path)
    allowed = AIRFLOW_SESSION.get(str(path.relative_to(ROOT)), set())
    for node in ast.walk(tree):
        line = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
            yield from (
                f"{line} {name}" for name in names if name.partition(".")[0] in ("sqlalchemy", "psycopg", "alembic")
            )
        elif isinstance(node, ast.ImportFrom) and node.module and node.module not in allowed:
            if node.module.partition(".")[0] in ("sqlalchemy", "psycopg", "alembic"):
                names = [alias.name for alias in node.names]
                yield from (f"{line} {name}" for name in names if name not in NO_SQL.get(node.module, set()))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            is_super = isinstance(node.func.value, ast.Call) and ast.unparse(node.func.value) == "super()"
            if node.func.attr in ("execute", "exec_driver_sql", "executemany", "cursor") and not is_super:
                yield f"{line} {node.func.attr}()"
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and STATEMENT.match(node.value):
            yield f"{line} {node.value[:40]!r}"


def test_only_storage_speaks_sql():
    rooms = [path for path in MODULES if not path.is_relative_to(LIBRARY / "storage")]
    assert [use for path in rooms for use in sql_in(path)] == []


@pytest.mark.parametrize(
    "source",
    [
        "from sqlalchemy import text",
        "import psycopg",
        "connection.execute(query)",
        'QUERY = "SELECT tweet_id FROM tweets"',
        'QUERY = f"""\n    INSERT INTO labels (label) VALUES ({label})"""',
    ],
)
def test_sql_is_recognised(tmp_path, monkeypatch, source):
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    module = tmp_path / "module.py"
    module.write_text(source)
    assert list(sql_in(module))


def test_decision_records_have_one_form_and_are_listed():
    folder = ROOT / "docs/decisions"
    index = (folder / "index.md").read_text()
    records = sorted(folder.glob("[0-9]*.md"))
    assert [path.name[:4] for path in records] == [f"{number:04}" for number in range(1, len(records) + 1)]
    for path in records:
        text = path.read_text()
        headings = [line for line in text.splitlines() if line.startswith("#")]
        assert headings[0].startswith(f"# {int(path.name[:4])}. "), path
        assert headings[1:] == ["## Context", "## Decision", "## Consequences"], path
        assert "\n**Status:** " in text, path
        assert f"({path.name})" in index, path


#: Functions with eight parameters or more: commands, whose options are parameters, and functions of a library's shape.
MANY_PARAMETERS = {
    "cli/tweets/forget.py forget",
    "cli/tweets/ingestion.py ingest",
    "cli/tweets/labels.py import_",
    "cli/models/replay.py replay",
    "families/catalog.py train",
    "families/embeddings/family.py __init__",
    "families/transformers/fine_tuning.py fine_tune",
    "families/transformers/masked_language_model.py pretrain",
    "families/tuning/successive_halving.py search",
}


def test_no_function_takes_eight_arguments_where_a_record_says_it():
    many = set()
    for path in MODULES:
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                if len([argument for argument in every if argument.arg not in ("self", "cls")]) >= 8:
                    many.add(f"{path.relative_to(LIBRARY).as_posix()} {node.name}")
    assert many - MANY_PARAMETERS == set(), "gather the arguments in a record"
    assert MANY_PARAMETERS - many == set(), "mended: take it off the list"


def test_each_migration_follows_one_other_and_its_file_has_its_number():
    migrations = {}
    for path in sorted((LIBRARY / "storage/migrations/versions").glob("[0-9]*.py")):
        assigned = {
            node.targets[0].id: ast.literal_eval(node.value)
            for node in parsed(path).body
            if isinstance(node, ast.Assign) and node.targets[0].id in ("revision", "down_revision")
        }
        assert path.name.startswith(f"{assigned['revision']}_"), path.name
        migrations[path.name] = assigned["down_revision"]
    assert sorted(migrations.values(), key=str) == sorted(set(migrations.values()), key=str), "two follow the same one"
