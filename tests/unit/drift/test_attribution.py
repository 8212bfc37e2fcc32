"""Each kind of shift is attributed to its cause; few labels cannot tell the causes apart."""

from __future__ import annotations

import numpy as np
import pytest

from sentiment_lib.drift.attribution import PARTS, LabelledRows, attribute_change, sentence


def draw(random, rows, *, sharp=3.0, prior=None, flipped=0.0):
    """Labels and calibrated probabilities; `prior`: class shares after a label shift, `flipped`: positives whose
    meaning turned negative."""
    logits = random.normal((0.8, 0.0, -0.5), sharp, (20 * rows, 3))
    proba = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (proba.cumsum(axis=1) > random.random((len(proba), 1))).argmax(axis=1)
    chosen = np.arange(rows)
    if prior is not None:
        weights = (np.asarray(prior) / np.bincount(labels, minlength=3))[labels]
        chosen = random.choice(len(labels), rows, p=weights / weights.sum())
    labels, proba = labels[chosen], proba[chosen]
    return np.where((labels == 2) & (random.random(rows) < flipped), 0, labels), proba


def attribution(labels, **shift):
    random = np.random.default_rng(3)
    before, before_proba = draw(random, labels)
    now, now_proba = draw(random, max(labels, 1500), **shift)
    everyone = np.full(labels, 0.5)
    return attribute_change(
        LabelledRows(labels=before, proba=before_proba, inclusion=everyone),
        LabelledRows(labels=now[:labels], proba=now_proba[:labels], inclusion=everyone),
        now_proba,
        rounds=100,
    )


@pytest.mark.parametrize(
    ("cause", "shift"),
    [("prior", {"prior": (0.9, 0.07, 0.03)}), ("covariate", {"sharp": 1.0}), ("concept", {"flipped": 0.7})],
)
def test_the_cause_of_a_loss_is_the_part_whose_interval_excludes_zero(cause, shift):
    found = attribution(1200, **shift)
    part = getattr(found, cause)
    assert part.high < 0
    assert found.told_apart
    assert part.value == min(getattr(found, name).value for name in PARTS)
    assert part.value < 0.6 * found.total.value
    assert sum(getattr(found, name).value for name in PARTS) == pytest.approx(found.total.value)


def test_with_few_labels_or_without_a_change_nothing_is_attributed():
    for found in (attribution(60, sharp=2.5), attribution(600)):
        assert not found.told_apart
        assert sentence(found.as_dict()) == f"Why quality changed cannot be told apart with {found.labels} labels"
