"""Resuming a training whose process was killed."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from benchmarks import resume
from sentiment_lib.errors import TrainingCancelled
from sentiment_lib.families import catalog
from sentiment_lib.registry import model_package
from tests.unit.families.made_up import made_up
from tests.unit.families.small_checkpoints import bert

INTERVAL = 5


def test_a_training_killed_at_random_points_ends_as_the_undisturbed_one(small_bert, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    texts, labels = made_up(400)
    later_texts, later_labels = made_up(200, seed=9)
    # a rate at which it is still learning at its end: an early mistake would show
    options = {"checkpoint": str(small_bert), "epochs": 4, "rate": 3e-4, "batch": 16, "checkpoint_every": INTERVAL}
    spec = {"options": options, "seed": 3, "texts": texts, "labels": labels}
    spec |= {"later_texts": later_texts, "later_labels": later_labels}
    whole = resume.undisturbed(spec, tmp_path)
    found = resume.killed(spec, tmp_path, kills=2, seed=11, within=0.01)
    assert len(found.reached) == 2
    assert found.result["steps"] == whole["steps"]
    assert found.result["resumed"] == 2, found
    assert abs(found.result["macro_f1"] - whole["macro_f1"]) <= 0.3
    assert 0 <= found.repeated <= INTERVAL


def cut_off(at, family="bert", **options):
    """Train until progress says `at`, which cancels; gives what it said until then."""
    texts, labels = made_up(120)
    told = []

    def progress(share, doing):
        told.append(doing)
        return not doing.startswith(at)

    with pytest.raises(TrainingCancelled):
        catalog.train(family, texts, labels, seed=3, progress=progress, **options)
    return told


def trained(family="bert", **options):
    """The model, and which steps it told of."""
    texts, labels = made_up(120)
    told = []
    model = catalog.train(
        family, texts, labels, seed=3, progress=lambda _, doing: told.append(doing) or True, **options
    )
    return model, [doing for doing in told if "step " in doing]


@pytest.fixture
def quick(small_bert, tmp_path):
    return {
        "checkpoint": str(small_bert),
        "epochs": 2,
        "batch": 16,
        "checkpoint_every": 3,
        "checkpoints": str(tmp_path / "kept"),
    }


@pytest.mark.parametrize("more", [{}, {"pretrain_epochs": 1}, {"later": 0}])
@pytest.mark.parametrize("at", ["exporting: making the graph", "trained"])
def test_a_training_that_broke_off_in_its_export_repeats_no_step(quick, tmp_path, at, more):
    quick = {**quick, **more}
    cut_off(at, **quick)
    again, steps = trained(**quick)
    assert steps == []
    assert again.circumstances["resumed"] == 1
    whole, _ = trained(**{**quick, "checkpoints": str(tmp_path / "other")})
    texts, _ = made_up(40, seed=5)
    np.testing.assert_array_equal(again.predict_proba(texts), whole.predict_proba(texts))
    assert model_package.write(again, tmp_path / "one") == model_package.write(whole, tmp_path / "two"), (
        "another package"
    )


def test_a_checkpoint_of_the_end_holds_the_weights_alone(quick, tmp_path):
    from safetensors import safe_open

    cut_off("step 4", **quick)
    path = tmp_path / "kept" / "training.safetensors"
    on_the_way = path.stat().st_size
    trained(**quick)
    with safe_open(path, framework="pt") as file:
        assert {name.split("/")[0] for name in file.keys()} == {"best"}  # noqa: SIM118 - no mapping
    assert path.stat().st_size < on_the_way / 2


def test_a_checkpoint_of_a_base_with_other_weights_is_not_gone_on_from(quick, tmp_path):
    cut_off("step 4", **quick)
    (tmp_path / "other").mkdir()
    other = bert(tmp_path / "other", seed=1)
    model, steps = trained(**{**quick, "checkpoint": str(other)})
    assert model.circumstances["resumed"] == 0
    assert steps[0].startswith("step 0 ")


def test_a_cold_training_is_not_gone_on_from_by_a_warm_one(quick, tmp_path):
    model_package.write(trained(**{**quick, "epochs": 1, "checkpoints": None})[0], tmp_path / "package")
    cut_off("step 4", **quick)
    warm, steps = trained(start=str(tmp_path / "package"), **quick)
    assert (warm.notes["warm_start"], warm.circumstances["resumed"]) == (True, 0)
    assert steps[0].startswith("step 0 ")


def test_a_stack_goes_on_with_the_member_that_was_cut_off(quick, tmp_path):
    kept = quick.pop("checkpoints")
    options = {"members": ["count_logreg", "bert"], "member_options": {"bert": quick}, "folds": 2, "checkpoints": kept}
    told = cut_off("bert: step 4", family="stack", **options)
    assert sum(doing.startswith("bert: step 0 ") for doing in told) == 1
    # the second fold's
    cut_off_again = [doing for doing in cut_off_in_fold(1, **options) if doing.startswith("bert: step ")]
    assert cut_off_again[0].startswith("bert: step 3 ")
    again, steps = trained(family="stack", **options)
    assert steps[0].startswith("bert: step 3 "), "the first fold's member is there, the second's goes on"
    assert sum(doing.startswith("bert: step 0 ") for doing in steps) == 1, "only the member on all rows begins"
    assert again.circumstances["bert"]["resumed"] == 0
    whole, _ = trained(family="stack", **{**options, "checkpoints": str(tmp_path / "other")})
    texts, _ = made_up(40, seed=5)
    np.testing.assert_array_equal(again.predict_proba(texts), whole.predict_proba(texts))


def cut_off_in_fold(fold, **options):
    """Train until the fifth step of that fold's transformer; gives what was said until then."""
    texts, labels = made_up(120)
    told, ended = [], 0

    def progress(share, doing):
        nonlocal ended
        told.append(doing)
        ended += doing == "bert: trained"
        return not (ended == fold and doing.startswith("bert: step 4"))

    with pytest.raises(TrainingCancelled):
        catalog.train("stack", texts, labels, seed=3, progress=progress, **options)
    return told


def test_a_gpu_that_only_emulates_bfloat16_does_not_compute_in_it(monkeypatch):
    import torch

    from sentiment_lib.families.transformers import optimisation

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation)
    assert not optimisation.computes_in_bf16(torch.device("cuda"))
