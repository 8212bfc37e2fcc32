"""The training of a transformer in two stages: continued pre-training, then fine-tuning. Each stage is resumable."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sentiment_lib.errors import BadInput
from sentiment_lib.families.base import Tokens, Training
from sentiment_lib.families.text_preparation import prepare
from sentiment_lib.families.transformers import fine_tuning, masked_language_model, optimisation
from sentiment_lib.families.transformers.checkpoint import Checkpoint
from sentiment_lib.families.transformers.hyperparameters import Hyperparameters
from sentiment_lib.records import LABELS
from sentiment_lib.text.normalise import NORMALISER_VERSION

#: Folder of the pre-training's checkpoint, inside that of the training.
PRETRAINING = "pretraining"


@dataclass(frozen=True)
class TransformerTraining:
    """One training of one network: `split` is the index of the first held-out row.

    `origin` identifies the initial weights and the tokenisation; it is part of the checkpoint's key.
    """

    family: str
    training: Training
    split: int
    hyperparameters: Hyperparameters
    tokenizer: Any
    preparation: str
    origin: tuple[Any, ...]
    checkpoint_dir: Path | None

    def pretrain(self, network: Any) -> dict[str, Any]:
        """Masked language modelling on the unlabelled tweets and the rows before the split; returns notes."""
        # held-out rows stay unseen, with and without their labels
        texts = [*self.training.unlabelled, *self.training.texts[: self.split]]
        return masked_language_model.pretrain(
            network.body.base_model,
            self._tokenize(texts),
            self.hyperparameters,
            **_special_tokens(self.tokenizer),
            seed=self.training.seed,
            checkpoint=self._checkpoint(PRETRAINING),
            report=lambda share, doing: self.training.report(self.family, 0.05 + 0.35 * share, doing),
        )

    def fine_tune(self, network: nn.Module, tokens: Tokens) -> dict[str, Any]:
        """Learn the labels of the rows before the split, with early stopping on the rest; returns notes.

        BadInput when the option `distillation` has no teacher.
        """
        labels, begin = self.training.labels, 0.4 if self.hyperparameters.pretrain_epochs else 0.05
        soft_targets = self._soft_targets()
        return fine_tuning.fine_tune(
            network,
            fine_tuning.Rows(tokens=tokens[: self.split], labels=labels[: self.split], soft_targets=soft_targets),
            fine_tuning.Rows(tokens=tokens[self.split :], labels=labels[self.split :]),
            self.hyperparameters,
            **_special_tokens(self.tokenizer),
            seed=self.training.seed,
            checkpoint=self._checkpoint(soft_targets=soft_targets),
            report=lambda share, doing: self.training.report(self.family, begin + (0.9 - begin) * share, doing),
        )

    def _tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        prepared = [prepare(text, self.preparation) for text in texts]
        return [encoding.ids for encoding in self.tokenizer.encode_batch(prepared)]

    def _soft_targets(self) -> NDArray[np.float32] | None:
        """Mix (n, 3) of labels and teacher's probabilities for the rows before the split; None without distillation.

        Hinton, Vinyals, Dean: Distilling the Knowledge in a Neural Network, 2015.
        """
        share, teacher = self.hyperparameters.distillation, self.training.teacher
        if not share:
            return None
        if teacher is None:
            raise BadInput(what=f"option distillation of {self.family}", problem="there is no teacher")
        self.training.report(self.family, 0.02, "predicting with the teacher")
        proba = teacher.predict_proba(self.training.texts[: self.split])
        labels = np.eye(len(LABELS))[self.training.labels[: self.split]]
        return np.asarray((1 - share) * labels + share * proba, dtype=np.float32)

    def _checkpoint(self, stage: str = "", soft_targets: NDArray[np.float32] | None = None) -> Checkpoint:
        digests = [] if soft_targets is None else [hashlib.sha256(soft_targets.tobytes()).hexdigest()]
        origin = [*self.origin, self.preparation, *digests]
        key = _key(self.training, asdict(self.hyperparameters), self.family, self.split, origin)
        return Checkpoint(None if self.checkpoint_dir is None else self.checkpoint_dir / stage, key)


def set_seed(seed: int) -> None:
    """Seed torch's random generators."""
    torch.manual_seed(seed)


def circumstances() -> dict[str, Any]:
    """Hardware that networks are trained on in this process: device, CPU threads, and whether in bfloat16."""
    device = optimisation.select_device()
    return {"device": device.type, "threads": torch.get_num_threads(), "bf16": optimisation.computes_in_bf16(device)}


def _special_tokens(tokenizer: Any) -> dict[str, int]:
    """Ids of the padding and mask tokens; the unknown token where there is no mask token, else 0."""
    names = {"pad_token": ("[PAD]", "<pad>"), "mask_token": ("[MASK]", "<mask>", "[UNK]", "<unk>")}
    return {
        role: next((int(token) for name in spellings if (token := tokenizer.token_to_id(name)) is not None), 0)
        for role, spellings in names.items()
    }


def _key(training: Training, hyperparameters: dict[str, Any], family: str, split: int, origin: list[Any]) -> str:
    """SHA-256 of all that decides the weights, so that a checkpoint of another training is never resumed."""
    content = json.dumps([hyperparameters, family, split, training.seed, NORMALISER_VERSION, *origin])
    digest = hashlib.sha256(content.encode())
    digest.update(training.labels.tobytes())
    for text in [*training.texts, *(training.unlabelled if hyperparameters["pretrain_epochs"] else ())]:
        digest.update(text.encode("utf-8", "replace") + b"\0")
    return digest.hexdigest()
