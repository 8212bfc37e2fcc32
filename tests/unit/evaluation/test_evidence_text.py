import numpy as np
import pytest

from sentiment_lib.evaluation import evidence_text
from sentiment_lib.evaluation.comparison import compare
from sentiment_lib.policy import GatePolicy

POLICY = GatePolicy(bootstrap_rounds=500)


@pytest.fixture
def compared(dice):
    labels, champion, candidate = dice(400, 0.6, 0.75)
    masks = {"airline <b>|x": np.arange(400) < 200}
    return compare(labels, champion, candidate, slices=masks, policy=POLICY)


def test_the_sentences_say_the_gain_what_changes_and_what_more_labels_would_decide(compared):
    main = compared.main
    assert evidence_text.summary(compared).startswith(f"negative F1 {100 * main.difference:+.1f} points (")
    assert f"at significance level {main.level:.2g}" in evidence_text.summary(compared)
    waiting = evidence_text.effect_of_promotion(compared)
    assert "+1 points" in waiting
    assert f"{compared.mcnemar['only_candidate_right']} of these rows become right" in waiting


def test_reasons_name_their_metrics_as_people_do_and_slices_keep_their_names():
    assert evidence_text.humanise_metrics("not worse: macro_f1") == "not worse: macro F1"
    assert (
        evidence_text.humanise_metrics("negative_recall +1.0, from +0.1 to +2.0")
        == "negative recall +1.0, from +0.1 to +2.0"
    )
    assert evidence_text.humanise_metrics("slice: airline my_macro_f1_line") == "slice: airline my_macro_f1_line"


def test_a_rule_that_could_not_be_judged_is_no_pass():
    assert evidence_text.verdict_name("pass", "3 rows, 1 negative: too few to judge") == "not enough data"
    assert evidence_text.verdict_name("pass", "-1.0: too few rows to rule out a loss") == "not enough data"
    assert evidence_text.verdict_name("pass", "+1.0 (+0.2 to +1.8)") == "pass"
    assert evidence_text.verdict_name("hold", "too few") == "hold"
