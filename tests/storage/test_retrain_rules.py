"""A retrain rule is one file and one line, as docs/adding-a-rule.md says."""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from sentiment_lib.policy import Policy, RetrainPolicy
from sentiment_lib.settings import Settings
from sentiment_lib.steps.training import request_retrain
from sentiment_lib.steps.training.rules import catalog
from sentiment_lib.steps.training.rules.base import RetrainRule

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 6, 1, tzinfo=UTC)


@dataclass(frozen=True)
class EveryMonday:
    """A rule of this test: one retrain on Mondays."""

    name: str = "monday"

    def reason(self, connection, policy, at):
        return f"{at:%Y-%m-%d} is a Monday" if at.weekday() == 0 else None


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path, policy=Policy(retrain=RetrainPolicy(new_labels=3, cool_down=timedelta(hours=1))))


@pytest.fixture
def with_rule(monkeypatch):
    rule: RetrainRule = EveryMonday()
    monkeypatch.setattr(catalog, "RULES", (*catalog.RULES, rule))


def test_a_listed_rule_requests_a_retrain_with_its_name_and_reason(store, settings, with_rule):
    request = request_retrain.request_by_rules(store, settings, at=NOW)
    assert (request.rule, request.reason) == ("monday", "2026-06-01 is a Monday")
    assert request_retrain.request_by_rules(store, settings, at=NOW) == request
    assert request_retrain.claim_requests(store, settings, run_id="retrain/1") == [request]


def test_a_rule_without_a_reason_requests_nothing(store, settings, with_rule):
    assert request_retrain.request_by_rules(store, settings, at=NOW + timedelta(days=1)) is None


def test_the_cool_down_binds_every_rule(store, settings, with_rule):
    with store.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO snapshots (content_hash, split_at, train_rows, holdout_rows, uri, policy, created_at) "
                "VALUES ('h', now(), 1, 1, 'u', '{}', :at)"
            ),
            {"at": NOW - timedelta(minutes=30)},
        )
    assert request_retrain.request_by_rules(store, settings, at=NOW) is None


def test_names_of_rules_are_unique():
    names = [rule.name for rule in catalog.RULES]
    assert len(names) == len(set(names))


def test_the_example_of_the_document_is_a_rule_that_runs(store, settings, monkeypatch, tmp_path):
    page = (ROOT / "docs/adding-a-rule.md").read_text()
    source = re.search(r"```python\n(# sentiment_lib/steps/training/rules/.*?)```", page, re.DOTALL).group(1)
    (tmp_path / "stale_champion.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    rule = importlib.import_module("stale_champion").StaleChampion(days=30)
    monkeypatch.setattr(catalog, "RULES", (rule,))
    assert request_retrain.request_by_rules(store, settings, at=NOW) is None
    with store.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO snapshots (content_hash, split_at, train_rows, holdout_rows, uri, policy, created_at) "
                "VALUES ('h', now(), 1, 1, 'u', '{}', :at)"
            ),
            {"at": NOW - timedelta(days=31)},
        )
        connection.execute(text("INSERT INTO ingests (source) VALUES ('test')"))
        connection.execute(
            text("INSERT INTO tweets (tweet_id, text, created_at, ingest_id) VALUES (1, 'late', now(), 1)")
        )
        connection.execute(
            text(
                "INSERT INTO labels (tweet_id, label, source, labelled_by, labelled_at) "
                "VALUES (1, 'negative', 'person', 'anna', now())"
            )
        )
    request = request_retrain.request_by_rules(store, settings, at=NOW)
    assert (request.rule, request.reason) == ("stale", "the last snapshot is 31 days old")
