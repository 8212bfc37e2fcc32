"""BERT fine-tuned end to end, and RoBERTa of tweets; both are served through ONNX Runtime.

Devlin et al.: BERT, NAACL 2019. Wang et al.: MiniLM, NeurIPS 2020. Loureiro et al.: TimeLMs, ACL 2022 (demo).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.errors import BadInput, MissingExtra, TrainingRefused
from sentiment_lib.families.base import Model, Training
from sentiment_lib.families.calibration import fit_temperature, record, shares_as_in, softmax
from sentiment_lib.families.onnx import runtime
from sentiment_lib.families.options import Number, choice, numbers
from sentiment_lib.families.text_preparation import prepared
from sentiment_lib.families.transformers import warm_start
from sentiment_lib.families.transformers.class_collapse import collapsed
from sentiment_lib.families.transformers.hyperparameters import Recipe, bounds_of
from sentiment_lib.families.weights.base_checkpoint import Origin, found

if TYPE_CHECKING:
    from sentiment_lib.families.onnx.export import Exported
    from sentiment_lib.families.transformers.optimisation import Tokens

ROBERTA = "cardiffnlp/twitter-roberta-base-sentiment-latest"
#: Newest share of the rows that decides when to stop and how sure to be; the rest is learned from.
LATER = Number(0.1, 0, 0.9, whole=False)
#: As many later rows are enough for that; where nobody asks for a share, what is above is learned from.
ENOUGH_LATER = 1000
TOKENS = 64
PRECISIONS = ("fp32", "int8")
OTHERS = ("checkpoint", "start", "fine_tune", "checkpoints", "precision")
#: What a graph is compared with its network on when there are no rows.
EXAMPLES = ("@united thank you for the quick help", "the flight was delayed again, and nobody tells us why", "ok")


class TransformerFamily:
    """A checkpoint, trained on labelled tweets (or taken as it is), exported once and served without torch.

    Options: `checkpoint` (folder, name, or name of pinned weights), `start` (folder of a package of this family to go
    on from; its body is adapted already, so `adapt` does nothing), `fine_tune`, `checkpoints` (folder for the state of
    a training that may be killed; the caller removes it when the model is safe), `precision` ("int8" or "fp32"),
    `later` (share; without it a tenth of the rows, 1,000 at most), and every field of `recipe.Recipe`.
    """

    def __init__(self, name: str, *, kind: str, preparation: str, checkpoint: str, recipe: Recipe) -> None:
        self.name = name
        self._kind = kind
        self._preparation = preparation
        self._checkpoint = checkpoint
        self._usual = recipe

    def fine_tunes(self, options: Mapping[str, Any]) -> bool:
        """Whether a training with these options learns anything; BadInput when `fine_tune` is not yes or no."""
        found = options.get("fine_tune", self._kind == "mean")
        if not isinstance(found, bool):
            raise BadInput(what=f"option fine_tune of {self.name}", problem=f"{found!r} is neither true nor false")
        return found

    def train(self, training: Training) -> Model:
        """Fine-tune on the earlier rows, choose and calibrate on the later ones, export."""
        options, fine_tune = training.options, self.fine_tunes(training.options)
        recipe, precision = self._chosen(options)
        if fine_tune:
            training.require_all_labels(self.name)
        training.report(self.name, 0.0, "reading the checkpoint")
        torch_is_there(self.name)
        from sentiment_lib.families.onnx.export import Sample, export
        from sentiment_lib.families.transformers import networks
        from sentiment_lib.families.transformers.training import Lessons, circumstances, seed

        origin = self._origin(options)
        cutter = runtime.tokenizer(origin.tokenizer, TOKENS)
        tokens = [found.ids for found in cutter.encode_batch(self._ready(training.texts))]
        cut, start = self._cut(options, len(tokens)), None
        if options.get("start") is not None:
            start = warm_start.read(Path(options["start"]))
            start.require_base(origin.digest)
            cut = start.first_later(training.created_at, cut, len(tokens))
        seed(training.seed)
        network = networks.build(self._kind, origin.folder)
        networks.freeze_words(network)
        if start is not None:
            start.put_into(network)
        notes: dict[str, Any] = {"fine_tuned": fine_tune, "warm_start": start is not None}
        went: dict[str, Any] = {}
        if fine_tune:
            kept = None if options.get("checkpoints") is None else Path(options["checkpoints"])
            before = (origin.digest, TOKENS, None if start is None else start.digest)
            lessons = Lessons(self.name, training, cut, recipe, cutter, self._preparation, before, kept)
            if recipe.adapt:
                notes |= lessons.adapt(network) if start is None else {"adapted_on": 0}
            notes |= lessons.fine_tune(network, tokens)
            went = {"resumed": notes.pop("resumed"), **circumstances()}
        plain = networks.build(self._kind, origin.folder, attention="eager")
        plain.load_state_dict(network.state_dict())
        sample = Sample(
            earlier=tokens[:cut],
            later=tokens[cut:],
            truth=training.labels[cut:],
            examples=[found.ids for found in cutter.encode_batch(self._ready(EXAMPLES))],
        )
        exported = export(
            self.name, plain, sample, precision, lambda doing: training.report(self.name, 0.9, f"exporting: {doing}")
        )
        temperature, measured = self._calibrated(exported, tokens[cut:], training.labels, collapse=fine_tune)
        settings = {
            "preparation": self._preparation,
            "tokens": TOKENS,
            "together": exported.together,
            "temperature": temperature,
            "base": origin.digest,
            "notes": notes | exported.notes | measured,
        }
        files = {runtime.GRAPH: exported.graph, runtime.TOKENIZER: origin.tokenizer.encode()}
        if fine_tune:
            files[runtime.WEIGHTS] = warm_start.weights_of(network)
            settings["learned_until"] = warm_start.learned_until(training.created_at, cut, start)
        training.report(self.name, 1.0, "trained")
        return runtime.OnnxModel(self.name, files, settings, went)

    def start_problem(
        self, options: Mapping[str, Any], package: Path, created_at: Sequence[datetime] | None
    ) -> str | None:
        """Why a training of rows of these times cannot start from the package; None when, as far as seen, it can."""
        if not self.fine_tunes(options):
            return "the checkpoint is taken as it is"
        try:
            start = warm_start.read(package)
            start.require_base(self._origin(options).digest)
            if created_at is not None:
                start.first_later(created_at, self._cut(options, len(created_at)), len(created_at))
        except BadInput as error:
            return str(error)
        return None

    def load(self, folder: Path) -> Model:
        """Read graph and tokenizer; torch is not needed."""
        return runtime.load(self.name, folder)

    def _calibrated(
        self, exported: Exported, tokens: Tokens, labels: NDArray[np.int64], *, collapse: bool
    ) -> tuple[float, dict[str, Any]]:
        """Temperature on the later rows, whose token ids are given; `labels` are those of all rows."""
        if not tokens:
            return 1.0, {}
        truth = labels[len(labels) - len(tokens) :]
        proba = softmax(runtime.run(runtime.session(exported.graph), tokens, exported.together))
        if collapse and (problem := collapsed(proba.argmax(axis=1), truth)):
            raise TrainingRefused(family=self.name, problem=problem)
        weights = shares_as_in(labels, truth)
        temperature = fit_temperature(proba, truth, weights)
        return temperature, record(proba, truth, temperature, weights)

    def _ready(self, texts: Sequence[str]) -> list[str]:
        return [prepared(text, self._preparation) for text in texts]

    def _cut(self, options: Mapping[str, Any], rows: int) -> int:
        """How many of the rows, oldest first, are learned from."""
        later = int(rows * numbers(self.name, {"later": options.get("later", LATER.usual)}, {"later": LATER})["later"])
        return rows - (later if "later" in options else min(later, ENOUGH_LATER))

    def _origin(self, options: Mapping[str, Any]) -> Origin:
        return found(str(options.get("checkpoint", self._checkpoint)), self.name)

    def _chosen(self, options: Mapping[str, Any]) -> tuple[Recipe, str]:
        """Recipe and precision; BadInput for an option that is unknown or out of bounds."""
        found = numbers(self.name, options, {**bounds_of(self._usual), "later": LATER}, others=OTHERS)
        precision = choice(self.name, options, "precision", PRECISIONS, usual="int8")
        return Recipe(**{name: value for name, value in found.items() if name != "later"}), precision


def torch_is_there(family: str) -> None:
    """MissingExtra unless torch and transformers can be imported."""
    for package in ("torch", "transformers", "safetensors"):
        try:
            __import__(package)
        except ImportError as error:
            raise MissingExtra(what=f"Training {family}", package=package, extra="transformers") from error


BERT = TransformerFamily(
    "bert", kind="mean", preparation="named", checkpoint="all-minilm-l6-v2", recipe=Recipe(rate=1e-4)
)
#: Five times the size of the above: one pass is enough, and slower.
MPNET = TransformerFamily(
    "mpnet",
    kind="mean",
    preparation="named",
    checkpoint="all-mpnet-base-v2",
    recipe=Recipe(rate=3e-5, epochs=1),
)
TWEET_ROBERTA = TransformerFamily(
    "tweet_roberta", kind="own", preparation="user_http", checkpoint=ROBERTA, recipe=Recipe(rate=2e-5)
)
