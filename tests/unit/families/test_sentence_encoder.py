"""Frozen sentence encoders: preparation of texts, export, and packages that need neither torch nor the checkpoint."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from sentiment_lib.errors import BadInput, MissingWeights
from sentiment_lib.families import catalog
from sentiment_lib.families.embeddings.family import EmbeddingModel
from sentiment_lib.families.embeddings.sentence_encoder import PREPARATION, TorchMiniLm
from sentiment_lib.families.onnx import runtime
from sentiment_lib.registry import model_package
from tests.unit.families.made_up import made_up

ANGRY, HAPPY = "the crew \U0001f621", "the crew \U0001f60a"
NAME = "sentence_encoder_logreg"
PLAIN = [
    "",
    "thanks for the delayed bag, @united",
    "gate",
    "worst flight ever \U0001f621",
    "飛行機がおくれた",
    "no " * 3000,
]


def learned(**options):
    texts, labels = made_up(120)
    return catalog.train(NAME, texts, labels, seed=0, **options)


@pytest.fixture(scope="module")
def exact():
    """A model on the packaged MiniLM in single precision."""
    return learned(precision="fp32")


@pytest.fixture(scope="module")
def earlier(exact):
    """The same linear model on MiniLM by torch, as packages had it before they carried a graph."""
    return EmbeddingModel(NAME, TorchMiniLm("named"), exact._head, {})


def test_faces_that_differ_are_read_differently(exact):
    angry, happy = exact.predict_proba([ANGRY, HAPPY])
    assert np.abs(angry - happy).max() > 0.01


def test_the_graph_in_single_precision_gives_what_torch_gives(exact, earlier):
    np.testing.assert_allclose(exact._encoder.encode(PLAIN), earlier._encoder.encode(PLAIN), atol=1e-5)
    np.testing.assert_allclose(exact.predict_proba(PLAIN), earlier.predict_proba(PLAIN), atol=1e-4)


def test_a_package_without_a_graph_answers_as_it_did(earlier, tmp_path):
    earlier.save(tmp_path)
    assert not (tmp_path / runtime.GRAPH).exists()
    again = catalog.load(tmp_path, NAME)
    np.testing.assert_array_equal(again.predict_proba([ANGRY, *PLAIN]), earlier.predict_proba([ANGRY, *PLAIN]))


def test_a_package_of_before_emoji_were_named_reads_no_names(earlier, tmp_path):
    earlier.save(tmp_path)
    (tmp_path / PREPARATION).unlink()
    angry, happy = catalog.load(tmp_path, NAME).predict_proba([ANGRY, HAPPY])
    np.testing.assert_array_equal(angry, happy)


def test_int8_is_served_where_its_vectors_point_the_same_way(exact, tmp_path):
    rounded = learned()
    rounded.save(tmp_path)
    noted = json.loads((tmp_path / PREPARATION).read_text())
    assert noted["precision"] == "int8"
    assert noted["int8_cosine"] > 0.99
    assert (tmp_path / runtime.GRAPH).stat().st_size < 25e6
    assert rounded.memory_mb < 0.4 * exact.memory_mb
    asked, _ = made_up(60, seed=3)
    ours, theirs = (model.predict_proba(asked).argmax(axis=1) for model in (rounded, exact))
    assert np.mean(ours == theirs) > 0.9


def test_a_package_is_served_without_torch_and_without_the_checkpoint(small_bert, tmp_path):
    checkpoint = tmp_path / "checkpoint"
    checkpoint.mkdir()
    for path in small_bert.iterdir():
        (checkpoint / path.name).write_bytes(path.read_bytes())
    model = learned(checkpoint=str(checkpoint))
    digest = model_package.write(model, tmp_path / "package")
    for path in checkpoint.iterdir():
        path.unlink()
    code = (
        "import sys; sys.modules['torch'] = sys.modules['transformers'] = None\n"
        "from pathlib import Path; from sentiment_lib.registry import model_package as package\n"
        "model = package.read(Path(sys.argv[1]), sys.argv[2])\n"
        "print(*(float(p).hex() for p in model.predict_proba(['the delayed bag'])[0]))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "package"), digest]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert [float.fromhex(number) for number in printed] == model.predict_proba(["the delayed bag"])[0].tolist()


def test_a_checkpoint_that_is_none_or_not_here_is_named(tmp_path):
    with pytest.raises(BadInput, match=rf"checkpoint {tmp_path} of {NAME} .*it holds no config.json"):
        learned(checkpoint=str(tmp_path))
    with pytest.raises(BadInput, match=r"nobody/no-such-checkpoint .*needs a revision: NAME@COMMIT"):
        learned(checkpoint="nobody/no-such-checkpoint")
    with pytest.raises(MissingWeights, match=rf"hf download nobody/no-such-checkpoint --revision {'0' * 40}"):
        learned(checkpoint=f"nobody/no-such-checkpoint@{'0' * 40}")
    with pytest.raises(BadInput, match=r"option precision .*'int4' is none of int8, fp32"):
        learned(precision="int4")
