"""Every kind of alert that the code opens has a section in the runbook."""

from __future__ import annotations

from pathlib import Path

from sentiment_lib.alerts import api_health
from sentiment_lib.steps.backup import record_restore
from sentiment_lib.steps.deployment import rollback, run_author
from sentiment_lib.steps.erasure import request_erasure
from sentiment_lib.steps.ingestion import check_quality
from sentiment_lib.steps.monitoring import drift_alerts
from sentiment_lib.steps.operations import auto_rollback, catch_up, check_alerts, paused_dags, verify_all
from sentiment_lib.storage.decisions import FORGED_APPROVAL
from sentiment_lib.storage.forged_records import FORGED_RECORD

ROOT = Path(__file__).parents[3]


def test_every_kind_of_alert_has_a_section():
    kinds = {
        *check_alerts.KINDS,
        *api_health.KINDS,
        drift_alerts.ALERT,
        drift_alerts.MONITOR_ALERT,
        check_quality.ALERT,
        "dag_failure",
        "alias_moved",
        "champion_deleted",
        "forced_promotion",
        FORGED_APPROVAL,
        FORGED_RECORD,
        "forged_deployment",
        "unsigned_version",
        auto_rollback.ALERT,
        rollback.ALERT,
        run_author.ALERT,
        catch_up.KIND,
        paused_dags.KIND,
        record_restore.ALERT,
        verify_all.VERIFY,
        request_erasure.LIFTED_BY_HAND,
    }
    sections = {line[3:].strip() for line in (ROOT / "docs/runbook.md").read_text().splitlines() if line[:3] == "## "}
    assert kinds == sections
