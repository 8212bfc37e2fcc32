"""Airflow's FAB auth manager: who may answer, roles and accounts from configuration, OpenID Connect."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from sentiment_lib.errors import BadSetting

ROOT = Path(__file__).parents[2]
READER = {("can_read", "DAGs"), ("can_read", "HITL Detail")}


@pytest.fixture(scope="module")
def manager():
    from sentiment_airflow.fab_auth_manager import SentimentFabAuthManager

    return SentimentFabAuthManager.__new__(SentimentFabAuthManager)


def user(name="bob", perms=frozenset()):
    """A user of FAB: the id is the number of its row."""
    return SimpleNamespace(id=2, username=name, perms=set(perms), get_id=lambda: 2, get_name=lambda: name)


def test_an_approver_is_identified_by_name_not_by_row_number(manager):
    assert manager.is_authorized_hitl_task(assigned_users={"bob"}, user=user())
    assert not manager.is_authorized_hitl_task(assigned_users={"admin", "2"}, user=user())


def may(manager, person, method, entity=None):
    from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails

    entity = entity and DagAccessEntity[entity]
    return manager.is_authorized_dag(method=method, access_entity=entity, details=DagDetails(id="retrain"), user=person)


def test_who_may_answer_need_not_be_able_to_pause_the_dag(manager):
    from sentiment_airflow.fab_auth_manager import ANSWER

    approver, viewer = user(perms=READER | {ANSWER}), user(perms=READER)
    assert may(manager, approver, "PUT", "HITL_DETAIL")
    assert not may(manager, viewer, "PUT", "HITL_DETAIL")
    assert not may(manager, user(perms={ANSWER}), "PUT", "HITL_DETAIL"), "an approver must see the DAG"
    for method, entity in (("PUT", None), ("POST", "RUN"), ("PUT", "TASK_INSTANCE"), ("POST", "XCOM")):
        assert not may(manager, approver, method, entity), (method, entity)


def test_only_the_approver_answers_and_nobody_writes_xcom():
    from sentiment_airflow import fab_accounts
    from sentiment_airflow.fab_auth_manager import ANSWER

    roles = fab_accounts.read_roles(ROOT / "docker/airflow/roles.json")
    assert roles["Approver"] == ("Viewer", {ANSWER})
    assert [name for name, (_, granted) in roles.items() if ANSWER in granted] == ["Approver"]
    assert not any(resource == "XComs" for _, granted in roles.values() for _, resource in granted)
    assert roles[fab_accounts.PLATFORM_ROLE][0] is None, "the platform's account has what it needs, no more"


def test_accounts_are_named_with_role_and_password():
    from sentiment_airflow.fab_accounts import Account, read_accounts

    environment = {
        "AIRFLOW_USERS": "mlops:Approver, anne-marie:Viewer",
        "MLOPS_PASSWORD": "a",
        "ANNE_MARIE_PASSWORD": "b",
    }
    assert read_accounts(environment) == [Account("mlops", "Approver", "a"), Account("anne-marie", "Viewer", "b")]
    with pytest.raises(BadSetting, match="ANNE_MARIE_PASSWORD"):
        read_accounts({**environment, "ANNE_MARIE_PASSWORD": ""})
    with pytest.raises(BadSetting, match="'mlops' is not NAME:ROLE"):
        read_accounts({"AIRFLOW_USERS": "mlops", "MLOPS_PASSWORD": "a"})


def test_an_approver_without_an_account_is_an_error():
    from sentiment_airflow.fab_accounts import check_approvers

    check_approvers(("admin", "bob"), ["bob", "admin", "carol"])
    with pytest.raises(BadSetting, match="no account that may answer a request for bob"):
        check_approvers(("admin", "bob"), ["admin"])


def test_groups_of_the_identity_provider_become_roles():
    from sentiment_airflow import fab_oidc

    assert fab_oidc.role_mapping("a:Approver, a:Operator,/team/b:Viewer") == {
        "a": ["Approver", "Operator"],
        "/team/b": ["Viewer"],
    }
    with pytest.raises(BadSetting, match="'Approver' is not GROUP:ROLE"):
        fab_oidc.role_mapping("Approver")


@pytest.mark.parametrize("name", ["sentiment", "Admin", "", None])
def test_nobody_signs_in_under_the_name_of_a_local_account(name):
    from sentiment_airflow import fab_oidc

    local = fab_oidc.local_accounts({"AIRFLOW_USERS": "admin:Admin,sentiment:Platform"})
    assert fab_oidc.accepted({"preferred_username": name, "email": "x@y"}, local)["username"] == ""
    assert fab_oidc.accepted({"preferred_username": "bob"}, local)["username"] == "bob"
