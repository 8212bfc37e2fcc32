"""A training whose process is killed, not asked to stop."""

from __future__ import annotations

from benchmarks import resume
from tests.unit.families.made_up import made_up

INTERVAL = 5


def test_a_training_killed_at_random_points_ends_as_the_undisturbed_one(small_bert, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    texts, labels = made_up(400)
    later_texts, later_labels = made_up(200, seed=9)
    # a rate at which it is still learning at its end: an early mistake would show
    options = {"checkpoint": str(small_bert), "epochs": 4, "rate": 3e-4, "batch": 16, "interval": INTERVAL}
    spec = {"options": options, "seed": 3, "texts": texts, "labels": labels}
    spec |= {"later_texts": later_texts, "later_labels": later_labels}
    whole = resume.undisturbed(spec, tmp_path)
    found = resume.killed(spec, tmp_path, kills=2, seed=11, within=0.01)
    assert len(found.reached) == 2
    assert found.result["steps"] == whole["steps"]
    assert found.result["resumed"] == 2, found
    assert abs(found.result["macro_f1"] - whole["macro_f1"]) <= 0.3
    assert 0 <= found.repeated <= INTERVAL
