"""The rules that the stack was started with act, and not those in the environment of a command."""

from __future__ import annotations

import pytest
import typer
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from typer.testing import CliRunner

from sentiment_lib.cli import people
from sentiment_lib.cli.models import decisions as commands
from sentiment_lib.cli.models import deployment
from sentiment_lib.errors import BadSetting
from sentiment_lib.policy import ApprovalPolicy, GatePolicy, LabelPolicy
from sentiment_lib.steps.operations import sign_in
from sentiment_lib.storage import decisions, grants, ledger, migrate, model_versions, stack_policy
from sentiment_lib.storage.engine import Store
from tests.conftest import as_role

ME = '["me"]'


@pytest.fixture
def started(store, settings, database_url, monkeypatch):
    """A command line on a stack that was started with the policy of `settings`; `started(*words, **environment)`."""
    migrate.upgrade(database_url, settings=settings)
    app = typer.Typer()
    commands.register(app)
    deployment.register(app)
    people.register(app)
    monkeypatch.setenv("SENTIMENT_HOME", str(settings.home))
    monkeypatch.setenv("SENTIMENT_DATABASE_URL", as_role(database_url, grants.APP))
    monkeypatch.setenv("SENTIMENT_MLFLOW_URI", settings.mlflow_uri)

    def run(*words, by, **environment):
        token, _ = sign_in.add_person(store, settings, name=by, lifetime=settings.policy.retrain.cool_down, issuer=None)
        with monkeypatch.context() as context:
            context.setenv("SENTIMENT_TOKEN", token)
            for name, value in environment.items():
                context.setenv(f"SENTIMENT_{name}", value)
            return CliRunner().invoke(app, list(words))

    return run


@pytest.mark.parametrize(
    ("words", "environment"),
    [
        (("approve", "1"), {"POLICY__APPROVAL__APPROVERS": ME}),
        (("approve", "1"), {"POLICY__APPROVAL": f'{{"approvers": {ME}}}'}),
        (("promote", "1", "--force", "--reason", "it is mine"), {"POLICY__APPROVAL__APPROVERS": ME}),
        (("rollback", "1", "--reason", "it is mine"), {"POLICY__APPROVAL__APPROVERS": ME}),
        (("evaluate", "--snapshot", "1", "--candidate", "2"), {"POLICY__GATE__NON_INFERIORITY": "0.5"}),
    ],
)
def test_a_command_whose_environment_says_other_rules_is_refused(started, store, decided, words, environment):
    refused = started(*words, by="me", **environment)
    assert isinstance(refused.exception, BadSetting), refused.output
    assert next(iter(environment)).split("__")[1] in str(refused.exception)
    with store.begin() as connection:
        assert decisions.approval(connection, 1) is None
        assert model_versions.champion(connection).version == 1


def test_a_command_without_such_settings_goes_by_the_rules_of_the_stack(started, store, decided):
    assert started("approve", "1", by="mlops").exit_code == 0
    assert "only approvers" in str(started("rollback", "1", "--reason", "it is mine", by="me").exception)
    assert started("promote", "1", by="me").exit_code == 0
    with store.begin() as connection:
        assert model_versions.champion(connection).version == 2


@pytest.mark.parametrize(
    ("words", "environment"),
    [
        (("login", "--user", "mlops", "--password-stdin"), {"AIRFLOW_URL": "http://127.0.0.1:9"}),
        (("people", "add", "mlops"), {"AIRFLOW_USER": ""}),
    ],
)
def test_a_command_that_would_ask_another_airflow_who_somebody_is_is_refused(
    started, store, settings, database_url, monkeypatch, words, environment
):
    """In containers there is no settings file that the environment could be compared with."""
    monkeypatch.setenv("SENTIMENT_AIRFLOW_USER", "sentiment")
    migrate.upgrade(database_url, settings=settings.model_copy(update={"airflow_user": "sentiment"}))
    refused = started(*words, by="mlops", **environment)
    assert isinstance(refused.exception, BadSetting), refused.output
    assert next(iter(environment)) in str(refused.exception)


def test_steps_act_by_the_recorded_sections_alone(store, settings, changed, database_url):
    migrate.upgrade(database_url, settings=settings)
    mine = changed(
        approval={"approvers": ("me",), "out_of_band": "adopt"},
        gate={"non_inferiority": 0.5},
        label={"auditors": ("me",)},
        retrain={"new_labels": 7},
    )
    found = stack_policy.in_force(store, mine).policy
    for section in stack_policy.GUARDED:
        assert getattr(found, section) == getattr(settings.policy, section)
    assert found.retrain.new_labels == 7
    with pytest.raises(BadSetting, match="SENTIMENT_POLICY__LABEL__AUDITORS"):
        stack_policy.require_same(store, settings.policy.model_copy(update={"label": LabelPolicy(auditors=("me",))}))


def test_a_later_start_with_other_rules_replaces_them(store, settings, changed, database_url):
    later = changed(approval={"approvers": ("carla", "dan")})
    for started_with in (settings, settings, later, later):
        migrate.upgrade(database_url, settings=started_with)
    with store.begin() as connection:
        assert len(list(ledger.entries(connection, (stack_policy.KIND,)))) == 2
        assert ledger.broken(connection) == []
    assert stack_policy.in_force(store, settings).policy.approval.approvers == ("carla", "dan")


def test_the_role_of_the_steps_cannot_record_a_policy_even_with_the_key(settings, database_url):
    app = Store(as_role(database_url, grants.APP))
    with pytest.raises(ProgrammingError, match="only the owner"), app.begin() as connection:
        stack_policy.record(connection, settings)
    app.close()


def test_a_policy_without_a_signature_counts_for_nothing(store, settings, changed, database_url):
    with store.begin() as connection:
        connection.execute(
            text("INSERT INTO ledger VALUES (1, 'policy', :payload, repeat('0', 64), 'forged', now(), NULL)"),
            {"payload": '{"approval":{"approvers":["me"]}}'},
        )
    assert stack_policy.in_force(store, settings) == settings


def test_a_database_without_tables_records_no_policy(empty_database_url, settings):
    store = Store(empty_database_url)
    assert stack_policy.in_force(store, settings) == settings
    store.close()


def test_rules_of_another_release_are_left_out(store, settings):
    facts = {"approval": {**ApprovalPolicy().model_dump(mode="json"), "later": 1}, "gate": {}}
    with store.begin() as connection:
        ledger.append(connection, stack_policy.KIND, facts)
    found = stack_policy.in_force(store, settings).policy
    assert (found.approval, found.gate) == (ApprovalPolicy(), GatePolicy())
