import pytest

from sentiment_lib.drift.severity import QualityLoss, severity
from sentiment_lib.policy import DriftPolicy


@pytest.mark.parametrize(
    ("verdict", "loss", "certain", "expected"),
    [
        ("stable", 0.2, True, (None, False)),
        ("drift", None, False, ("warning", False)),
        ("drift", 0.01, True, ("warning", False)),
        ("drift", 0.2, False, ("warning", False)),
        ("drift", 0.2, True, ("critical", True)),
    ],
)
def test_only_drift_with_a_certain_loss_is_critical_and_asks_for_a_retrain(verdict, loss, certain, expected):
    assert severity(verdict, QualityLoss(loss=loss, certain=certain), DriftPolicy()) == expected


def test_the_policy_may_ask_for_a_retrain_on_any_drift():
    assert severity("drift", QualityLoss(), DriftPolicy(retrain_on="drift")) == ("warning", True)
