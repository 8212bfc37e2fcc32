"""A retraining policy in the words of the platform's settings, and back."""

from __future__ import annotations

import pytest

from sentiment_lib.errors import BadInput
from sentiment_lib.policy import DriftPolicy, Policy, RetrainPolicy
from sentiment_lib.replay import production
from sentiment_lib.replay.policy_file import shipped_policies
from sentiment_lib.storage import policy_proposals

SHIPPED = {policy.name: policy for policy in shipped_policies()}


def adopted(name: str, price: float = 40) -> Policy:
    """The shipped policy of this name, as an installation without settings of its own adopts it."""
    return policy_proposals.adopt(Policy(), production.settings_of(SHIPPED[name], price=price, of=Policy()))


def test_as_shipped_is_what_the_platform_ships():
    assert production.configured(Policy()).rules == SHIPPED["shipped"].rules
    assert production.settings_of(SHIPPED["shipped"], price=25, of=Policy()) == policy_proposals.triggers(Policy())


@pytest.mark.parametrize("name", ["never", "labels-500", "always", "shipped", "drift", "decline", "opportunity"])
def test_the_platform_with_these_settings_has_these_rules(name):
    rules = production.configured(adopted(name)).rules
    kinds = [rule.kind for rule in rules]
    assert kinds == (["labels"] if name == "always" else [rule.kind for rule in SHIPPED[name].rules])
    if name != "always":
        assert rules == SHIPPED[name].rules


def test_every_proposed_rule_is_one_that_requests_retrains():
    for policy in SHIPPED.values():
        if production.is_in_production(policy):
            rules = production.settings_of(policy, price=7, of=Policy())
            policy_proposals.require_triggers(rules)
            assert {name: set(values) for name, values in rules.items()} == {
                name: set(values) for name, values in policy_proposals.TRIGGERS.items()
            }


def test_the_price_is_adopted_and_what_the_settings_name_is_not():
    assert adopted("opportunity").retrain.price_errors == 40
    own = Policy(retrain=RetrainPolicy(price_errors=90), drift=DriftPolicy(minimum_rows=300))
    changed = policy_proposals.adopt(own, production.settings_of(SHIPPED["opportunity"], price=40, of=own))
    assert changed.retrain.price_errors == 90
    assert changed.drift.minimum_rows == 300
    assert changed.drift.retrain_on == "never"


def test_a_rule_that_the_platform_does_not_have_is_named():
    with pytest.raises(BadInput, match="no rule evidently"):
        production.settings_of(SHIPPED["evidently-half"], price=25, of=Policy())
    with pytest.raises(ValueError, match="families does not say when"):
        policy_proposals.require_triggers({"retrain": {"families": ["bert"]}})
    with pytest.raises(ValueError, match="new_labels"):
        policy_proposals.require_triggers({"retrain": {"new_labels": 0}})
