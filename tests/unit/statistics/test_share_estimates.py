"""Shares of groups: corrected by labels, with intervals that cover, and honest about too few of them."""

from __future__ import annotations

import numpy as np
import pytest

from sentiment_lib.errors import BadInput
from sentiment_lib.statistics.share_estimates import MIN_LABELS, GroupCounts, estimate_shares

TRUE = np.array([[0.2, 0.3, 0.5], [0.6, 0.7, 0.4], [0.5, 0.9, 0.6], [0.4, 0.4, 0.4]])


def counts(rng, *, rows=400, miss=0.3, alarm=0.1, share=0.05):
    """Tweets of 4 x 3 cells, a model that misses and raises false alarms, and an audit sample; with the true shares."""
    sums = np.zeros((8, *TRUE.shape))
    true = np.zeros(TRUE.shape)
    for cell in np.ndindex(TRUE.shape):
        member = rng.random(rows) < TRUE[cell]
        predicted = np.where(member, rng.random(rows) >= miss, rng.random(rows) < alarm)
        labelled = rng.random(rows) < share
        error, weight = member.astype(float) - predicted, labelled / share
        sums[(slice(None), *cell)] = [
            rows, predicted.sum(), labelled.sum(), weight.sum(), (weight**2).sum(), weight @ error, weight @ error**2,
            rows,
        ]  # fmt: skip
        true[cell] = member.mean()
    return GroupCounts(**dict(zip(GroupCounts.__dataclass_fields__, sums, strict=True))), true


def test_intervals_cover_the_true_shares_where_the_predicted_ones_are_far_off():
    rng, covered, raw = np.random.default_rng(1), [], []
    for _ in range(60):
        observed, true = counts(rng)
        truths = [true, true.mean(1), true.mean(0), np.array([true.mean()])]
        for estimated, truth in zip(estimate_shares(observed), truths, strict=True):
            covered.append(((estimated.low <= truth) & (truth <= estimated.high)).mean())
        raw.append(abs(observed.predicted.sum() / observed.rows.sum() - true.mean()))
    assert np.mean(covered) >= 0.93
    assert np.mean(raw) > 0.08, "the model alone is wrong by this much"


def test_more_labels_give_narrower_intervals():
    rng = np.random.default_rng(2)
    few, many = (estimate_shares(counts(rng, share=share)[0])[3] for share in (0.02, 0.5))
    assert (many.high - many.low)[0] < 0.5 * (few.high - few.low)[0]


def test_copies_widen_the_intervals_of_groups():
    observed, _ = counts(np.random.default_rng(2))
    copied = GroupCounts(**{**vars(observed), "squared_copies": 20 * observed.rows})
    plain, wide = estimate_shares(observed), estimate_shares(copied)
    assert ((wide[0].high - wide[0].low) > (plain[0].high - plain[0].low)).all()
    assert plain[0].share == pytest.approx(wide[0].share)


def test_a_group_without_labels_has_the_common_correction_and_the_widest_interval():
    observed, _ = counts(np.random.default_rng(3))
    none = np.array([[1], [1], [1], [0]])
    names = ("labels", "weights", "squared_weights", "errors", "squared_errors")
    without = GroupCounts(**{**vars(observed), **{name: getattr(observed, name) * none for name in names}})
    by_group = estimate_shares(without)[1]
    assert np.argmax(by_group.high - by_group.low) == 3
    assert by_group.share[3] > observed.predicted[3].sum() / observed.rows[3].sum() + 0.05


def test_with_too_few_labels_the_predicted_shares_stand_alone():
    observed, _ = counts(np.random.default_rng(4))
    few = GroupCounts(**{**vars(observed), "labels": np.full(TRUE.shape, (MIN_LABELS - 1) / TRUE.size)})
    cells, _, _, total = estimate_shares(few)
    assert cells.low is None
    assert total.high is None
    assert total.share == pytest.approx([observed.predicted.sum() / observed.rows.sum()])


def test_empty_cells_are_not_numbers_and_flat_counts_are_refused():
    observed, _ = counts(np.random.default_rng(5))
    hole = np.ones(TRUE.shape)
    hole[0, 0] = 0
    holed = GroupCounts(**{name: value * hole for name, value in vars(observed).items()})
    assert np.isnan(estimate_shares(holed)[0].share[0, 0])
    with pytest.raises(BadInput):
        estimate_shares(observed.over(0))
