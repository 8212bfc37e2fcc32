"""How a model version was trained: everything that is needed to train it again.

Stored as JSON in MLflow and in the table of versions; keys without content are absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, TypeVar

from sentiment_lib.errors import BadInput

T = TypeVar("T")

#: Options that earlier records name otherwise. They are renamed as a record is read, so that its version can be
#: trained again; the stored record keeps its text.
OPTION_NAMES = {
    "strength": "c",
    "taught": "distillation",
    "adapt": "pretrain_epochs",
    "looks": "evaluations_per_epoch",
    "words_left_out": "token_dropout",
    "interval": "checkpoint_every",
}
#: Fields of a search that earlier records name otherwise.
SEARCH_FIELDS = {"asked": "requested_trials", "ordered": "fixed_options"}


@dataclass(frozen=True, kw_only=True)
class TrainingOrder:
    """A training that is requested. The same order twice is one training."""

    snapshot_id: int
    family: str
    #: who requests it, "dag_id/run_id/family"
    run_key: str
    seed: int = 0
    #: the policy's when None
    options: Mapping[str, Any] | None = None
    #: start of the retrain run whose time budget the training shares; None for a training by itself
    run_started_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class TrainingSpec:
    """What is trained. Equal specs with equal inputs give equal models."""

    family: str
    seed: int
    options: Mapping[str, Any]
    #: SHA-256 of the snapshot's rows; None for a family that needs none
    snapshot_hash: str | None


@dataclass(frozen=True, kw_only=True)
class VersionReference:
    """A model version that a training builds on, with the digest of its package."""

    version: int
    digest: str


@dataclass(frozen=True, kw_only=True)
class UnlabelledTweets:
    """Which stored tweets a family read without labels: a query that returns the same texts again."""

    #: ISO times: tweets created before the first and collected before the second
    before: str
    collected: str
    limit: int
    #: the snapshot whose training rows are left out
    snapshot_id: int | None = None
    rows: int | None = None
    #: of the texts
    sha256: str | None = None


@dataclass(frozen=True, kw_only=True)
class TrainingInputs:
    """What a training reads beside its labelled rows."""

    #: version whose weights it was warm-started from
    start: VersionReference | None = None
    #: version that it was distilled from
    teacher: VersionReference | None = None
    unlabelled: UnlabelledTweets | None = None
    #: version whose training it repeats without tweets that were forgotten; it learns nothing from that version
    replaces: VersionReference | None = None

    @property
    def parents(self) -> tuple[int, ...]:
        """Versions that it builds on."""
        return tuple(dict.fromkeys(parent.version for parent in (self.start, self.teacher) if parent))

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> TrainingInputs:
        """Raises TypeError when a field is missing."""
        references = {name: body[name] for name in ("start", "teacher", "replaces") if body.get(name)}
        unlabelled = body.get("unlabelled")
        return cls(
            **{name: _parse(VersionReference, reference) for name, reference in references.items()},
            unlabelled=_parse(UnlabelledTweets, unlabelled) if unlabelled else None,
        )

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return {name: _present(value) for name, value in vars(self).items() if value is not None}


@dataclass(frozen=True, kw_only=True)
class SearchRecord:
    """The hyperparameter search before a training; its trials are MLflow runs under `run_id`."""

    #: trials of the policy
    requested_trials: int
    #: options that the search did not change
    fixed_options: Mapping[str, Any]
    #: options of the winner that differ from the defaults
    found: Mapping[str, Any]
    #: number of the winning configuration; 0 is the default
    winner: int
    configurations: int
    trials: int
    failed: int
    #: training rows of each rung of successive halving
    rungs: tuple[int, ...]
    #: rungs that were completed
    complete: int
    #: log loss that the winner saves against the default, and what it had to save; None without a comparison
    gain: float | None
    gain_needed: float | None
    #: why it ended early
    stopped: str | None
    cpu_seconds: float
    run_id: str

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> SearchRecord:
        """Parse a stored search. Raises KeyError or TypeError when a field is missing."""
        values = {SEARCH_FIELDS.get(name, name): value for name, value in body.items()}
        options = {name: _current_options(values[name]) for name in ("fixed_options", "found")}
        return _parse(cls, {**values, **options, "rungs": tuple(values["rungs"])})


@dataclass(frozen=True, kw_only=True)
class TrainingRecord(TrainingSpec):
    """A finished training. The options include those that a search found."""

    inputs: TrainingInputs = TrainingInputs()
    #: Python, processor and versions of the packages that matter
    environment: Mapping[str, str] = field(default_factory=dict)
    #: commit of the code
    revision: str | None = None
    search: SearchRecord | None = None
    #: training rows that it read; None in records of earlier releases
    rows: int | None = None
    #: what may differ in a second training: device, resumes
    circumstances: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> TrainingRecord:
        """Parse a stored record. Raises BadInput when a field is missing."""
        search = body.get("search")
        try:
            return _parse(
                cls,
                {
                    **body,
                    "options": _current_options(body["options"]),
                    "inputs": TrainingInputs.from_json(body.get("inputs", {})),
                    "search": SearchRecord.from_json(search) if search else None,
                },
            )
        except (KeyError, TypeError) as error:
            raise BadInput(what="training record", problem=f"{type(error).__name__}: {error}") from error

    def to_json(self) -> dict[str, Any]:
        """JSON values; the search and the circumstances only when there are any."""
        optional = ("search", "circumstances", "rows")
        body = {name: value for name, value in vars(self).items() if value or name not in optional}
        search = {"search": {**vars(self.search), "rungs": list(self.search.rungs)}} if self.search else {}
        return {**body, "inputs": self.inputs.to_json(), **search}


def _current_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options under today's names, those of a stack's members too."""
    members = {name: _current_options(values) for name, values in options.get("member_options", {}).items()}
    renamed = {OPTION_NAMES.get(name, name): value for name, value in options.items()}
    return {**renamed, "member_options": members} if members else renamed


def _parse(record: type[T], body: Mapping[str, Any]) -> T:
    names = {item.name for item in fields(record)}  # type: ignore[arg-type]
    return record(**{name: value for name, value in body.items() if name in names})


def _present(record: object) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if value is not None}
