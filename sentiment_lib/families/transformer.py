"""BERT fine-tuned end to end, and RoBERTa of tweets; both are served through ONNX Runtime.

Devlin et al.: BERT, NAACL 2019. Wang et al.: MiniLM, NeurIPS 2020. Loureiro et al.: TimeLMs, ACL 2022 (demo).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, fields, replace
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
from sentiment_lib.families.weights import locate
from sentiment_lib.records import LABELS
from sentiment_lib.text.normalise import NORMALISER_VERSION

if TYPE_CHECKING:
    from torch import nn

ROBERTA = "cardiffnlp/twitter-roberta-base-sentiment-latest"
#: Newest share of the rows that decides when to stop and how sure to be; the rest is learned from.
LATER = 0.1
#: Later rows on which a label that makes up COMMON of them must be predicted at least once.
ENOUGH, COMMON = 100, 0.05
#: int8 is served when it gives this share of the labels of single precision on the later rows.
PARITY = 0.97
TOKENS = 64


class TransformerFamily:
    """A checkpoint, trained on labelled tweets (or taken as it is), exported once and served without torch.

    Options: `checkpoint` (folder or name), `start` (folder of a package of this family to go on from), `fine_tune`,
    `checkpoints` (folder for the state of a training that may be killed), `precision` ("int8" or "fp32"), `later`,
    and every field of `recipe.Recipe`.
    """

    def __init__(self, name: str, *, kind: str, preparation: str, checkpoint: str | None, rate: float) -> None:
        self.name = name
        self._kind = kind
        self._preparation = preparation
        self._checkpoint = checkpoint
        self._rate = rate

    def train(self, training: Training) -> Model:
        """Fine-tune on the earlier rows, choose and calibrate on the later ones, export."""
        options = dict(training.options)
        fine_tune = bool(options.pop("fine_tune", self._kind == "mean"))
        if fine_tune:
            training.require_all_labels(self.name)
        training.report(self.name, 0.0, "reading the checkpoint")
        torch_is_there(self.name)
        from sentiment_lib.families import network as networks

        folder = self._folder(options.pop("checkpoint", self._checkpoint))
        source = _tokenizer_json(folder)
        cutter = onnx_model.tokenizer(source, TOKENS)
        ready = [prepared(text, self._preparation) for text in training.texts]
        tokens = [encoding.ids for encoding in cutter.encode_batch(ready)]
        cut = len(tokens) - int(len(tokens) * float(options.pop("later", LATER)))
        precision, state = str(options.pop("precision", "int8")), options.pop("checkpoints", None)
        start = options.pop("start", None)
        recipe = self._recipe(options)
        _seed(training.seed)
        network = networks.build(self._kind, folder)
        networks.freeze_words(network)
        if start is not None:
            go_on_from(network, Path(start))
        notes: dict[str, Any] = {"fine_tuned": fine_tune, "warm_start": start is not None}
        if fine_tune:
            key = _key(training, asdict(recipe), self.name, cut, folder)
            notes |= self._fine_tune(network, training, tokens, cut, recipe, key, state, cutter)
        training.report(self.name, 0.9, "exporting")
        later = (tokens[cut:], training.labels[cut:])
        plain = networks.build(self._kind, folder, attention="eager")
        plain.load_state_dict(network.state_dict())
        graph, parity = _graph(plain, later[0], precision)
        temperature, measured = self._calibrated(graph, later, training.labels, collapse=fine_tune)
        settings = {
            "preparation": self._preparation,
            "tokens": TOKENS,
            "temperature": temperature,
            "notes": notes | parity | measured,
        }
        files = {onnx_model.GRAPH: graph, onnx_model.TOKENIZER: source.encode()}
        if fine_tune:
            files[onnx_model.WEIGHTS] = _weights(network)
        training.report(self.name, 1.0, "trained")
        return onnx_model.OnnxModel(self.name, files, settings)

    def load(self, folder: Path) -> Model:
        """Read graph and tokenizer; torch is not needed."""
        return onnx_model.load(self.name, folder)

    def _fine_tune(
        self,
        network: nn.Module,
        training: Training,
        tokens: list[list[int]],
        cut: int,
        recipe: Recipe,
        key: str,
        state: Any,
        cutter: Any,
    ) -> dict[str, Any]:
        from sentiment_lib.families.checkpoint import Checkpoint
        from sentiment_lib.families.fine_tuning import Rows, fine_tune

        checkpoint = Checkpoint(None if state is None else Path(state), key)
        notes = fine_tune(
            network,
            Rows(tokens=tokens[:cut], labels=training.labels[:cut]),
            Rows(tokens=tokens[cut:], labels=training.labels[cut:]),
            recipe,
            pad=_sign(cutter, "[PAD]", "<pad>"),
            blank=_sign(cutter, "[MASK]", "<mask>", "[UNK]", "<unk>"),
            seed=training.seed,
            checkpoint=checkpoint,
            report=lambda share, doing: training.report(self.name, 0.05 + 0.85 * share, doing),
        )
        checkpoint.remove()
        return notes

    def _calibrated(
        self,
        graph: bytes,
        later: tuple[list[list[int]], NDArray[np.int64]],
        labels: NDArray[np.int64],
        *,
        collapse: bool,
    ) -> tuple[float, dict[str, Any]]:
        tokens, truth = later
        if not tokens:
            return 1.0, {}
        proba = softmax(onnx_model.run(onnx_model.session(graph), tokens))
        shares = np.bincount(truth, minlength=len(LABELS)) / len(truth)
        predicted = np.bincount(proba.argmax(axis=1), minlength=len(LABELS))
        lost = [str(label) for label, share, n in zip(LABELS, shares, predicted, strict=True) if share > COMMON > n]
        if collapse and lost and len(truth) >= ENOUGH:
            raise TrainingRefused(family=self.name, problem=f"it learned never to answer {', '.join(lost)}")
        temperature = fit_temperature(proba, truth, shares_as_in(labels, truth))
        return temperature, record(proba, truth, temperature)

    def _folder(self, given: str | None) -> Path:
        if given is None:
            return locate("all-minilm-l6-v2", self.name)
        if Path(given).is_dir():
            return Path(given)
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

        try:
            # only what was downloaded before: training does not reach for the network
            return Path(snapshot_download(given, local_files_only=True))
        except (LocalEntryNotFoundError, HFValidationError) as error:
            raise MissingWeights(family=self.name, checkpoint=given) from error

    def _recipe(self, options: dict[str, Any]) -> Recipe:
        known = {field.name for field in fields(Recipe)}
        if strange := sorted(set(options) - known):
            raise BadInput(what=f"option {strange[0]} of {self.name}", problem=f"known are {', '.join(sorted(known))}")
        return replace(Recipe(rate=self._rate), **options)


def torch_is_there(family: str) -> None:
    """MissingExtra unless torch and transformers can be imported."""
    for package in ("torch", "transformers", "safetensors"):
        try:
            __import__(package)
        except ImportError as error:
            raise MissingExtra(what=f"Training {family}", package=package, extra="transformers") from error


def _seed(seed: int) -> None:
    import torch

    torch.manual_seed(seed)


def _tokenizer_json(folder: Path) -> str:
    """The tokenizer as JSON; made from the checkpoint's older files when there is no tokenizer.json."""
    path = folder / "tokenizer.json"
    if path.is_file():
        return path.read_text(encoding="utf-8")
    from transformers import AutoTokenizer

    return str(AutoTokenizer.from_pretrained(str(folder), use_fast=True).backend_tokenizer.to_str())


def _sign(cutter: Any, *names: str) -> int:
    """Id of the first of these tokens that the tokenizer has."""
    return next((int(place) for name in names if (place := cutter.token_to_id(name)) is not None), 0)


def _key(training: Training, recipe: dict[str, Any], family: str, cut: int, folder: Path) -> str:
    """Stands for all that decides the weights, so that a checkpoint of another training is never resumed."""
    digest = hashlib.sha256(json.dumps([recipe, family, cut, training.seed, NORMALISER_VERSION]).encode())
    digest.update((folder / "config.json").read_bytes())
    digest.update(training.labels.tobytes())
    for text in training.texts:
        digest.update(text.encode("utf-8", "replace") + b"\0")
    return digest.hexdigest()


def _graph(network: nn.Module, later: list[list[int]], precision: str) -> tuple[bytes, dict[str, Any]]:
    """The graph to serve and how close it is to torch; single precision when int8 answers differently too often."""
    import torch

    from sentiment_lib.families.fine_tuning import padded
    from sentiment_lib.families.onnx_export import export, quantised

    whole = export(network)
    sample = later[-300:] or [[101, 102]]
    with torch.inference_mode():
        truth = np.vstack([network(padded([ids], 0)[0]).numpy() for ids in sample])
    exact = onnx_model.run(onnx_model.session(whole), sample)
    notes = {"onnx_difference": float(f"{np.abs(exact - truth).max():.1e}")}
    if precision == "fp32":
        return whole, notes | {"precision": "fp32"}
    small = quantised(whole)
    answers = onnx_model.run(onnx_model.session(small), sample)
    same = float((answers.argmax(axis=1) == truth.argmax(axis=1)).mean())
    notes["int8_same_labels"] = round(same, 4)
    return (small, notes | {"precision": "int8"}) if same >= PARITY else (whole, notes | {"precision": "fp32"})


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


BERT = TransformerFamily("bert", kind="mean", preparation="plain", checkpoint=None, rate=1e-4)
TWEET_ROBERTA = TransformerFamily("tweet_roberta", kind="own", preparation="user_http", checkpoint=ROBERTA, rate=2e-5)
