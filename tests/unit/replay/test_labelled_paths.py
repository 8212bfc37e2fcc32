"""The queue of the benchmark: as many labels for each share, picks are uncertain, and none of them judges."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import labelled_paths
from benchmarks.labelled_paths import Queue
from tests.unit.replay.conftest import POLICY, small_history


@pytest.fixture(autouse=True)
def small_policy(monkeypatch):
    """The policy of the small history."""
    monkeypatch.setattr(labelled_paths, "POLICY", POLICY)


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_labels_are_bought_by_the_budget_and_judged_by_the_audit(share, monkeypatch):
    seen, train = [], labelled_paths._train

    def trained(known, part, key):
        seen.append((known, part, train(known, part, key)))
        return seen[-1][2]

    monkeypatch.setattr(labelled_paths, "_train", trained)
    path = labelled_paths.walk(small_history(), "6 blocks", Queue(budget=0.5, audit_share=share, seed=1))
    assert len(path.champion) == len(path.newest) == path.looks + 1
    for known, part, model in seen:
        is_bought = known.known_at <= part.clock
        assert is_bought[part.start : part.end].sum() == part.rows // 2
        assert not is_bought[part.end :].any()
        if model is not None:
            assert known.audited[model.holdout].all()
    known, part, _ = seen[-1]
    picked = np.flatnonzero((known.known_at <= part.clock) & ~known.audited)
    assert (len(picked) > 0) is (share < 1)


def test_the_most_uncertain_tweets_are_picked(monkeypatch):
    champions, buy = [], labelled_paths._buy

    def bought(known, part, queue, random, champion):
        after = buy(known, part, queue, random, champion)
        if champion is not None:
            champions.append((after, part, champion))
        return after

    monkeypatch.setattr(labelled_paths, "_buy", bought)
    labelled_paths.walk(small_history(), "6 blocks", Queue(budget=0.2, audit_share=0.5, seed=2))
    for known, part, champion in champions:
        rows = np.arange(part.start, part.end)
        picked = rows[(known.known_at[rows] <= part.clock) & ~known.audited[rows]]
        confidence = champion.of(rows).max(axis=1)
        assert confidence[picked - part.start].max() < POLICY.label.uncertain_below
        others = np.setdiff1d(rows, np.flatnonzero(known.known_at <= part.clock))
        assert confidence[picked - part.start].max() <= confidence[others - part.start].min()
