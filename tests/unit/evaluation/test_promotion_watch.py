import numpy as np

from sentiment_lib.evaluation.promotion_watch import monitor_promotion
from sentiment_lib.evaluation.sample_size import labels_to_rollback
from sentiment_lib.policy import PromotionWatchPolicy
from sentiment_lib.statistics.metrics import confusion_matrix

POLICY = PromotionWatchPolicy()


def test_a_worse_champion_is_found_and_an_equal_one_is_let_be(dice):
    worse = equal = 0
    for number in range(40):
        labels, good, same, bad = dice(2000, 0.8, 0.8, 0.7, seed=[3, number])
        old, copy, new = (model.argmax(axis=1) for model in (good, same, bad))
        reference = confusion_matrix(labels, old)
        worse += monitor_promotion(labels, old, new, reference=reference, policy=POLICY).verdict == "worse"
        equal += monitor_promotion(labels, old, copy, reference=reference, policy=POLICY).verdict == "worse"
    assert worse == 40
    assert equal <= 5


def test_a_watch_waits_for_its_fewest_labels_and_settles_at_the_end(dice):
    labels, good, bad = dice(2000, 1.0, 0.0)
    old, new = good.argmax(axis=1), bad.argmax(axis=1)
    reference = confusion_matrix(*[dice(500, 0.8, seed=1)[0]] * 2) + 20

    def verdict(rows, other=new):
        return monitor_promotion(labels[:rows], old[:rows], other[:rows], reference=reference, policy=POLICY)

    assert verdict(0).verdict == "watching"
    assert verdict(POLICY.minimum_labels - 1).verdict == "watching"
    assert verdict(POLICY.minimum_labels).verdict == "worse"
    assert verdict(2000, other=old).verdict == "settled"
    assert verdict(2000).crossed_after == POLICY.minimum_labels


def test_a_watch_undoes_unequal_chances_of_being_drawn(dice):
    labels, good, bad = dice(60_000, 0.8, 0.8)
    old, new = good.argmax(axis=1), bad.argmax(axis=1)
    # rows on which the new champion is wrong are drawn ten times as often
    chance = np.where(new != labels, 0.5, 0.05)
    drawn = np.random.default_rng(2).random(60_000) < chance
    rows = np.flatnonzero(drawn)[:1500]
    reference = confusion_matrix(labels, old)
    given = {"reference": reference, "policy": POLICY}
    assert monitor_promotion(labels[rows], old[rows], new[rows], **given).verdict == "worse"
    fair_verdict = monitor_promotion(labels[rows], old[rows], new[rows], inclusion=list(chance[rows]), **given)
    assert fair_verdict.verdict == "watching"
    assert abs(fair_verdict.loss) < 0.04


def test_the_stated_number_of_labels_rolls_back_about_four_of_five_such_losses():
    # 6 % of the answers become right, 9 % wrong
    deviation, loss, found = (0.15 - 0.03**2) ** 0.5, 0.03, 0
    labels = labels_to_rollback(loss, deviation, error_budget=POLICY.error_budget)
    assert labels_to_rollback(0.0, deviation, error_budget=POLICY.error_budget) is None
    for number in range(60):
        rng = np.random.default_rng([17, number])
        truth, draw = np.zeros(labels, dtype=int), rng.random(labels)
        old = np.where(draw < 0.06, 1, 0)
        new = np.where((draw >= 0.06) & (draw < 0.15), 1, 0)
        reference = np.diag([80, 80, 80]) + 10
        seen = monitor_promotion(truth, old, new, reference=reference, policy=POLICY, metric="accuracy")
        found += seen.verdict == "worse"
    assert 36 <= found <= 58, (found, labels)
