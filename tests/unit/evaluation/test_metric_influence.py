import pytest

from sentiment_lib.evaluation.metric_influence import metric_gradient, row_gains
from sentiment_lib.statistics.metrics import COUNT_METRICS, compute_metric, confusion_matrix


@pytest.mark.parametrize("name", COUNT_METRICS)
def test_the_gains_of_rows_add_up_to_the_difference_of_the_metric_for_models_that_are_close(dice, name):
    labels, champion, candidate = dice(4000, 0.70, 0.71)
    old, new = champion.argmax(axis=1), candidate.argmax(axis=1)
    gradient = metric_gradient(confusion_matrix(labels, old), name)
    true = float(
        compute_metric(confusion_matrix(labels, new), name) - compute_metric(confusion_matrix(labels, old), name)
    )
    assert row_gains(labels, old, new, gradient).mean() == pytest.approx(true, abs=0.0015)
