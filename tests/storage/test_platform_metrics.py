"""Figures for Prometheus: what is read is what is there, and alert rules name only metrics that exist."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from sentiment_lib.cli import build
from sentiment_lib.serving.metrics import Metrics
from sentiment_lib.steps.operations import platform_metrics
from sentiment_lib.storage import backups, retention
from sentiment_lib.storage.alerts import open_alert
from sentiment_lib.storage.backups import Backup

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus/rules.yaml"
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def values(store, settings):
    return {(one.name, *dict(one.labels).values()): one.value for one in platform_metrics.run(store, settings, at=NOW)}


def test_backups_and_alerts_are_read(store, settings):
    empty = values(store, settings)
    assert empty[("sentiment_alerts_open", "critical")] == 0
    assert ("sentiment_backup_age_seconds",) not in empty, "none was taken: there is no age"
    backup = Backup(name="b", as_of=NOW - timedelta(hours=2), finished_at=NOW, size_bytes=7, manifest_hash="h")
    with store.begin() as connection:
        backups.store(connection, backup)
        backups.record_drill(connection, "b", at=NOW - timedelta(hours=1), took=timedelta(minutes=3), problem="bad")
        open_alert(connection, "verify", "critical", "one", "A title")
    found = values(store, settings)
    assert found[("sentiment_backup_age_seconds",)] == 7200
    assert found[("sentiment_backup_bytes",)] == 7
    assert found[("sentiment_restore_drill_success",)] == 0
    assert found[("sentiment_restore_drill_age_seconds",)] == 3600
    assert found[("sentiment_restore_drill_seconds",)] == 180
    assert found[("sentiment_alerts_open", "critical")] == 1
    assert found[("sentiment_table_bytes", "ledger")] > 0


def test_sizes_of_folders_are_those_that_retention_recorded(store, settings):
    with store.begin() as connection:
        retention.record(connection, {}, {"ledger": 5, "snapshots/": 7})
    found = values(store, settings)
    assert found[("sentiment_folder_bytes", "snapshots")] == 7
    assert ("sentiment_folder_bytes", "ledger") not in found


def test_every_sample_has_a_description_and_the_command_prints_it(store, settings, database_url, monkeypatch):
    assert {one.name for one in platform_metrics.run(store, settings)} <= platform_metrics.HELP.keys()
    monkeypatch.setenv("SENTIMENT_HOME", str(settings.home))
    monkeypatch.setenv("SENTIMENT_DATABASE_URL", database_url)
    printed = CliRunner().invoke(build(), ["metrics"])
    assert printed.exit_code == 0, printed.output
    assert "sentiment_database_up 1.0" in printed.stdout
    assert 'sentiment_overdue_items{stage="score"} 0.0' in printed.stdout
    monkeypatch.setenv("SENTIMENT_DATABASE_URL", "postgresql+psycopg://nobody@127.0.0.1:1/none")
    assert "sentiment_database_up 0.0" in CliRunner().invoke(build(), ["metrics"]).stdout


def exported():
    """Names of every metric, as a scrape has them."""
    served = {family.name + suffix for family in Metrics().registry.collect() for suffix in ("", "_total", "_bucket")}
    return platform_metrics.HELP.keys() | served


def test_alert_rules_name_only_metrics_that_exist():
    rules = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    assert len(rules) > 5
    for rule in rules:
        named = set(re.findall(r"\bsentiment_\w+", rule["expr"]))
        assert named, rule["alert"]
        assert named <= exported(), rule["alert"]


def test_dashboards_show_every_metric_and_name_none_that_does_not_exist():
    shown, uids = set(), set()
    for path in sorted((DEPLOY / "grafana").glob("*.json")):
        dashboard = json.loads(path.read_text())
        uids.add(dashboard["uid"])
        panels = dashboard["panels"]
        assert len({panel["id"] for panel in panels}) == len(panels) > 5, path.name
        for panel in panels:
            assert panel["title"]
            for target in panel["targets"]:
                named = set(re.findall(r"\bsentiment_\w+", target["expr"]))
                assert named, (path.name, panel["title"])
                assert named <= exported(), (path.name, panel["title"])
                shown |= named
    assert len(uids) == 2
    whole = {family.name for family in Metrics().registry.collect()} | platform_metrics.HELP.keys()
    assert {name for name in whole if not any(one.startswith(name) for one in shown)} == set()


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_prometheus_accepts_the_rules():
    done = subprocess.run(["promtool", "check", "rules", str(RULES)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
