"""The catalogue has every place that may hold a tweet: a new table, column or folder must be in an entry."""

from __future__ import annotations

import ast
from datetime import timedelta
from itertools import chain
from pathlib import Path

import pytest
from sqlalchemy import LargeBinary, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from sentiment_lib.erasure import catalogue, privacy_page
from sentiment_lib.local.state_folder import Home
from sentiment_lib.policy import Policy
from sentiment_lib.steps.erasure.erase import FOLLOWING, HANDLERS, QUEUES, REWRITTEN
from sentiment_lib.storage.tables import Base

ROOT = Path(__file__).parents[2]
#: Columns of numbers that are ids of tweets, or tell something of a text.
IDS = ("tweet_id", "reached_id", "after_id", "end_id", "print", "text_key", "other_key")
COLUMNS = [
    (table.name, column.name)
    for table in Base.metadata.tables.values()
    for column in table.columns
    if isinstance(column.type, Text | JSONB | LargeBinary | ARRAY) or column.name in IDS
]


@pytest.mark.parametrize(("table", "column"), COLUMNS)
def test_each_column_that_can_hold_a_word_or_an_id_is_in_one_entry(table, column):
    holders = [place.name for place in catalogue.PLACES if column in place.columns.get(table, ())]
    assert len(holders) == 1, f"{table}.{column} is in {holders or 'no entry'} of sentiment_lib/erasure/tables.py"


def test_the_catalogue_names_no_column_that_there_is_not():
    for place in catalogue.PLACES:
        for table, columns in place.columns.items():
            assert set(columns) <= set(Base.metadata.tables[table].columns.keys()), (place.name, table)


def folders_in_code() -> set[str]:
    """First part below the state folder of each path that the code writes as `….home / "NAME"`."""
    names = set()
    for path in (ROOT / "sentiment_lib").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and isinstance(node.right, ast.Constant):
                left = ast.unparse(node.left)
                if left.endswith((".home", "self.path")) and ("home" in left or path.name == "state_folder.py"):
                    names.add(str(node.right.value).partition("/")[0])
    return names


def test_each_folder_of_the_home_is_in_an_entry():
    names = folders_in_code()
    assert {"landing", "spool", "snapshots", "logs", "mlflow", "idempotency", "checkpoints"} <= names
    missing = sorted(name for name in names if catalogue.place_of_folder(name) is None)
    assert missing == [], "write them into sentiment_lib/erasure/folders.py"
    home = Home(Path("/home"))
    folders = [getattr(home, name) for name in dir(Home) if isinstance(getattr(Home, name), property)]
    assert all(catalogue.place_of_folder(str(folder.relative_to(home.path))) for folder in folders)


def test_an_installation_has_no_folder_outside_the_catalogue(plantation):
    home = plantation.folder / "home"
    assert {path.name for path in home.iterdir() if catalogue.place_of_folder(path.name) is None} == set()


def test_each_entry_says_what_it_holds_and_how_it_is_erased_or_why_it_holds_nothing():
    names = [place.name for place in catalogue.PLACES]
    assert len(names) == len(set(names)) > 30
    for place in catalogue.PLACES:
        assert len(place.how) > 10, place.name
        assert place.columns or place.folders or place.beside, place.name
        if not place.is_harmless:
            assert all((place.purpose, place.kept, place.readers)), place.name


def test_each_rule_that_an_entry_names_is_one_of_the_policy():
    rules = {
        f"{section}.{rule}" for section, field in Policy.model_fields.items() for rule in field.annotation.model_fields
    }
    named = {place.kept for place in catalogue.PLACES if "." in place.kept and " " not in place.kept}
    assert {"retention.quarantine", "retention.landing", "erasure.tweets_kept"} <= named <= rules


def test_each_handler_empties_a_place_of_the_catalogue():
    others = {"comments on alerts"}  # a table of the entry "alerts"
    assert set(HANDLERS) - others <= {place.name for place in catalogue.PLACES if not place.is_harmless}


def test_each_table_that_may_hold_an_id_or_a_text_is_rewritten():
    rewritten = {*REWRITTEN, *QUEUES, *chain.from_iterable(FOLLOWING.values())}
    # their ids and names go last
    rewritten |= {"erasure_requests", "erasure_targets"}
    holding = {table for place in catalogue.PLACES if not place.is_harmless for table in place.columns}
    # hashes, roots of chunks and rules
    assert holding - rewritten == {"snapshots", "snapshot_chunks", "labelled_state"}


def test_the_page_of_personal_data_is_the_one_of_the_default_policy():
    page = (ROOT / "docs/privacy.md").read_text()
    assert page == privacy_page.render(Policy()), "`sentiment privacy > docs/privacy.md`"


def test_an_operator_fills_in_legal_bases_and_sees_the_own_times():
    policy = Policy(
        erasure={"legal_basis": {"tweets": "Art. 6 (1) f GDPR"}, "tweets_kept": timedelta(days=730)},
        retention={"quarantine": timedelta(days=10)},
    )
    page = privacy_page.render(policy)
    assert "| 730 days (`erasure.tweets_kept`) |" in page
    assert "| 10 days (`retention.quarantine`) |" in page
    assert "| Art. 6 (1) f GDPR |" in page
    assert privacy_page.OPEN in page
