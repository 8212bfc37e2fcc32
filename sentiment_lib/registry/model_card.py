"""The model card of a version: training data, quality, calibration, cost, limits and licences.

Mitchell et al. 2019, "Model Cards for Model Reporting", FAT*.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sentiment_lib.evaluation.cost import Cost
from sentiment_lib.families.catalog import CATALOG, DERIVED
from sentiment_lib.records import SyntheticRows
from sentiment_lib.training_record import SearchRecord, TrainingRecord

#: Metric -> value and bounds; None where no interval is claimed.
Interval = tuple[float, float | None, float | None]
Figures = Mapping[str, Interval]
FILE = "card.md"
HIDDEN_QUALITY = (
    "Hidden until `evaluate` compares this version with the champion: choosing among published figures is a look at "
    "the holdout that no error budget counts."
)
LIMITS = """\
- Intended for English tweets to and about airlines. Other languages are accepted; performance on them is not measured.
- A label is the sentiment of one text. It does not establish what its author feels and is no judgement of a person.
- Irony and factual reports of bad news are the most frequent errors, as are words newer than the training data.
- Labels come from crowd workers and from corrections by users, and contain their errors.
- Probabilities are calibrated on the training period. After drift they may be miscalibrated until the next retrain.
- User names, URLs and numbers are masked before the model reads a text."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """The contents of a model card. Shares and metrics from 0 to 1; times as text."""

    family: str
    digest: str
    training: TrainingRecord
    normaliser: str
    #: part -> rows, first and last time, share of each label
    parts: Mapping[str, tuple[int, str, str, Mapping[str, float]]] = field(default_factory=dict)
    #: label source -> rows
    sources: Mapping[str, int] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)
    cost: Cost = field(default_factory=Cost)
    synthetic: SyntheticRows = field(default_factory=SyntheticRows)


@dataclass(frozen=True, kw_only=True)
class HoldoutQuality:
    """Metrics on the holdout with 95 % intervals: name -> value, low, high."""

    metrics: Figures
    #: slice -> rows and its metrics
    slices: Mapping[str, tuple[int, Figures]] = field(default_factory=dict)


def card(facts: Facts, *, model: str) -> str:
    """The model card as Markdown; `model` is the registered model's name."""
    sections = (
        ("Data", _data(facts)),
        ("Quality on the holdout", _quality(facts)),
        ("Calibration", _calibration(facts)),
        ("Cost", _cost(facts.cost)),
        ("Limits", [LIMITS]),
        ("Licences", _licences(facts)),
        ("How to load it", _load(facts, model)),
    )
    head = f"# {facts.family}\n\nSentiment of a tweet: negative, neutral or positive. Package `{facts.digest}`."
    return "\n\n".join([head, *(f"## {title}\n\n" + "\n".join(lines) for title, lines in sections)]) + "\n"


def _data(facts: Facts) -> list[str]:
    training = facts.training
    if not facts.parts:
        return ["Nothing was learned: the family answers by its lexicon or its checkpoint alone."]
    rows = (
        [part, f"{n:,}", f"{first} to {last}", *(f"{100 * share:.1f} %" for share in shares.values())]
        for part, (n, first, last, shares) in facts.parts.items()
    )
    labels = list(next(iter(facts.parts.values()))[3])
    lines = [*((f"**{facts.synthetic}**", "") if facts.synthetic else ())]
    lines += [*_table(["part", "rows", "period (UTC)", *labels], rows), ""]
    lines.append(f"Snapshot `{training.snapshot_hash}`; the holdout is later than every training row.")
    lines.append(f"Labels come from {', '.join(f'{name} ({n:,})' for name, n in facts.sources.items())}.")
    options = ", ".join(f"{name}={value}" for name, value in training.options.items()) or "the defaults"
    lines.append(f"Seed {training.seed}, options {options}, code {training.revision}, normaliser {facts.normaliser}.")
    if training.search and training.search.trials:
        lines.append(_search(training.search))
    inputs = training.inputs
    if inputs.unlabelled:
        lines.append(f"Also read: {inputs.unlabelled.rows or 0:,} unlabelled tweets from before the holdout.")
    if inputs.start:
        lines.append(f"Warm-started from the weights of version {inputs.start.version}.")
    if inputs.teacher:
        is_layer = training.family in DERIVED
        lines.append(
            f"A temperature and a shift of the classes on top of version {inputs.teacher.version}, fitted on the audit "
            "labels of the training part that this had not learned from."
            if is_layer
            else f"Distilled from version {inputs.teacher.version}, beside the labels."
        )
    return lines


def _search(search: SearchRecord) -> str:
    options = ", ".join(f"{name}={value}" for name, value in search.found.items()) or "the defaults won"
    size = f"{search.configurations} configurations in {search.trials} trials on folds of the training rows"
    early = f" It ended early: {search.stopped}." if search.stopped else ""
    return f"Hyperparameter search, {size}: {options}.{early}"


def publish_quality(text: str, quality: HoldoutQuality) -> str:
    """The card with the metrics on the holdout in place of the note that they are hidden."""
    lines = _table(
        ["metric", "value", "95 % interval"], ([_name(n), *_interval(v)] for n, v in quality.metrics.items())
    )
    if quality.slices:
        shown = [name for name in ("macro_f1", "negative_f1") if name in quality.metrics]
        rows = (
            [name, f"{n:,}", *("{} ({})".format(*_interval(figures[metric])) for metric in shown)]
            for name, (n, figures) in quality.slices.items()
        )
        lines += ["", *_table(["slice", "rows", *map(_name, shown)], rows)]
    note = (
        "–: too few tweets of a class to say, or no valid interval. "
        "Whether it is promoted is decided by `evaluate`, not by this table."
    )
    return text.replace(HIDDEN_QUALITY, "\n".join([*lines, "", note]))


def _quality(facts: Facts) -> list[str]:
    return [HIDDEN_QUALITY] if "holdout" in facts.parts else ["Not measured: there was no holdout."]


def _calibration(facts: Facts) -> list[str]:
    before, after = facts.notes.get("ece_before"), facts.notes.get("ece_after")
    if before is None or after is None:
        return ["The probabilities are not calibrated: there were too few labelled tweets, or none."]
    rows = facts.notes.get("calibration_rows", 0)
    change = f"{100 * before:.1f} % before, {100 * after:.1f} % after"
    return [f"Calibration error on the {rows:,} later training rows: {change}."]


def _cost(cost: Cost) -> list[str]:
    measured = cost.as_dict()
    rows = (
        ("train_seconds", "training, wall", "s"),
        ("train_cpu_seconds", "training, CPU", "s"),
        ("memory_mb", "peak memory of training", "MB"),
        ("artefact_mb", "package", "MB"),
        ("p50_ms", "one tweet, median", "ms"),
        ("p99_ms", "one tweet, 99th percentile", "ms"),
        ("tweets_per_second", "batch", "tweets/s"),
    )
    return _table(
        ["what", "measured"], ([text, f"{measured[name]:,.6g} {unit}"] for name, text, unit in rows if name in measured)
    )


def _licences(facts: Facts) -> list[str]:
    names = [facts.family, *map(str, facts.notes.get("members", ()))]
    lines = [f"- `{name}`: {CATALOG[name].licence}" for name in names if name in CATALOG]
    if "checkpoint" in facts.training.options:
        lines.append(
            f"- The checkpoint {facts.training.options['checkpoint']} has its own licence; read it before use."
        )
    return [
        *lines,
        "- Labelled tweets belong to their authors; a data set's licence can restrict what a model of it is for.",
    ]


def _load(facts: Facts, model: str) -> list[str]:
    return [
        "By version and digest, with the signature and every byte checked; the number stands at the top of its page:",
        "```python",
        "from sentiment_lib.registry.mlflow_registry import Registry",
        "from sentiment_lib.settings import load_settings",
        f'served = Registry(load_settings()).load(version, "{facts.digest}")',
        'served.predict_proba(["@united thank you"])',
        "```",
        f'Through MLflow alone, `mlflow.pyfunc.load_model(f"models:/{model}/{{version}}")` checks the bytes against '
        "the digest that the version itself names, and no signature. An alias such as `@champion` may be moved.",
    ]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(head)} |", "|" + "---|" * len(head), *(f"| {' | '.join(row)} |" for row in rows)]


def _interval(figure: Interval) -> tuple[str, str]:
    value, low, high = figure
    between = "–" if low is None or high is None else f"{100 * low:.1f} to {100 * high:.1f} %"
    return f"{100 * value:.1f} %", between


def _name(metric: str) -> str:
    return metric.replace("_", " ").replace(" f1", " F1")
