"""Inference of a transformer with ONNX Runtime and a tokenizer, without torch."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.errors import MissingExtra
from sentiment_lib.families.base import Probabilities, Tokens
from sentiment_lib.families.calibration import apply_temperature, softmax
from sentiment_lib.families.deduplication import distinct
from sentiment_lib.families.text_preparation import prepare
from sentiment_lib.records import LABELS

GRAPH, TOKENIZER, WEIGHTS, SETTINGS = "model.onnx", "tokenizer.json", "weights.safetensors", "settings.json"
INPUT = "ids"
#: Optimisations of ONNX Runtime that make a graph slower on a CPU.
DISABLED_OPTIMIZERS = ["SkipLayerNormFusion"]


class OnnxModel:
    """Tokenizer, graph and temperature; files are kept as bytes, so that a loaded model can be saved again."""

    def __init__(
        self,
        family: str,
        files: dict[str, bytes],
        settings: dict[str, Any],
        circumstances: dict[str, Any] | None = None,
    ) -> None:
        self.family = family
        #: circumstances of its training; not saved, so that equal models have equal packages
        self.circumstances = circumstances or {}
        self.notes: dict[str, Any] = settings["notes"]
        self._files = files
        self._settings = settings
        self._tokenizer = tokenizer(files[TOKENIZER].decode(), settings["tokens"])
        self._session = session(files[GRAPH])

    def predict_proba(self, texts: Sequence[str]) -> Probabilities:
        """Probabilities (n, 3); each distinct text runs once."""
        unique, rows = distinct([prepare(text, self._settings["preparation"]) for text in texts])
        if not rows:
            return np.empty((0, len(LABELS)))
        tokens = [encoding.ids for encoding in self._tokenizer.encode_batch(unique)]
        proba = softmax(run(self._session, tokens, self._settings.get("together", 1)))
        return apply_temperature(proba, self._settings["temperature"])[rows]

    @property
    def memory_mb(self) -> float:
        """The files, and ONNX Runtime's copy of the graph."""
        return (sum(map(len, self._files.values())) + len(self._files[GRAPH])) / 1e6

    def save(self, folder: Path) -> None:
        """Graph, tokenizer, settings, and after fine-tuning the weights for a warm start."""
        for name, content in self._files.items():
            (folder / name).write_bytes(content)
        (folder / SETTINGS).write_text(json.dumps(self._settings, sort_keys=True))


def load(family: str, folder: Path) -> OnnxModel:
    """Read what `OnnxModel.save` wrote."""
    settings = json.loads((folder / SETTINGS).read_text())
    names = [name for name in (GRAPH, TOKENIZER, WEIGHTS) if (folder / name).is_file()]
    return OnnxModel(family, {name: (folder / name).read_bytes() for name in names}, settings)


def run(session: Any, tokens: Tokens, batch_size: int = 1) -> NDArray[np.float64]:
    """Logits (n, 3), in batches of texts of equal length, on as many threads as there are CPUs.

    A dynamically quantised graph needs a batch size of 1: it scales activations by batch, so neighbours would change a
    text's result.
    """
    logits = np.empty((len(tokens), len(LABELS)))

    def predict(rows: Sequence[int]) -> None:
        logits[rows] = session.run(None, {INPUT: np.array([tokens[row] for row in rows], dtype=np.int64)})[0]

    row_batches = batches(tokens, batch_size)
    threads = min(_cpu_count(), len(tokens) // 8)
    if threads < 2:
        for rows in row_batches:
            predict(rows)
        return logits
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(predict, row_batches))
    return logits


def vectors(session: Any, tokens: Tokens, batch_size: int) -> NDArray[np.float32]:
    """An encoder graph's vectors (n, d), in batches of texts of equal length, so that nothing is padded."""
    rows: list[int] = []
    parts = []
    for batch in batches(tokens, batch_size):
        parts.append(session.run(None, {INPUT: np.array([tokens[row] for row in batch], dtype=np.int64)})[0])
        rows += batch
    return np.asarray(np.vstack(parts)[np.argsort(rows)], dtype=np.float32)


def batches(tokens: Tokens, size: int) -> list[list[int]]:
    """Row indices by equal length, longest first: a long batch at the end would leave the other threads idle."""
    by_length: dict[int, list[int]] = {}
    for row, ids in enumerate(tokens):
        by_length.setdefault(len(ids), []).append(row)
    return [
        by_length[length][start : start + size]
        for length in sorted(by_length, reverse=True)
        for start in range(0, len(by_length[length]), size)
    ]


def session(graph: bytes) -> Any:
    """A single-threaded ONNX Runtime session; MissingExtra when it is not installed."""
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtra(what="A transformer", package="onnxruntime", extra="onnx") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        graph, options, providers=["CPUExecutionProvider"], disabled_optimizers=DISABLED_OPTIMIZERS
    )


def tokenizer(content: str, max_tokens: int) -> Any:
    """A tokenizer from its JSON, truncating and not padding; MissingExtra when the package is not installed."""
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise MissingExtra(what="A transformer", package="tokenizers", extra="onnx") from error
    loaded = Tokenizer.from_str(content)
    loaded.no_padding()
    loaded.enable_truncation(max_tokens)
    return loaded


def _cpu_count() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
