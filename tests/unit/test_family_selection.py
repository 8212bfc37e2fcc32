"""Families that a retrain names are families that there are, each once."""

from __future__ import annotations

import pytest

from sentiment_lib.errors import BadInput, UnknownFamily
from sentiment_lib.policy import Policy
from sentiment_lib.settings import Settings
from sentiment_lib.steps.training import family_selection


def settings(**retrain):
    return Settings(policy=Policy.model_validate({"retrain": retrain}))


def test_the_policys_families_are_taken_when_none_are_named():
    assert family_selection.select_families(settings(families=["vader", "bert"])) == ("vader", "bert")
    assert family_selection.select_families(settings(families=["vader"]), ["bert"]) == ("bert",)


@pytest.mark.parametrize("retrain", [{"families": ["bret"]}, {"options": {"bret": {"epochs": 2}}}])
def test_a_misspelt_family_of_the_policy_is_named_with_those_there_are(retrain):
    with pytest.raises(UnknownFamily, match=r"'bret'. Known: bert, .*vader"):
        family_selection.select_families(settings(**retrain))


def test_a_family_that_is_asked_for_twice_is_refused():
    with pytest.raises(BadInput, match="bert is named more than once"):
        family_selection.select_families(settings(), ["bert", "vader", "bert"])


def test_networks_and_stacks_that_hold_one_are_ordered_apart_from_the_others():
    asked = {"snapshot_id": 3, "families": ["tfidf_logreg", "bert", "stack"], "seed": 1}

    def families(known, fine_tuned):
        return [order.family for order in family_selection.plan_trainings(None, known, fine_tuned=fine_tuned, **asked)]

    assert families(settings(), True) == ["bert"]
    assert families(settings(), False) == ["tfidf_logreg", "stack"]
    assert families(settings(options={"stack": {"members": ["bert", "vader"]}}), True) == ["bert", "stack"]
