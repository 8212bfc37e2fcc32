"""Settings and policy: where they come from, what they refuse, and what never shows."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from sentiment_lib.errors import BadSetting
from sentiment_lib.policy import Policy
from sentiment_lib.settings import Settings, load_settings


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """No SENTIMENT_ variable but the home."""
    import os

    for name in [name for name in os.environ if name.startswith("SENTIMENT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SENTIMENT_HOME", str(tmp_path))
    return tmp_path


def test_the_file_of_the_home_is_read_and_the_environment_wins(bare, monkeypatch):
    (bare / "secrets").mkdir()
    (bare / "secrets" / "settings.env").write_text(
        "SENTIMENT_MLFLOW_URI=http://file\nSENTIMENT_X_QUERY=from the file\n"
    )
    monkeypatch.setenv("SENTIMENT_MLFLOW_URI", "http://environment")
    found = load_settings()
    assert (found.mlflow_uri, found.x_query) == ("http://environment", "from the file")
    assert found.landing == bare / "landing"


def test_a_rule_of_the_policy_can_be_set_from_the_environment(bare, monkeypatch):
    monkeypatch.setenv("SENTIMENT_POLICY__RETRAIN__NEW_LABELS", "77")
    assert load_settings().policy.retrain.new_labels == 77


def test_a_misspelt_rule_is_refused(bare, monkeypatch):
    monkeypatch.setenv("SENTIMENT_POLICY__RETRAIN__NEW_LABLES", "77")
    with pytest.raises(BadSetting, match=r"NEW_LABLES.*Did you mean SENTIMENT_POLICY__RETRAIN__NEW_LABELS\?"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("SENTIMENT_MLFLOW_URL", "x", "Did you mean SENTIMENT_MLFLOW_URI?"),
        ("SENTIMENT_POLICY__RETRIAN__NEW_LABELS", "1", "Did you mean SENTIMENT_POLICY__RETRAIN?"),
        ("SENTIMENT_SERVING__MAX_TEXTS", "1", "Did you mean SENTIMENT_SERVING__MAXIMUM_TEXTS?"),
        ("SENTIMENT_POLICY__RETRAIN__NEW_LABELS", "0", "greater than or equal to 1"),
        ("SENTIMENT_POLICY__RETRAIN__DRIFT_CONFIRMED", "3", "drift_confirmed is more than drift_checks"),
        ("SENTIMENT_POLICY__RETRAIN__FAMILIES", "bert", "'bert' is not JSON"),
        ("SENTIMENT_POLICY_GATE__ERROR_BUDGET", "0.02", "Did you mean SENTIMENT_POLICY__GATE__ERROR_BUDGET?"),
        ("SENTIMENT_PORT_ARFLOW", "8081", "Did you mean SENTIMENT_PORT_AIRFLOW?"),
    ],
)
def test_a_bad_setting_is_named_and_the_nearest_known_one_with_it(bare, monkeypatch, name, value, message):
    monkeypatch.setenv(name, value)
    with pytest.raises(BadSetting) as refused:
        load_settings()
    assert name.partition("__")[0] in str(refused.value)
    assert message in str(refused.value)


def test_variables_of_other_programs_with_the_prefix_are_left_alone(bare, monkeypatch):
    for name in ("SENTIMENT_PORT_AIRFLOW", "SENTIMENT_DATABASE_PASSWORD", "SENTIMENT_PASSWORD"):
        monkeypatch.setenv(name, "1")
    load_settings()


@pytest.mark.parametrize(
    ("section", "rule", "value"),
    [("retrain", "new_labels", 0), ("snapshot", "holdout_share", 0.95), ("gate", "error_budget", 1)],
)
def test_a_rule_outside_its_bounds_is_refused(section, rule, value):
    with pytest.raises(ValidationError, match=rule):
        Policy.model_validate({section: {rule: value}})


def test_a_family_that_the_policy_names_twice_is_refused():
    with pytest.raises(ValidationError, match="bert is named more than once"):
        Policy.model_validate({"retrain": {"families": ["bert", "vader", "bert"]}})


def test_settings_and_policy_cannot_be_changed_in_use(bare):
    found = Settings()
    with pytest.raises(ValidationError, match="frozen"):
        found.mlflow_uri = "http://elsewhere"
    with pytest.raises(ValidationError, match="frozen"):
        found.policy.retrain.new_labels = 1


def test_secrets_do_not_show_when_settings_are_printed(bare, monkeypatch):
    for name in ("DATABASE_URL", "AUTHOR_KEY", "X_BEARER_TOKEN", "AIRFLOW_PASSWORD", "ALERT_URLS"):
        monkeypatch.setenv(f"SENTIMENT_{name}", "hush-hush")
    found = load_settings()
    assert "hush-hush" not in repr(found) + str(found) + found.model_dump_json()
    assert found.author_key.get_secret_value() == "hush-hush"
