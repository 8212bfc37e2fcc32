"""A confusion matrix carried to a stream with other class shares."""

import numpy as np
import pytest

from sentiment_lib.errors import BadInput
from sentiment_lib.statistics.label_shift import shift_classes

CONFUSION = np.array([[535, 63, 32], [52, 126, 32], [19, 21, 120]])


def test_class_shares_of_a_stream_are_found_from_predictions_alone():
    live = np.array([0.2, 0.5, 0.3])
    by_class = CONFUSION / CONFUSION.sum(axis=1, keepdims=True)
    shifted = shift_classes(CONFUSION, 50_000 * live @ by_class)
    assert shifted.sum(axis=1) / shifted.sum() == pytest.approx(live, abs=0.005)
    assert shifted / shifted.sum(axis=1, keepdims=True) == pytest.approx(by_class)


def test_few_predictions_move_little_and_none_move_nothing():
    assert shift_classes(CONFUSION, [0, 0, 0]) == pytest.approx(CONFUSION)
    few = shift_classes(CONFUSION, [0, 3, 0])
    assert np.abs(few.sum(axis=1) / few.sum() - CONFUSION.sum(axis=1) / 1000).max() < 0.05


def test_classes_without_labelled_rows_or_predictions_stay_finite():
    lacking = CONFUSION.copy()
    lacking[2] = 0
    assert shift_classes(lacking, [10, 10, 80]).sum(axis=1)[2] == 0
    never = np.array([[60, 0, 40], [50, 0, 50], [10, 0, 90]])
    assert np.isfinite(shift_classes(never, [10, 80, 10])).all()
    assert not shift_classes(np.zeros((3, 3)), [1, 1, 1]).any()


@pytest.mark.parametrize("wrong", [[1, 2], [1, -1, 3]])
def test_other_shapes_and_negative_counts_are_refused(wrong):
    with pytest.raises(BadInput, match="label shift"):
        shift_classes(CONFUSION, wrong)
