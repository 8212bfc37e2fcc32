"""Refitting on the holdout: nothing later is learned from, verdicts stay, and a second run trains nothing."""

from __future__ import annotations

import numpy as np
import pytest

from sentiment_lib.replay import cell, refit
from sentiment_lib.replay.intervals import intervals


def test_a_refitted_model_knows_its_holdout_and_nothing_later(small, tmp_path):
    own = small.cell(2)
    whole = refit.refit_cell(small, 2, tmp_path)
    newest = refit.refit_cell(small, 2, tmp_path, same_volume=True)
    assert set(whole.train) == set(own.train) | set(own.holdout)
    assert whole.train.max() < small.blocks[2].end <= whole.first + 1
    assert len(newest.train) == len(own.train)
    assert newest.train.min() > own.train.min()
    later = np.arange(whole.first, small.history.rows)
    assert not np.array_equal(whole.of(later), own.of(later))


def test_the_gain_is_that_of_the_models_that_served(small, tmp_path, monkeypatch):
    serving = (0, 0, 2, 3, 3)
    found = refit.refit_served(small, serving, tmp_path)
    assert found.models == 3
    values = []
    for model, block in zip(serving, small.served, strict=True):
        rows = np.arange(small.blocks[block].start, small.blocks[block].end)
        refitted = refit.refit_cell(small, model, tmp_path).of(rows).argmax(axis=1) == small.history.label[rows]
        counts = small.confusions[model, block]
        values.append(refitted.mean() - np.trace(counts) / counts.sum())
    assert found.gain.value == pytest.approx(np.mean(values))
    assert found.gain.intervals == intervals(np.array(values))
    assert np.any(values), "refitting changes nothing here"
    monkeypatch.setattr(cell.catalog, "train", None)
    reports = []
    assert refit.refit_served(small, serving, tmp_path, lambda *seen: reports.append(seen)) == found
    assert reports == [], "nothing is trained twice"
