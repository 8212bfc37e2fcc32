"""The glossary of docs/architecture.md is the dictionary: its modules hold its terms, and names use its words."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from sentiment_lib.storage.tables import Base

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "sentiment_lib"
PAGE = (ROOT / "docs/architecture.md").read_text()
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.partition("## Glossary")[2].partition("\n## ")[0].splitlines()
    if line.startswith("| ") and not line.startswith("| term |")
]
TERMS = {term for row in ROWS for term in row[0].split(", ")}
TABLES = Base.metadata.tables
CODE = [
    path
    for folder in (LIBRARY, ROOT / "plugins", ROOT / "dags")
    for path in folder.rglob("*.py")
    if "versions" not in path.parts
]

#: Words that once named a module, table, column or task and say nothing to a reader of this field.
RETIRED = frozenset(
    re.findall(
        r"\w+",
        """
        adaptation answer answered answering apart asked asking behaviours beside calling checked checking
        choosing chosen combining describing distinct doubled drawn edge encoded footprint found gains given
        hurt keeping known learned learning leftovers lessons listed measuring moving origin pieces powered
        question questions recipe searched searching settle settled slip stepping taken taught telling tidy
        together told waiting want whole wish wording
        """,
    )
)
#: Established names in which such a word has its usual sense.
ALLOWED = {
    *("answered_by", "answered_at", "given_by", "given_at", "drawn_at", "same_origin"),
    *("powered", "powered_low", "powered_high", "prediction_powered"),  # prediction-powered inference
}
#: Titles of pages that name no term: where one lands, signs in, or tries the API.
PLAIN_TITLES = {"Overview", "Sentiment", "Sign in", "Try", "Models", "Version", "Lineage", "Drift", "API reference"}


def docstring(path: Path) -> str:
    return ast.get_docstring(ast.parse(path.read_text())) or ""


def top_level_names(path: Path) -> set[str]:
    names = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names.update(target.id for target in targets if isinstance(target, ast.Name))
    return names


def singular(name: str) -> str:
    return re.sub(r"s$", "", re.sub(r"(ss|ches|shes)$", lambda m: m[0], name))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_the_module_that_a_definition_names_exists_and_holds_the_term(row):
    term, meaning, held_by = row
    assert len(meaning) > 15
    references = re.findall(r"`([\w/]+\.py)(?:::(\w+))?`", held_by)
    assert references, f"{term} names no module"
    for module, name in references:
        path = LIBRARY / module
        assert path.is_file(), f"{term}: there is no {module}"
        if name and module == "storage/tables.py":
            assert name in TABLES, f"{term}: there is no table {name}"
        elif name:
            assert name in top_level_names(path), f"{term}: {module} holds no {name}"
    # without a name of its own, the module is named after the term or says the term first thing
    if not any(name for _, name in references):
        words = {singular(word.lower())[:7] for word in re.split(r"[\s,-]+", term)}
        said = " ".join(f"{module} {docstring(LIBRARY / module)}".lower() for module, _ in references)
        assert any(word in said for word in words), f"{term}: {references} does not say it"


def test_the_glossary_is_a_dictionary():
    terms = [row[0] for row in ROWS]
    assert len(terms) > 50
    assert len(terms) == len(set(terms))


@pytest.mark.parametrize("table", sorted(TABLES))
def test_every_table_is_a_term(table):
    assert f"`storage/tables.py::{table}`" in PAGE


def words_of(name: str) -> set[str]:
    return set(name.lower().strip("_").split("_"))


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_bears_a_retired_word(path):
    names = {*path.relative_to(ROOT).with_suffix("").parts} - ALLOWED
    assert {word for name in names for word in words_of(name)} & RETIRED == set()


def test_no_table_or_column_bears_a_retired_word():
    names = {name for table in TABLES.values() for name in (table.name, *(column.name for column in table.columns))}
    assert {name for name in names - ALLOWED if words_of(name) & RETIRED} == set()


def test_no_dag_or_task_bears_a_retired_word():
    names = set()
    for path in [*(ROOT / "dags").glob("*.py"), *(ROOT / "plugins").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                decorators = " ".join(ast.dump(decorator) for decorator in node.decorator_list)
                names |= {node.name} if re.search("task|dag", decorators) else set()
            if isinstance(node, ast.keyword) and node.arg == "task_id" and isinstance(node.value, ast.Constant):
                names.add(node.value.value)
    assert len(names) > 20
    assert {name for name in names if words_of(name) & RETIRED} == set()


def test_titles_of_pages_are_terms():
    titles = {
        re.sub(r"\s*\{\{.*?\}\}", "", title).strip()
        for path in LIBRARY.rglob("*.html")
        for title in re.findall(r"{% block title %}(.*?){% endblock %}", path.read_text())
    } - {""}
    assert len(titles) > 8
    strangers = {title for title in titles if singular(title.lower()) not in TERMS} - PLAIN_TITLES
    assert strangers == set()
