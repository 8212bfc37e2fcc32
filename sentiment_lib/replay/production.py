"""Retraining policies in the words of the platform's own policy, and back."""

from __future__ import annotations

from typing import Any

from sentiment_lib.errors import BadInput
from sentiment_lib.policy import Policy
from sentiment_lib.replay.policy_file import RetrainingPolicy
from sentiment_lib.replay.rules.combined import AnyRule
from sentiment_lib.replay.rules.cost import Opportunity
from sentiment_lib.replay.rules.drift import Drift
from sentiment_lib.replay.rules.fixed import Always, Never, NewLabels
from sentiment_lib.replay.rules.quality import Decline

#: Values with which a rule never requests a retrain: more labels or errors than there will be, a loss of all accuracy.
MOST_LABELS, MOST_ERRORS, WHOLE = 10**9, 1e9, 0.99
#: section -> rule -> value.
Settings = dict[str, dict[str, Any]]


def configured(policy: Policy) -> RetrainingPolicy:
    """The platform's policy as one of a replay, in which a block is as long as the calendar's day.

    The calendar, and the rule of new labels, ask when new judging labels are a share of the last holdout, which is the
    same share of that part of all labels.
    """
    retrain = policy.retrain
    growth = round(retrain.new_judged_share * policy.snapshot.holdout_share, 6)
    rules: list[AnyRule] = []
    if retrain.calendar:
        rules.append(NewLabels(kind="labels", count=max(retrain.minimum_new_labels, 1), growth=growth))
    elif retrain.new_labels < MOST_LABELS:
        rules.append(NewLabels(kind="labels", count=retrain.new_labels, growth=growth))
    if retrain.price_errors < MOST_ERRORS:
        rules.append(Opportunity(kind="opportunity", gain_per_doubling=retrain.gain_per_doubling))
    if policy.drift.retrain_on != "never":
        rules.append(Drift(kind="drift", retrain_on=policy.drift.retrain_on))
    if retrain.quality_drop < WHOLE:
        rules.append(Decline(kind="decline", drop=retrain.quality_drop, run_length=retrain.quality_run_length))
    return RetrainingPolicy(
        name="configured",
        title="As configured",
        source="The rules of this installation.",
        rules=tuple(rules) or (Never(kind="never"),),
    )


def settings_of(policy: RetrainingPolicy, *, price: float, of: Policy) -> Settings:
    """Values of all rules that request a retrain, with which the platform retrains as this policy does.

    of: the platform's policy, for the share of the holdout and what the other values leave open.
    price: wrong predictions that a training is worth. Raises BadInput for a rule that the platform does not have.
    """
    found: Settings = {
        "retrain": {
            "calendar": False,
            "new_labels": MOST_LABELS,
            "new_judged_share": of.retrain.new_judged_share,
            "price_errors": MOST_ERRORS,
            "gain_per_doubling": of.retrain.gain_per_doubling,
            "quality_drop": WHOLE,
            "quality_run_length": of.retrain.quality_run_length,
        },
        "drift": {"retrain_on": "never"},
    }
    for rule in policy.rules:
        if isinstance(rule, Always):
            found["retrain"] |= {"calendar": True, "new_judged_share": 0.0, "new_labels": of.retrain.new_labels}
        elif isinstance(rule, NewLabels):
            share = min(rule.growth / of.snapshot.holdout_share, 1.0)
            found["retrain"] |= {"new_judged_share": round(share, 6)}
            # beside a calendar for any label, how many labels ask before its day is over is left open
            daily = {"calendar": True, "new_labels": of.retrain.new_labels}
            found["retrain"] |= daily if rule.count == 1 else {"new_labels": rule.count}
        elif isinstance(rule, Opportunity):
            found["retrain"] |= {"price_errors": price, "gain_per_doubling": rule.gain_per_doubling}
        elif isinstance(rule, Drift):
            found["drift"] = {"retrain_on": rule.retrain_on}
        elif isinstance(rule, Decline):
            found["retrain"] |= {"quality_drop": rule.drop, "quality_run_length": rule.run_length}
        elif not isinstance(rule, Never):
            raise BadInput(what=f"policy {policy.name}", problem=f"the platform has no rule {rule.kind}")
    return found


def is_in_production(policy: RetrainingPolicy) -> bool:
    """Whether the platform has all its rules."""
    try:
        settings_of(policy, price=1.0, of=Policy())
    except BadInput:
        return False
    return True
