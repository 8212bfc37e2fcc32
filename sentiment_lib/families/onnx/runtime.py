"""A transformer as it is served: ONNX Runtime and a tokenizer, no torch."""

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
from sentiment_lib.families.base import Probabilities
from sentiment_lib.families.calibration import apply_temperature, softmax
from sentiment_lib.families.deduplication import distinct
from sentiment_lib.families.text_preparation import prepared
from sentiment_lib.records import LABELS

GRAPH, TOKENIZER, WEIGHTS, SETTINGS = "model.onnx", "tokenizer.json", "weights.safetensors", "settings.json"
INPUT = "ids"
#: What ONNX Runtime would do to a graph when it is loaded, and what makes it slower on a processor.
LEFT_OUT = ["SkipLayerNormFusion"]


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
        #: how its training went here; not saved, so that another that gave the same model has the same package
        self.circumstances = circumstances or {}
        self.notes: dict[str, Any] = settings["notes"]
        self._files = files
        self._settings = settings
        self._tokenizer = tokenizer(files[TOKENIZER].decode(), settings["tokens"])
        self._session = session(files[GRAPH])

    def predict_proba(self, texts: Sequence[str]) -> Probabilities:
        """Probabilities (n, 3); each distinct text runs once."""
        once, rows = distinct([prepared(text, self._settings["preparation"]) for text in texts])
        if not rows:
            return np.empty((0, len(LABELS)))
        tokens = [encoding.ids for encoding in self._tokenizer.encode_batch(once)]
        proba = softmax(run(self._session, tokens, self._settings.get("together", 1)))
        return apply_temperature(proba, self._settings["temperature"])[rows]

    @property
    def memory_mb(self) -> float:
        """The files as they are, and the graph once more, as ONNX Runtime holds it."""
        return (sum(map(len, self._files.values())) + len(self._files[GRAPH])) / 1e6

    def save(self, folder: Path) -> None:
        """Graph, tokenizer, weights to train on from, and settings."""
        for name, content in self._files.items():
            (folder / name).write_bytes(content)
        (folder / SETTINGS).write_text(json.dumps(self._settings, sort_keys=True))


def load(family: str, folder: Path) -> OnnxModel:
    """Read what `OnnxModel.save` wrote."""
    settings = json.loads((folder / SETTINGS).read_text())
    names = [name for name in (GRAPH, TOKENIZER, WEIGHTS) if (folder / name).is_file()]
    return OnnxModel(family, {name: (folder / name).read_bytes() for name in names}, settings)


def run(session: Any, tokens: Sequence[Sequence[int]], together: int = 1) -> NDArray[np.float64]:
    """Logits (n, 3); up to `together` texts of one length at once, on as many threads as there are processors.

    One by one where a graph scales activations by what is in the batch: neighbours would change a tweet's result.
    """
    found = np.empty((len(tokens), len(LABELS)))

    def answer(rows: Sequence[int]) -> None:
        found[rows] = session.run(None, {INPUT: np.array([tokens[row] for row in rows], dtype=np.int64)})[0]

    rows_together = batches(tokens, together)
    threads = min(_processors(), len(tokens) // 8)
    if threads < 2:
        for rows in rows_together:
            answer(rows)
        return found
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(answer, rows_together))
    return found


def batches(tokens: Sequence[Sequence[int]], together: int) -> list[list[int]]:
    """Rows whose texts have one length, longest first: a long one at the end would leave the other threads idle."""
    of_length: dict[int, list[int]] = {}
    for row, ids in enumerate(tokens):
        of_length.setdefault(len(ids), []).append(row)
    return [
        of_length[length][start : start + together]
        for length in sorted(of_length, reverse=True)
        for start in range(0, len(of_length[length]), together)
    ]


def session(graph: bytes) -> Any:
    """An ONNX Runtime session that uses one thread a text."""
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtra(what="A transformer", package="onnxruntime", extra="onnx") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        graph, options, providers=["CPUExecutionProvider"], disabled_optimizers=LEFT_OUT
    )


def tokenizer(content: str, tokens: int) -> Any:
    """The tokenizer, cutting after that many tokens and padding nothing."""
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise MissingExtra(what="A transformer", package="tokenizers", extra="onnx") from error
    found = Tokenizer.from_str(content)
    found.no_padding()
    found.enable_truncation(tokens)
    return found


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
