"""What a network is taught: to guess the words of tweets, then their labels. Each part can be gone on with."""

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
from sentiment_lib.families.base import Training
from sentiment_lib.families.text_preparation import prepared
from sentiment_lib.families.transformers import fine_tuning, masked_language_model, optimisation
from sentiment_lib.families.transformers.checkpoint import Checkpoint
from sentiment_lib.families.transformers.hyperparameters import Recipe
from sentiment_lib.families.transformers.optimisation import Tokens
from sentiment_lib.records import LABELS
from sentiment_lib.text.normalise import NORMALISER_VERSION

#: Where, beside the checkpoint of a training, that of its first part lies.
ADAPTING = "adapting"


@dataclass(frozen=True)
class Lessons:
    """One training of one network: `cut` parts its rows into earlier and later, `state` is where checkpoints go.

    `origin` stands for the network before its first step and for how texts become its tokens (`_key`).
    """

    family: str
    training: Training
    cut: int
    recipe: Recipe
    cutter: Any
    preparation: str
    origin: tuple[Any, ...]
    state: Path | None

    def adapt(self, network: Any) -> dict[str, Any]:
        """Have the network guess words of the tweets without labels and of the earlier rows; returns notes."""
        # the later rows stay unseen, with and without their labels
        texts = [*self.training.unlabelled, *self.training.texts[: self.cut]]
        return masked_language_model.adapt(
            network.body.base_model,
            self._tokens(texts),
            self.recipe,
            **_signs(self.cutter),
            seed=self.training.seed,
            checkpoint=self._checkpoint(ADAPTING),
            report=lambda share, doing: self.training.report(self.family, 0.05 + 0.35 * share, doing),
        )

    def fine_tune(self, network: nn.Module, tokens: Tokens) -> dict[str, Any]:
        """Teach it the labels of the earlier rows; the later ones say when to stop. Returns notes."""
        labels, begun = self.training.labels, 0.4 if self.recipe.adapt else 0.05
        shares = self._shares()
        return fine_tuning.fine_tune(
            network,
            fine_tuning.Rows(tokens=tokens[: self.cut], labels=labels[: self.cut], shares=shares),
            fine_tuning.Rows(tokens=tokens[self.cut :], labels=labels[self.cut :]),
            self.recipe,
            **_signs(self.cutter),
            seed=self.training.seed,
            checkpoint=self._checkpoint(shares=shares),
            report=lambda share, doing: self.training.report(self.family, begun + (0.9 - begun) * share, doing),
        )

    def _tokens(self, texts: Sequence[str]) -> list[list[int]]:
        return [found.ids for found in self.cutter.encode_batch([prepared(text, self.preparation) for text in texts])]

    def _shares(self) -> NDArray[np.float32] | None:
        """What the teacher says of the earlier rows and what their labels say, mixed (n, 3); None without a teacher.

        Hinton, Vinyals, Dean: Distilling the Knowledge in a Neural Network, 2015.
        """
        share, teacher = self.recipe.taught, self.training.teacher
        if not share:
            return None
        if teacher is None:
            raise BadInput(what=f"option taught of {self.family}", problem="there is no teacher")
        self.training.report(self.family, 0.02, "asking the teacher")
        said = teacher.predict_proba(self.training.texts[: self.cut])
        labels = np.eye(len(LABELS))[self.training.labels[: self.cut]]
        return np.asarray((1 - share) * labels + share * said, dtype=np.float32)

    def _checkpoint(self, part: str = "", shares: NDArray[np.float32] | None = None) -> Checkpoint:
        said = [] if shares is None else [hashlib.sha256(shares.tobytes()).hexdigest()]
        origin = [*self.origin, self.preparation, *said]
        key = _key(self.training, asdict(self.recipe), self.family, self.cut, origin)
        return Checkpoint(None if self.state is None else self.state / part, key)


def seed(number: int) -> None:
    """Everything that torch draws follows from this number."""
    torch.manual_seed(number)


def circumstances() -> dict[str, Any]:
    """What networks are trained on here: device, threads of the processor, and whether in bfloat16."""
    where = optimisation.device()
    return {"device": where.type, "threads": torch.get_num_threads(), "bf16": optimisation.computes_in_bf16(where)}


def _signs(cutter: Any) -> dict[str, int]:
    """Ids of the tokens that fill a batch up and that stand for a word left out."""
    names = {"pad": ("[PAD]", "<pad>"), "blank": ("[MASK]", "<mask>", "[UNK]", "<unk>")}
    return {
        sign: next((int(place) for name in some if (place := cutter.token_to_id(name)) is not None), 0)
        for sign, some in names.items()
    }


def _key(training: Training, recipe: dict[str, Any], family: str, cut: int, origin: list[Any]) -> str:
    """Stands for all that decides the weights, so that a checkpoint of another training is never resumed."""
    digest = hashlib.sha256(json.dumps([recipe, family, cut, training.seed, NORMALISER_VERSION, *origin]).encode())
    digest.update(training.labels.tobytes())
    for text in [*training.texts, *(training.unlabelled if recipe["adapt"] else ())]:
        digest.update(text.encode("utf-8", "replace") + b"\0")
    return digest.hexdigest()
