"""The words of the platform as frozen records; standard library only.

Times are aware and UTC; probabilities are in the order of LABELS.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any


class Label(StrEnum):
    """What a tweet says about the airline."""

    NEGATIVE = "negative"
    NEUTRAL = "neutral"
    POSITIVE = "positive"


#: Order of the columns of every probability matrix.
LABELS: tuple[Label, ...] = (Label.NEGATIVE, Label.NEUTRAL, Label.POSITIVE)
#: Index into LABELS by the label's name.
LABEL_CODES: dict[str, int] = {str(label): code for code, label in enumerate(LABELS)}

#: Texts that come in through the API have ids from here on, collected tweets below: X's ids of 2026 are about 2.1e18,
#: 63 bits end at 9.22e18. A range of the key tells the two apart without a look at their ingests.
API_IDS_FROM = 8_000_000_000_000_000_000


#: Recorded as the responder of an approval that no person responded to.
NOBODY = "nobody"


class Answer(StrEnum):
    """The gate's answer to a comparison."""

    PROMOTE = "PROMOTE"
    HOLD = "HOLD"
    REJECT = "REJECT"


class Severity(StrEnum):
    """How soon a person should look."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


def require_aware(moment: datetime, what: str) -> datetime:
    """Return the moment in UTC; a naive one is refused with ValueError."""
    if moment.tzinfo is None:
        raise ValueError(f"{what} has no time zone: {moment.isoformat()}")
    return moment.astimezone(UTC)


@dataclass(frozen=True, kw_only=True)
class Window:
    """Half-open span of time [start, end)."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", require_aware(self.start, "window start"))
        object.__setattr__(self, "end", require_aware(self.end, "window end"))
        if self.end <= self.start:
            raise ValueError(f"window ends {self.end} before it starts {self.start}")


@dataclass(frozen=True, kw_only=True)
class IngestResult:
    """What became of every row that came in; received == stored + duplicate + quarantined."""

    ingest_id: int
    source: str
    received: int
    stored: int
    duplicate: int
    quarantined: int
    #: labels stored; a duplicate tweet can still bring a new label
    labels: int = 0
    #: how the source was read, why rows were refused, which optional cells could not be read
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.received != self.stored + self.duplicate + self.quarantined:
            raise ValueError(f"rows were lost: {self}")


@dataclass(frozen=True, kw_only=True)
class ScoreResult:
    """Tweets scored by one version in one run; distinct_texts were put through the model."""

    model_version: int
    scored: int
    distinct_texts: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A frozen, content-hashed set of labelled tweets with a split in time."""

    snapshot_id: int
    content_hash: str
    split_at: datetime
    train_rows: int
    holdout_rows: int
    uri: str


@dataclass(frozen=True, kw_only=True)
class ModelVersion:
    """One version in the registry. `version` is the number that MLflow gives."""

    version: int
    family: str
    #: SHA-256 of the artefact's manifest, which names the SHA-256 of each file
    digest: str
    run_id: str
    snapshot_id: int | None
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class EvaluationRequest:
    """A candidate to compare with the champion; the same request takes one holdout look and gets one decision."""

    snapshot_id: int
    candidate: int
    champion: int
    #: "dag_id/run_id", or a person on the command line
    requested_by: str


@dataclass(frozen=True, kw_only=True)
class RuleVerdict:
    """One rule of the gate: its figure, its bound, and whether it held."""

    rule: str
    figure: float | None
    bound: float | None
    #: "pass", "hold" (evidence is too thin) or "reject"
    verdict: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class SyntheticRows:
    """How many rows of a snapshot are tweets of the sample generator."""

    train: int = 0
    holdout: int = 0

    def __bool__(self) -> bool:
        return bool(self.train or self.holdout)

    def __str__(self) -> str:
        return (
            f"Synthetic data: {self.train:,} training rows and {self.holdout:,} holdout rows are tweets of the sample "
            "generator. The metrics say nothing about real tweets."
        )


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The gate's answer with the hash of its evidence."""

    decision_id: int
    evaluation_id: int
    verdict: Answer
    rules: tuple[RuleVerdict, ...]
    evidence_hash: str
    candidate_version: int
    champion_version: int


@dataclass(frozen=True, kw_only=True)
class DecisionRecord(Decision):
    """A decision with its evidence, and the circumstances in which it was made."""

    snapshot_id: int
    #: canonical JSON; `evaluation.evidence_record.Evidence.from_json` parses it
    evidence: str
    #: SHA-256 of the evidence as the evaluation recorded it; differs from evidence_hash only when a row was changed
    evaluation_hash: str
    #: the sections gate and approval of the policy at that time, as JSON values
    policy: Mapping[str, Any]
    #: "dag_id/run_id", or a person on the command line
    requested_by: str
    decided_at: datetime


@dataclass(frozen=True, kw_only=True)
class ApprovalResponse:
    """A response to an approval request: a person's, or NOBODY's when the request expired or was superseded."""

    decision_id: int
    #: "approved", "rejected", "expired" or "void"
    response: str
    answered_by: str = NOBODY
    answered_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    reason: str | None = None
    #: SHA-256 of the evidence that was shown with the request; of an expired one, what was recorded
    evidence_hash: str = ""


@dataclass(frozen=True, kw_only=True)
class Approval(ApprovalResponse):
    """The one response that was recorded for a decision; "void" with the reason why another does not count."""

    approval_id: int


@dataclass(frozen=True, kw_only=True)
class AliasMove:
    """A move of the champion alias that is about to begin, and on whose authority."""

    #: "bootstrap", "promotion", "forced", "rollback" or "adopted"
    kind: str
    from_version: int | None
    to_version: int
    approval_id: int | None = None
    decision_id: int | None = None
    reason: str | None = None
    moved_by: str | None = None


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """One move of the champion alias."""

    deployment_id: int
    from_version: int | None
    to_version: int
    kind: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class DriftReport:
    """A current window against a reference window."""

    report_id: int
    #: "stable", "drift" or "too_few"
    verdict: str
    reference: Window
    current: Window
    signals: tuple[Mapping[str, object], ...] = field(default=())
    html_path: str | None = None
    alert_id: int | None = None
    #: "warning" for drift alone, "critical" when quality is lost as well; None without drift
    severity: str | None = None
    #: the policy wants a retrain for this report
    wants_retrain: bool = False
    #: loss of macro-F1 against the reference; None without enough labels or predictions
    loss: float | None = None
    #: state of continuous monitoring: value, alarm, counted, windows, run_length; None when too few rows were compared
    continuous: Mapping[str, object] | None = None
    #: drivers, quality, class shares, Evidently's figures
    details: Mapping[str, object] = field(default_factory=dict)
