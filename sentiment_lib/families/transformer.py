"""BERT fine-tuned end to end, and RoBERTa of tweets; both are served through ONNX Runtime.

Devlin et al.: BERT, NAACL 2019. Wang et al.: MiniLM, NeurIPS 2020. Loureiro et al.: TimeLMs, ACL 2022 (demo).
"""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.errors import BadInput, MissingExtra, MissingWeights, TrainingRefused
from sentiment_lib.families import onnx_model
from sentiment_lib.families.base import Model, Training
from sentiment_lib.families.calibration import fit_temperature, record, shares_as_in, softmax
from sentiment_lib.families.preparation import prepared
from sentiment_lib.families.recipe import Recipe
from sentiment_lib.families.weights import PINNED, locate
from sentiment_lib.records import LABELS

if TYPE_CHECKING:
    from torch import nn

    from sentiment_lib.families.onnx_export import Exported
    from sentiment_lib.families.stepping import Tokens

ROBERTA = "cardiffnlp/twitter-roberta-base-sentiment-latest"
#: Newest share of the rows that decides when to stop and how sure to be; the rest is learned from.
LATER = 0.1
#: Later rows on which a label that makes up COMMON of them must be predicted at least once.
ENOUGH, COMMON = 100, 0.05
TOKENS = 64
PRECISIONS = ("fp32", "int8")


class TransformerFamily:
    """A checkpoint, trained on labelled tweets (or taken as it is), exported once and served without torch.

    Options: `checkpoint` (folder, name, or name of pinned weights), `start` (folder of a package of this family to go
    on from), `fine_tune`, `checkpoints` (folder for the state of a training that may be killed), `precision` ("int8" or
    "fp32"), `later`, and every field of `recipe.Recipe`.
    """

    def __init__(self, name: str, *, kind: str, preparation: str, checkpoint: str, recipe: Recipe) -> None:
        self.name = name
        self._kind = kind
        self._preparation = preparation
        self._checkpoint = checkpoint
        self._usual = recipe

    def train(self, training: Training) -> Model:
        """Fine-tune on the earlier rows, choose and calibrate on the later ones, export."""
        options = dict(training.options)
        fine_tune = bool(options.pop("fine_tune", self._kind == "mean"))
        if fine_tune:
            training.require_all_labels(self.name)
        training.report(self.name, 0.0, "reading the checkpoint")
        torch_is_there(self.name)
        from sentiment_lib.families import network as networks
        from sentiment_lib.families.lessons import Lessons, seed
        from sentiment_lib.families.onnx_export import export

        checkpoint = str(options.pop("checkpoint", self._checkpoint))
        folder = self._folder(checkpoint)
        if not (folder / "config.json").is_file():
            raise BadInput(what=f"checkpoint {checkpoint} of {self.name}", problem="it holds no config.json")
        source = _tokenizer_json(folder)
        cutter = onnx_model.tokenizer(source, TOKENS)
        ready = [prepared(text, self._preparation) for text in training.texts]
        tokens = [encoding.ids for encoding in cutter.encode_batch(ready)]
        cut = len(tokens) - int(len(tokens) * float(options.pop("later", LATER)))
        precision, state = str(options.pop("precision", "int8")), options.pop("checkpoints", None)
        if precision not in PRECISIONS:
            problem = f"{precision!r} is none of {', '.join(PRECISIONS)}"
            raise BadInput(what=f"option precision of {self.name}", problem=problem)
        start = options.pop("start", None)
        recipe = self._recipe(options)
        seed(training.seed)
        network = networks.build(self._kind, folder)
        networks.freeze_words(network)
        if start is not None:
            go_on_from(network, Path(start))
        notes: dict[str, Any] = {"fine_tuned": fine_tune, "warm_start": start is not None}
        if fine_tune:
            kept = None if state is None else Path(state)
            lessons = Lessons(self.name, training, cut, recipe, cutter, self._preparation, folder, kept)
            if recipe.adapt and start is None:
                notes |= lessons.adapt(network)
            notes |= lessons.fine_tune(network, tokens)
        training.report(self.name, 0.9, "exporting")
        plain = networks.build(self._kind, folder, attention="eager")
        plain.load_state_dict(network.state_dict())
        exported = export(plain, tokens[:cut], tokens[cut:], precision)
        temperature, measured = self._calibrated(exported, tokens[cut:], training.labels, collapse=fine_tune)
        settings = {
            "preparation": self._preparation,
            "tokens": TOKENS,
            "together": exported.together,
            "temperature": temperature,
            "notes": notes | exported.notes | measured,
        }
        files = {onnx_model.GRAPH: exported.graph, onnx_model.TOKENIZER: source.encode()}
        if fine_tune:
            files[onnx_model.WEIGHTS] = _weights(network)
        training.report(self.name, 1.0, "trained")
        return onnx_model.OnnxModel(self.name, files, settings)

    def load(self, folder: Path) -> Model:
        """Read graph and tokenizer; torch is not needed."""
        return onnx_model.load(self.name, folder)

    def _calibrated(
        self, exported: Exported, tokens: Tokens, labels: NDArray[np.int64], *, collapse: bool
    ) -> tuple[float, dict[str, Any]]:
        """Temperature on the later rows, whose token ids are given; `labels` are those of all rows."""
        if not tokens:
            return 1.0, {}
        truth = labels[len(labels) - len(tokens) :]
        proba = softmax(onnx_model.run(onnx_model.session(exported.graph), tokens, exported.together))
        shares = np.bincount(truth, minlength=len(LABELS)) / len(truth)
        predicted = np.bincount(proba.argmax(axis=1), minlength=len(LABELS))
        lost = [str(label) for label, share, n in zip(LABELS, shares, predicted, strict=True) if share > COMMON > n]
        if collapse and lost and len(truth) >= ENOUGH:
            raise TrainingRefused(family=self.name, problem=f"it learned never to answer {', '.join(lost)}")
        temperature = fit_temperature(proba, truth, shares_as_in(labels, truth))
        return temperature, record(proba, truth, temperature)

    def _folder(self, given: str) -> Path:
        if given in PINNED:
            return locate(given, self.name)
        if Path(given).is_dir():
            return Path(given)
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

        try:
            # only what was downloaded before: training does not reach for the network
            return Path(snapshot_download(given, local_files_only=True))
        except (LocalEntryNotFoundError, HFValidationError) as error:
            raise MissingWeights(family=self.name, command=f"hf download {given}") from error

    def _recipe(self, options: dict[str, Any]) -> Recipe:
        known = {field.name for field in fields(Recipe)}
        if strange := sorted(set(options) - known):
            raise BadInput(what=f"option {strange[0]} of {self.name}", problem=f"known are {', '.join(sorted(known))}")
        return replace(self._usual, **options)


def torch_is_there(family: str) -> None:
    """MissingExtra unless torch and transformers can be imported."""
    for package in ("torch", "transformers", "safetensors"):
        try:
            __import__(package)
        except ImportError as error:
            raise MissingExtra(what=f"Training {family}", package=package, extra="transformers") from error


def _tokenizer_json(folder: Path) -> str:
    """The tokenizer as JSON; made from the checkpoint's older files when there is no tokenizer.json."""
    path = folder / "tokenizer.json"
    if path.is_file():
        return path.read_text(encoding="utf-8")
    from transformers import AutoTokenizer

    return str(AutoTokenizer.from_pretrained(str(folder), use_fast=True).backend_tokenizer.to_str())


def _weights(network: nn.Module) -> bytes:
    """Learned weights in half precision: enough to train on from, and half the size."""
    import torch
    from safetensors.torch import save

    from sentiment_lib.families.checkpoint import learned

    return save({name: value.detach().to(torch.float16).contiguous() for name, value in learned(network).items()})


def go_on_from(network: nn.Module, package: Path) -> None:
    """Put the weights that a package of this family learned into the network; BadInput when they are not its own."""
    from safetensors.torch import load_file

    path = package / onnx_model.WEIGHTS
    if not path.is_file():
        raise BadInput(what=f"start {package}", problem=f"it holds no {onnx_model.WEIGHTS}")
    found = network.load_state_dict({name: value.float() for name, value in load_file(path).items()}, strict=False)
    if found.unexpected_keys:
        raise BadInput(what=f"start {package}", problem=f"{found.unexpected_keys[0]} is not part of this network")


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
