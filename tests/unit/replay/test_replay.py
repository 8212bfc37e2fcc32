"""The lab decides as production would: nothing of the future, exact plans in hindsight, the same after a kill."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import chain, combinations

import numpy as np
import pytest

from sentiment_lib.errors import BadInput
from sentiment_lib.records import Answer
from sentiment_lib.replay import blocks, cube, oracle, quality, schedules, simulation
from sentiment_lib.replay.cell import Recipe
from sentiment_lib.replay.judge import Judge
from sentiment_lib.replay.memory import Memory
from sentiment_lib.replay.policy_file import parse_policy, shipped_policies
from sentiment_lib.replay.view import UNKNOWN, Audit, Past, view_at
from tests.unit.replay.conftest import POLICY, RECIPE, small_history

CONDITIONS = simulation.Conditions(price=10, audit_share=0.3)
#: Policies that need no package beside those of training.
POLICIES = [policy for policy in shipped_policies() if not policy.name.startswith("evidently")]


def test_labels_that_become_known_later_change_no_decision(small, cells):
    for clock in (1, 3):
        history = small.history.delayed(timedelta(minutes=100))
        now = small.blocks[clock].clock
        later = np.flatnonzero(history.known_at > now)
        shuffled = history.label.copy()
        shuffled[later] = np.random.default_rng(clock).permutation(shuffled[later])
        other = replace(history, label=shuffled)
        assert (other.label != history.label).sum() > 100
        cubes = [cube.build(one, small.blocks, RECIPE, POLICY, cells) for one in (history, other)]
        for policy in POLICIES:
            runs = [simulation.simulate(one, policy, CONDITIONS, judge=Judge(one, POLICY.gate)) for one in cubes]
            seen = [[event for event in run.events if event.block <= clock] for run in runs]
            assert seen[0] == seen[1], policy.name
            assert runs[0].serving[: clock - small.start + 1] == runs[1].serving[: clock - small.start + 1]


def test_a_view_ends_at_its_clock(small):
    history = replace(small.history, known_at=small.history.known_at + 10**18 * (small.history.tweet_id % 2))
    past = Past(champion=0, served_by=((0, 100),) * 2, trainings=(0,), known_then=(100,))
    view = view_at(replace(small, history=history), 2, past, Audit.draw(small, 1.0, 0), 1.0, Memory())
    end = small.blocks[2].end
    assert len(view.text) == len(view.label) == end
    assert (view.label[::2] == UNKNOWN).sum() == pytest.approx(end / 2, abs=1), "odd ids are known much later"
    earlier = view.until(1)
    assert len(earlier.text) == len(earlier.champion.proba) + earlier.champion.first == small.blocks[1].end


def test_the_best_plans_equal_the_best_of_all_plans():
    random = np.random.default_rng(3)
    for start in (0, 2):
        cost = np.where(np.triu(np.ones((7, 8)), 1) > 0, random.random((7, 8)) + 0.1, np.nan)
        cost[start + 1] = np.nan  # a model that could not be trained
        points = [model for model in range(start + 1, 7) if model != start + 1]
        plans = chain.from_iterable(combinations(points, size) for size in range(len(points) + 1))
        best = {}
        for plan in plans:
            total = oracle.plan_cost(cost, start, plan)
            best[len(plan)] = min(best.get(len(plan), np.inf), total)
        found = oracle.best_plans(cost, start)
        assert [plan.cost for plan in found] == pytest.approx([best[size] for size in range(len(best))])
        assert oracle.best_plan(cost, start, 1e9).trainings == ()
        for plan in found:
            assert oracle.plan_cost(cost, start, plan.trainings) == pytest.approx(plan.cost)


def test_a_half_split_plan_is_no_better_than_the_best_one_on_what_it_is_scored_on():
    random = np.random.default_rng(4)
    halves = [tuple(np.where(np.triu(np.ones((5, 6)), 1) > 0, random.random((5, 6)), np.nan) for _ in "ab")]
    scored = oracle.half_split(halves, 0)
    bound = np.mean([[2 * plan.cost for plan in oracle.best_plans(half, 0)] for half in halves[0]], axis=0)
    assert (np.array(scored) >= bound - 1e-12).all()
    assert scored[0] == pytest.approx(bound[0]), "there is one plan without a training"


def test_stored_cells_are_read_again_and_damaged_ones_made_again(small, cells):
    trained = []
    again = cube.build(small.history, small.blocks, RECIPE, POLICY, cells, progress=lambda *seen: trained.append(seen))
    assert trained == []
    assert np.array_equal(again.confusions, small.confusions)
    broken = max(cells.glob("*.npz"))
    broken.write_bytes(broken.read_bytes()[:1000])
    twice = cube.build(small.history, small.blocks, RECIPE, POLICY, cells, jobs=2)
    for before, after in zip(small.cells, twice.cells, strict=True):
        assert np.array_equal(before.proba, after.proba)


@pytest.mark.parametrize(
    "rule", ['kind = "page_hinkley"\nthreshold = 10', 'kind = "ddm"', 'kind = "budgeted"'], ids=lambda rule: rule[8:11]
)
def test_a_detector_asks_when_errors_rise_and_not_when_they_fall(rule, small):
    """The words of the small history are others from its fourth block on."""
    policy = parse_policy("detector", f'name = "detector"\ntitle = "Detector"\n[[rules]]\n{rule}')
    everything = replace(CONDITIONS, audit_share=1.0)
    asked = [event.block for event in simulation.simulate(small, policy, everything).events]
    assert asked, "it never asks"
    assert min(asked) == 3, asked
    labels = small.history.label.copy()
    for part in small.blocks[3:]:  # what the first model says is true from there on
        rows = np.arange(part.start, part.end)
        labels[rows] = small.cell(small.start).of(rows).argmax(axis=1)
    better = replace(small, history=replace(small.history, label=labels))
    assert simulation.simulate(better, policy, everything).events == ()


def test_a_model_serves_only_after_its_labels(small):
    always = next(policy for policy in POLICIES if policy.name == "always")
    run = simulation.simulate(small, always, CONDITIONS)
    assert run.serving == tuple(block - 1 for block in small.served)
    late = simulation.simulate(small, always, replace(CONDITIONS, approval_delay=1))
    assert set(late.serving) == {0}, "each candidate supersedes the one before, which still waits for its approval"
    for cell in small.cells:
        assert max(cell.train) < min(cell.holdout) <= small.blocks[cell.block].end
    assert not small.confusions[2, :3].any()


def test_the_gate_judges_with_a_budget_that_shrinks(small):
    always = next(policy for policy in POLICIES if policy.name == "always")
    judge = Judge(small, POLICY.gate)
    looks, levels = [], []
    for candidate in (1, 2, 3):
        budget, look = judge.budget(candidate, 0, looks)
        looks.append(look)
        levels.append(budget.level(POLICY.gate))
        assert budget.new_rows == len(
            np.setdiff1d(look.holdout, np.concatenate([np.empty(0), *[old.holdout for old in looks[:-1]]]))
        )
    assert 0 < sum(levels) < POLICY.gate.error_budget
    run = simulation.simulate(small, always, CONDITIONS, judge=judge)
    assert [event.answer for event in run.events if event.promoted] == [Answer.PROMOTE] * len(run.promotions)
    assert len(run.trainings) == len(small.served) - 1


def test_verdicts_are_remembered_and_a_cut_line_is_not_read(small, tmp_path):
    memory = tmp_path / "results.jsonl"
    first = Judge(small, POLICY.gate, Memory(memory))
    budget, _ = first.budget(2, 0, [])
    verdict = first.judge(2, 0, budget)
    with memory.open("a") as file:
        file.write('{"key": "cut')
    lines = memory.read_text()
    assert Judge(small, POLICY.gate, Memory(memory)).judge(2, 0, budget) == verdict
    assert memory.read_text() == lines, "nothing was judged again"


def test_calendars_and_all_schedules():
    points = list(range(1, 7))
    assert len(schedules.all_schedules(points, 2)) == 15
    assert schedules.even_schedules(points, 6) == [tuple(points)]
    assert all(len(set(schedule)) == 3 for schedule in schedules.even_schedules(points, 3))
    assert schedules.even_schedules(points, 0) == [()]
    drawn = schedules.all_schedules(list(range(40)), 20)
    assert len(drawn) == schedules.MOST
    assert all(len(set(schedule)) == 20 and list(schedule) == sorted(schedule) for schedule in drawn)


def test_two_classes_are_a_task_when_the_history_has_no_third(cells):
    history = small_history(600, classes=2)
    assert history.absent == (1,)
    built = cube.build(history, blocks.parse(history, "4 blocks"), RECIPE, POLICY, cells)
    found = quality.path_quality(built, quality.serving_path(built.start, built.served, (1, 2)))
    assert found.by_tweet["accuracy"] > 0.6
    assert built.cell(0).proba[:, 1].max() < 0.01


@pytest.mark.parametrize("written", ["weekly", "0 rows", "12", "-3 blocks", ""])
def test_blocks_of_another_form_are_refused(written):
    with pytest.raises(BadInput, match="500 rows"):
        blocks.parse(small_history(400), written)


def test_tweets_of_one_moment_stay_in_one_block():
    history = small_history(400)
    same = replace(history, created_at=history.created_at // 10**11 * 10**11)
    borders = [
        same.created_at[block.start] > same.created_at[block.start - 1] for block in blocks.parse(same, "9 blocks")[1:]
    ]
    assert all(borders)


def test_what_the_cube_cannot_replay_is_refused(small, cells):
    with pytest.raises(BadInput, match="champion's probabilities"):
        cube.build(small.history, small.blocks, Recipe(family="bert", options={"distillation": 0.5}), POLICY, cells)
    with pytest.raises(BadInput, match="known before"):
        cube.build(small.history.thinned(0.02), small.blocks, RECIPE, POLICY, cells)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name = ", "not TOML"),
        ('name = "a"\ntitle = "b"\nrules = []', "rules"),
        ('name = "a"\ntitle = "b"\n[[rules]]\nkind = "guess"', "rules.0"),
        ('name = "a"\ntitle = "b"\n[[rules]]\nkind = "never"\nevery = 3', "rules.0.never.every"),
        ('name = "../a"\ntitle = "b"\n[[rules]]\nkind = "never"', "name"),
    ],
)
def test_a_policy_file_says_where_it_is_wrong(text, problem):
    with pytest.raises(BadInput, match=problem):
        parse_policy("mine.toml", text)
