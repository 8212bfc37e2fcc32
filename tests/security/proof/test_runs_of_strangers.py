"""Airflow's roles say who may trigger a run, and not who may move the champion: the policy's approvers do."""

from __future__ import annotations

from functools import partial

import pytest

from sentiment_lib.errors import BadInput
from sentiment_lib.registry.mlflow_registry import Registry
from sentiment_lib.steps.deployment import force_promotion, promote, rollback_by_run, run_author
from sentiment_lib.steps.deployment.run_author import RunAuthor
from sentiment_lib.steps.operations import verify
from sentiment_lib.storage import alerts, ledger, signed_moves


@pytest.fixture
def promoted(store, settings, decided, say):
    say(decided.question)
    promote.run(store, settings, decision_id=decided.decision.decision_id)
    return decided


@pytest.mark.parametrize("name", ["rollback", "force_promotion"])
@pytest.mark.parametrize(
    ("triggered_by", "others", "problem"),
    [
        ("operator", (), "only approvers may do this"),
        (None, (), "only approvers may do this"),
        ("admin", ("operator",), "operator cleared this run of admin"),
        ("admin", ("unknown",), "unknown cleared this run of admin"),
    ],
)
def test_a_run_of_who_is_no_approver_or_that_another_cleared_moves_nothing_and_is_loud(
    store, settings, promoted, name, triggered_by, others, problem
):
    step, command = {
        "rollback": (partial(rollback_by_run.run, to_version=1), "rollback 1"),
        "force_promotion": (partial(force_promotion.run, decision_id=1), "promote 1 --force"),
    }[name]
    author = RunAuthor(run_id=f"{name}/manual", triggered_by=triggered_by, others=frozenset(others))
    for _ in range(2):  # tried again, it is recorded once
        with pytest.raises(BadInput, match=problem):
            step(store, settings, reason="because I say so", author=author)
    assert Registry(settings).alias("champion") == promoted.version.version
    with store.begin() as connection:
        (alert,) = [one for one in alerts.list_alerts(connection) if one.kind == run_author.ALERT]
        (refusal,) = ledger.entries(connection, (run_author.REFUSAL,))
        assert "command" not in {entry.kind for entry in ledger.entries(connection)}
    assert (alert.severity, problem in alert.body, command in alert.title) == ("critical", True, True)
    said = {name: refusal.facts()[name] for name in ("command", "person", "run")}
    assert said == {"command": command, "person": triggered_by, "run": author.run_id}
    assert verify.run(store, settings, artefacts=False).problems == ()


def test_an_approver_s_run_rolls_back_though_its_parameters_name_somebody_else(store, settings, promoted):
    author = RunAuthor(run_id="rollback/manual", triggered_by="admin")
    back = rollback_by_run.run(store, settings, to_version=1, reason="it does harm, says bob", author=author)
    assert (back.kind, Registry(settings).alias("champion")) == ("rollback", 1)
    with store.begin() as connection:
        assert signed_moves.by_id(connection, back.deployment_id).moved_by == "admin"


def test_who_is_no_approver_any_more_rolls_nothing_back(store, settings, promoted, changed):
    author = RunAuthor(run_id="rollback/manual", triggered_by="admin")
    later = changed(approval={"approvers": ("mlops", "somebody_else")})
    with pytest.raises(BadInput, match="only approvers"):
        rollback_by_run.run(store, later, to_version=1, reason="it does harm", author=author)
