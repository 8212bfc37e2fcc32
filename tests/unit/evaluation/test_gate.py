import re
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pytest

from sentiment_lib.evaluation import alpha_spending, judgement_methods
from sentiment_lib.evaluation.aims import Aim, choose
from sentiment_lib.evaluation.checklist import ChecklistResult
from sentiment_lib.evaluation.comparison import Terms, compare
from sentiment_lib.evaluation.cost import Cost
from sentiment_lib.evaluation.data_checks import DataChecks
from sentiment_lib.evaluation.evidence_text import verdict_name
from sentiment_lib.evaluation.gate import decide
from sentiment_lib.hashing import canonical_json, hash_text
from sentiment_lib.policy import GatePolicy
from sentiment_lib.records import Answer

POLICY = GatePolicy(bootstrap_rounds=2000)
NOW = datetime(2026, 5, 1, tzinfo=UTC)


def answered(comparison, **more):
    answer, rules = decide(comparison, POLICY, **more)
    return answer, {rule.rule: rule for rule in rules if rule.verdict != "pass"}


@pytest.fixture
def clear(dice):
    """A candidate that is clearly better, on 300 rows."""
    labels, champion, candidate = dice(300, 0.45, 0.75)
    return compare(labels, champion, candidate, slices={"half": np.arange(300) < 150}, policy=POLICY)


def test_a_clearly_better_candidate_is_promoted_on_300_rows(clear):
    assert answered(clear) == (Answer.PROMOTE, {})


def test_a_champion_against_itself_is_held(dice):
    labels, champion = dice(1000, 0.7)
    answer, failed = answered(compare(labels, champion, champion, policy=POLICY))
    assert answer is Answer.HOLD
    assert list(failed) == ["benefit"]


def test_a_small_gain_is_held_and_says_how_many_labels_it_needs(dice):
    labels, champion = dice(400, 0.70)
    candidate = champion.copy()
    better = np.flatnonzero((labels == 0) & (champion.argmax(axis=1) != 0))[:3]
    candidate[better] = [0.8, 0.1, 0.1]
    answer, failed = answered(compare(labels, champion, candidate, policy=POLICY))
    assert answer is Answer.HOLD
    assert "labels" in failed["benefit"].reason


def test_a_worse_candidate_is_rejected(dice):
    labels, champion, candidate = dice(500, 0.75, 0.5)
    answer, failed = answered(compare(labels, champion, candidate, policy=POLICY))
    assert answer is Answer.REJECT
    assert failed["benefit"].verdict == "reject"


def test_a_candidate_that_never_says_positive_is_rejected_though_its_negative_f1_is_better(dice):
    labels, champion, candidate = dice(600, 0.5, 0.95)
    candidate = candidate[:, [0, 1, 2]] * [1, 1, 0] + [1e-9, 2e-9, 0]
    candidate = candidate / candidate.sum(axis=1, keepdims=True)
    answer, failed = answered(compare(labels, champion, candidate, policy=POLICY))
    assert answer is Answer.REJECT
    assert failed["class collapse"].figure == 0
    assert "benefit" not in failed


def test_a_loss_on_one_slice_stops_a_gain_on_the_whole(dice):
    labels, champion, candidate = dice(2000, 0.6, 0.9)
    part = np.arange(2000) < 400
    candidate[part], _ = dice(2000, 0.2, 0.2, seed=9)[1][part], None
    answer, failed = answered(compare(labels, champion, candidate, slices={"part": part}, policy=POLICY))
    assert answer is Answer.REJECT
    assert "slice: part" in failed


def test_a_slice_too_small_to_show_a_loss_stops_no_gain_and_says_how_many_rows_it_wants(dice):
    labels, champion, candidate = dice(3000, 0.7, 0.78, seed=4)
    part = np.arange(3000) < 150
    answer, _ = answered(compare(labels, champion, candidate, slices={"part": part}, policy=POLICY))
    assert answer is Answer.PROMOTE
    candidate[part] = dice(3000, 0.60, seed=4)[1][part]
    compared = compare(labels, champion, candidate, slices={"part": part}, policy=POLICY)
    answer, rules = decide(compared, POLICY)
    assert answer is Answer.PROMOTE
    reason = next(rule.reason for rule in rules if rule.rule == "slice: part")
    assert "too few rows to rule out a loss, about" in reason
    assert verdict_name("pass", reason) == "not enough data"
    # as method 1 judged it: a loss that was seen and not shown held the candidate
    answer, failed = answered(compared, method=judgement_methods.FIRST)
    assert answer is Answer.HOLD
    assert list(failed) == ["slice: part"]


@pytest.mark.parametrize(("rows", "lost"), [(120, 3), (120, 5), (200, 7), (200, 9)])
def test_an_inconclusive_slice_asks_for_more_rows_than_it_has(rows, lost):
    """Method 2 takes the spread of the few rows that differ, as if the models were equal."""
    labels = np.random.default_rng(0).choice(3, 1000, p=[0.6, 0.22, 0.18])
    champion = 0.1 + 0.7 * np.eye(3)[labels]
    candidate, part = champion.copy(), np.arange(1000) < rows
    changed = np.flatnonzero(part & (labels == 0))[:lost]
    candidate[changed] = candidate[changed][:, [1, 0, 2]]
    compared = compare(labels, champion, candidate, slices={"part": part}, policy=POLICY)
    asked = {}
    for method in (judgement_methods.SECOND, judgement_methods.NEWEST):
        reason = next(rule.reason for rule in decide(compared, POLICY, method=method)[1] if rule.rule == "slice: part")
        asked[method] = int(re.search(r"about ([\d,]+) would", reason)[1].replace(",", ""))
    assert asked[judgement_methods.SECOND] < rows < asked[judgement_methods.NEWEST]


def test_the_error_of_slices_is_bounded_over_all_of_them_together(dice):
    labels, champion, candidate = dice(6000, 0.7, 0.7, seed=4)
    slices = {f"part {number}": np.arange(6000) % 20 == number for number in range(20)}
    shared = compare(labels, champion, candidate, slices=slices, policy=POLICY)
    alone = compare(labels, champion, candidate, slices=slices, policy=POLICY, terms=Terms(share_slice_level=False))
    assert {part.difference.level for part in shared.slices} == {POLICY.guard_level / 20}
    assert {part.difference.level for part in alone.slices} == {POLICY.guard_level}


def test_too_few_rows_are_held_however_good_they_look(dice):
    labels, champion, candidate = dice(60, 0.2, 1.0)
    answer, failed = answered(compare(labels, champion, candidate, policy=POLICY))
    assert answer is Answer.HOLD
    assert "holdout rows" in failed


def test_probabilities_that_boast_are_rejected(dice):
    labels, champion, candidate = dice(500, 0.4, 0.7)
    boasting = np.eye(3)[candidate.argmax(axis=1)]
    answer, failed = answered(compare(labels, champion, boasting, policy=POLICY))
    assert answer is Answer.REJECT
    assert list(failed) == ["calibration error"]


CHECKS = DataChecks(
    train_rows=900,
    holdout_rows=300,
    train_share={"negative": 0.6, "neutral": 0.25, "positive": 0.15},
    holdout_share={"negative": 0.6, "neutral": 0.25, "positive": 0.15},
    label_shift=0.0,
    duplicates=0,
    near_duplicates=0,
    leaked_share=0.0,
)
NO_POSITIVE = {"negative": 0.7, "neutral": 0.3, "positive": 0.0}


def behaving(plain=9, invariant=9, direction=9):
    return ChecklistResult(
        counts={
            "minimum functionality": {"praise": (plain, 10)},
            "invariance": {"case": (invariant, 10)},
            "direction": {"negation": (direction, 10)},
        },
        failures={},
    )


@pytest.mark.parametrize(
    ("given", "answer", "rule"),
    [
        ({"cost": Cost(p99_ms=1e6)}, Answer.REJECT, "cost: p99 latency"),
        ({"cost": Cost(memory_mb=1e6)}, Answer.REJECT, "cost: memory"),
        ({"cost": Cost(artefact_mb=1e6)}, Answer.REJECT, "cost: artefact size"),
        ({"checklist": behaving(plain=1)}, Answer.REJECT, "behaviour: minimum functionality"),
        ({"checklist": behaving(invariant=1)}, Answer.REJECT, "behaviour: invariance"),
        ({"checklist": behaving(direction=1)}, Answer.REJECT, "behaviour: direction"),
        ({"data_checks": replace(CHECKS, duplicates=60, leaked_share=0.2)}, Answer.HOLD, "data: leakage"),
        ({"data_checks": replace(CHECKS, label_shift=0.5)}, Answer.HOLD, "data: label shift"),
        ({"data_checks": replace(CHECKS, train_share=NO_POSITIVE)}, Answer.REJECT, "data: label share"),
    ],
)
def test_each_other_rule_stops_a_better_candidate_by_its_name(clear, given, answer, rule):
    found, failed = answered(clear, **given)
    assert found is answer
    assert list(failed) == [rule]


def test_costs_behaviours_and_data_within_their_bounds_pass(clear):
    cost = Cost(p99_ms=1, memory_mb=100, artefact_mb=1)
    answer, rules = decide(clear, POLICY, cost=cost, checklist=behaving(), data_checks=CHECKS)
    assert answer is Answer.PROMOTE
    assert len(rules) == 5 + 1 + 1 + 3 + 3 + 3


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (judgement_methods.FIRST, "bb82f8229145bc94dd6afac7a7668269b9f1d8c30ca149c2851edb659c7522ca"),
        (judgement_methods.SECOND, "bc59618bc8f80e5d810740b23bd3672fc3cec481e8086dd781a7a5b1a727f5be"),
    ],
)
def test_what_earlier_methods_recorded_keeps_its_bytes(method, expected):
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 3, size=900)

    def model(share):
        right = rng.random(900) < share
        return np.eye(3)[np.where(right, labels, (labels + rng.integers(1, 3, size=900)) % 3)] * 0.7 + 0.1

    champion, candidate = model(0.6), model(0.66)
    policy = GatePolicy(bootstrap_rounds=1000, budget_exponent=1.3)
    compared = compare(
        labels,
        champion,
        candidate,
        slices={"a": np.arange(900) % 3 == 0, "b": np.arange(900) < 90},
        policy=policy,
        level=alpha_spending.significance_level(3, policy),
        terms=Terms(share_slice_level=method > judgement_methods.FIRST),
    )
    verdict, rules = decide(compared, policy, method=method)
    recorded = canonical_json([compared.as_dict(), str(verdict), [asdict(rule) for rule in rules]])
    assert hash_text(recorded) == expected


REFRESH = Aim(kind="refresh", margin=0.01)


@pytest.mark.parametrize(
    ("changed", "answer", "said"),
    [
        (14, Answer.PROMOTE, "worse by 1.0 or more: p"),
        (-3, Answer.HOLD, "no gain was seen"),
    ],
)
def test_a_refresh_needs_a_gain_and_must_not_be_worse_by_the_margin(dice, changed, answer, said):
    labels, champion = dice(4000, 0.7)
    candidate = champion.copy()
    wrong = champion.argmax(axis=1) != 0 if changed > 0 else champion.argmax(axis=1) == 0
    rows = np.flatnonzero((labels == 0) & wrong)[: abs(changed)]
    candidate[rows] = [0.8, 0.1, 0.1] if changed > 0 else [0.1, 0.8, 0.1]
    compared = compare(labels, champion, candidate, policy=POLICY, level=1e-6, terms=Terms.of(REFRESH, POLICY))
    found, rules = decide(compared, POLICY, aim=REFRESH)
    benefit = next(rule for rule in rules if rule.rule == "benefit")
    assert found is answer
    assert said in benefit.reason
    assert benefit.bound == -REFRESH.margin
    # superiority cannot be shown with so few changes at this level
    assert decide(compare(labels, champion, candidate, policy=POLICY, level=1e-6), POLICY)[0] is Answer.HOLD


def refreshed(dice, rows, *, lost, won, method=judgement_methods.NEWEST):
    """A candidate that misses `lost` more negatives, and gets `won` other tweets right that the champion did not."""
    labels, champion = dice(rows, 0.7)
    candidate, hit = champion.copy(), champion.argmax(axis=1) == labels
    candidate[np.flatnonzero(hit & (labels == 0))[:lost]] = [0.1, 0.8, 0.1]
    repaired = np.flatnonzero(~hit & (labels != 0))[:won]
    candidate[repaired] = 0.1 + 0.7 * np.eye(3)[labels[repaired]]
    compared = compare(labels, champion, candidate, policy=POLICY, level=0.002, terms=Terms.of(REFRESH, POLICY, method))
    rules = decide(compared, POLICY, aim=REFRESH, method=method)[1]
    return next(rule for rule in rules if rule.rule == "not worse: negative_recall")


@pytest.mark.parametrize(
    ("rows", "lost", "verdict", "said", "bound"),
    [
        (300, 0, "pass", "worse by 5.0 or more: p", 0.05),
        (600, 0, "pass", "worse by 4.5 or more: p", 0.045),
        (600, 5, "hold", "a loss cannot be ruled out", 0.05),
        (600, 12, "hold", "a loss of more than 3.0 was seen", 0.03),
        (4000, 0, "pass", "worse by 3.0 or more: p", 0.03),
        (4000, 400, "reject", "worse than the champion", 0.03),
    ],
)
def test_a_refresh_must_rule_out_the_loss_on_a_guard_that_its_rows_can_decide_and_show_no_smaller_one(
    dice, rows, lost, verdict, said, bound
):
    guard = refreshed(dice, rows, lost=lost, won=rows // 6)
    assert (guard.verdict, guard.bound) == (verdict, -bound)
    assert said in guard.reason


@pytest.mark.parametrize(("method", "verdict"), [(judgement_methods.THIRD, "hold"), (judgement_methods.FOURTH, "pass")])
def test_guards_of_a_refresh_under_earlier_methods_proof_of_the_small_loss_or_none(dice, method, verdict):
    assert refreshed(dice, 600, lost=5, won=100, method=method).verdict == verdict


@pytest.mark.parametrize(
    ("method", "kind", "expected"),
    [
        (judgement_methods.THIRD, "refresh", "51dbfead6ce2fd85db1f61eacfcb9b5f27504bd4bd1458486f02f4e0a0e635ba"),
        (judgement_methods.FOURTH, "refresh", "978816f5573d3190f8c7e2becfdf3e024e00bf32389274c75a38c3c082dcf4ea"),
        (judgement_methods.FOURTH, "recalibration", "1d1659be083e1cd893af9788a6ef58e17f1bde97da2d3d0fccbfbf1361ae9d4d"),
    ],
)
def test_what_earlier_methods_recorded_with_an_aim_keeps_its_bytes(method, kind, expected):
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 3, size=900)

    def model(share):
        right = rng.random(900) < share
        return np.eye(3)[np.where(right, labels, (labels + rng.integers(1, 3, size=900)) % 3)] * 0.7 + 0.1

    champion, candidate = model(0.6), model(0.66)
    policy, aim = GatePolicy(bootstrap_rounds=1000), Aim(kind=kind, margin=0.01)
    slices, terms = {"a": np.arange(900) % 3 == 0}, Terms.of(aim, policy, method)
    compared = compare(labels, champion, candidate, slices=slices, policy=policy, level=0.001, terms=terms)
    verdict, rules = decide(compared, policy, aim=aim, method=method)
    recorded = canonical_json([compared.as_dict(), str(verdict), [asdict(rule) for rule in rules]])
    assert hash_text(recorded) == expected


def test_the_same_recipe_on_more_and_newer_labels_is_a_refresh_and_all_else_a_change():
    def recipe(family="bert", **options):
        return SimpleNamespace(family=family, options=options)

    same = recipe(epochs=2)
    assert choose(same, recipe(epochs=2), newer=True, policy=POLICY) == REFRESH
    for candidate, newer in ((same, False), (recipe(epochs=3), True), (recipe("vader", epochs=2), True)):
        aim = choose(candidate, recipe(epochs=2), newer=newer, policy=POLICY)
        assert (aim.kind, aim.margin) == ("change", 0.0)


def test_a_worse_refresh_is_promoted_no_more_often_than_its_level_allows():
    policy, rng, promoted = GatePolicy(bootstrap_rounds=200), np.random.default_rng(11), 0
    labels = rng.integers(0, 3, size=1000)
    for _ in range(100):
        # the candidate loses where the champion is right a point more often than the other way round
        draw, champion = rng.random(1000), np.where(rng.random(1000) < 0.7, labels, (labels + 1) % 3)
        candidate = np.where(draw < 0.06, labels, np.where(draw < 0.18, (labels + 1) % 3, champion))
        probabilities = [np.eye(3)[model] * 0.7 + 0.1 for model in (champion, candidate)]
        compared = compare(labels, *probabilities, policy=policy, level=0.05, terms=Terms.of(REFRESH, policy))
        promoted += decide(compared, policy, aim=REFRESH)[0] is Answer.PROMOTE
    assert promoted <= 11  # 5 % of 100, and almost three standard errors


def test_all_looks_together_spend_no_more_than_the_budget():
    levels = [alpha_spending.significance_level(looks, POLICY) for looks in range(20_000)]
    assert sum(levels) < POLICY.error_budget
    assert levels == sorted(levels, reverse=True)
    assert levels[0] > 0.2 * POLICY.error_budget


def test_neither_a_promotion_nor_time_alone_renews_the_budget():
    history = [(1, NOW - timedelta(days=2)), (2, NOW - timedelta(days=3)), (1, NOW - timedelta(days=400))]
    # every look against this champion, however old
    assert alpha_spending.count_looks(history, champion_version=1, at=NOW, policy=POLICY) == 2
    # every look of the year, whichever the champion
    assert alpha_spending.count_looks(history, champion_version=3, at=NOW, policy=POLICY) == 2
    history += [(1, NOW - timedelta(days=500))] * 5
    assert alpha_spending.count_looks(history, champion_version=1, at=NOW, policy=POLICY) == 7
    assert alpha_spending.count_looks(history, champion_version=3, at=NOW, policy=POLICY) == 2


def test_retrained_copies_that_are_looked_at_twenty_times_are_hardly_ever_promoted(dice):
    policy = GatePolicy(bootstrap_rounds=500)
    wrong = naive = 0
    for number in range(40):
        labels, champion, *copies = dice(300, *([0.7] * 21), seed=[7, number])
        answers = [
            decide(
                compare(labels, champion, copy, policy=policy, level=alpha_spending.significance_level(look, policy)),
                policy,
            )[0]
            for look, copy in enumerate(copies)
        ]
        wrong += Answer.PROMOTE in answers
        naive += any(
            (copy.argmax(axis=1) == labels).mean() > (champion.argmax(axis=1) == labels).mean() for copy in copies
        )
    assert wrong <= 5
    assert naive > 30
