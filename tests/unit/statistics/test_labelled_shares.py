"""Shares where most rows have labels: their bounds, and what labels say against predictions."""

from __future__ import annotations

import numpy as np
import pytest

from sentiment_lib.statistics.labelled_shares import LabelledCounts, cover, disagreement, labelled_shares


def counts(**changed):
    """Two groups on two days: 100 rows each, the last without any."""
    ones = np.array([[1.0, 1.0], [1.0, 0.0]])
    given = {"rows": 100, "predicted": 50, "labelled": 95, "members": 60, "missed": 15, "false": 5, **changed}
    return LabelledCounts(**{name: value * ones for name, value in given.items()})


def test_bounds_hold_for_every_label_of_the_rest():
    cells, by_group, over_time, total = labelled_shares(counts())
    # 60 labelled so, and of the 5 others none is predicted so
    assert cells.share[0, 0] == pytest.approx(0.60)
    assert (cells.low[0, 0], cells.high[0, 0]) == pytest.approx((0.60, 0.65))
    assert np.isnan(cells.share[1, 1])
    assert by_group.share == pytest.approx([0.6, 0.6])
    assert over_time.high == pytest.approx([0.65, 0.65])
    assert (total.low.shape, total.low[0]) == ((1,), pytest.approx(0.6))


def test_labels_stand_for_all_rows_only_where_nearly_all_have_one():
    assert cover(counts())
    assert not cover(counts(labelled=89))
    assert not cover(counts(rows=0, labelled=0))


def test_predictions_differ_when_errors_do_not_cancel_and_the_difference_matters():
    found = disagreement(counts())
    assert (found.rows, found.differs) == (285, True)
    assert (found.labelled, found.predicted) == pytest.approx((60 / 95, 50 / 95))
    assert not disagreement(counts(missed=10, false=10)).differs
    # 3 of 285, and 2 of 1,000 in each group
    assert not disagreement(counts(missed=2, false=1)).differs
    assert not disagreement(counts(labelled=5000, missed=60, false=0)).differs
    assert disagreement(counts(labelled=9)) is None
