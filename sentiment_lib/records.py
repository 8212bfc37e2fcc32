"""Domain records (frozen dataclasses) shared by all layers; standard library only.

Times are timezone-aware UTC; probabilities are in the order of LABELS.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any


class Label(StrEnum):
    """Sentiment of a tweet about an airline."""

    NEGATIVE = "negative"
    NEUTRAL = "neutral"
    POSITIVE = "positive"


#: Order of the columns of every probability matrix.
LABELS: tuple[Label, ...] = (Label.NEGATIVE, Label.NEUTRAL, Label.POSITIVE)
#: Index into LABELS by the label's name.
LABEL_CODES: dict[str, int] = {str(label): code for code, label in enumerate(LABELS)}

#: Texts sent to the API have ids from here on; collected tweets have smaller ids (X's ids of 2026 are about 2.1e18, and
#: a bigint ends at 9.22e18). So a range of the primary key separates the two without a join with their ingests.
API_IDS_FROM = 8_000_000_000_000_000_000


#: Recorded as the responder when an approval expired or was superseded without a person's response.
NOBODY = "nobody"
#: Recorded among the people behind a run of whom Airflow does not say who they are.
UNKNOWN = "unknown"
#: How the API words its first start, before a champion is registered; `sentiment doctor` knows it by this.
NO_CHAMPION = "there is no champion yet"


class Answer(StrEnum):
    """Verdict of the promotion gate."""

    PROMOTE = "PROMOTE"
    HOLD = "HOLD"
    REJECT = "REJECT"


class Severity(StrEnum):
    """Urgency of an alert."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


def require_aware(moment: datetime, what: str) -> datetime:
    """Convert to UTC. Raises ValueError for a naive datetime; `what` names it in the message."""
    if moment.tzinfo is None:
        raise ValueError(f"{what} has no time zone: {moment.isoformat()}")
    return moment.astimezone(UTC)


@dataclass(frozen=True, kw_only=True)
class Window:
    """Half-open time interval [start, end) in UTC. Raises ValueError for naive bounds or when end <= start."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", require_aware(self.start, "window start"))
        object.__setattr__(self, "end", require_aware(self.end, "window end"))
        if self.end <= self.start:
            raise ValueError(f"window ends {self.end} before it starts {self.start}")


@dataclass(frozen=True, kw_only=True)
class IngestResult:
    """Row counts of an ingest. Raises ValueError unless received == stored + duplicate + quarantined + forgotten."""

    ingest_id: int
    source: str
    received: int
    stored: int
    duplicate: int
    quarantined: int
    #: rows of tweets and authors that were forgotten, and came again
    forgotten: int = 0
    #: labels stored; a duplicate tweet can still bring a new label
    labels: int = 0
    #: how the source was read, why rows were refused, which optional cells could not be read
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.received != self.stored + self.duplicate + self.quarantined + self.forgotten:
            raise ValueError(f"rows were lost: {self}")


@dataclass(frozen=True, kw_only=True)
class ScoreResult:
    """Tweets scored by one version in one run; the model predicted each of `distinct_texts` once."""

    model_version: int
    scored: int
    distinct_texts: int
    seconds: float


#: Folder of the chunks of snapshots.
CHUNKS = "chunks"


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """An immutable, content-hashed set of labelled tweets, split by time into training rows and holdout."""

    snapshot_id: int
    content_hash: str
    split_at: datetime
    train_rows: int
    holdout_rows: int
    #: below the snapshots folder: CHUNKS, or the one file of a snapshot of an earlier release
    uri: str

    @property
    def is_chunked(self) -> bool:
        """Whether its rows are in chunks, each with salted commitments."""
        return self.uri == CHUNKS


@dataclass(frozen=True, kw_only=True)
class ModelVersion:
    """A model version in the registry; `version` is MLflow's version number."""

    version: int
    family: str
    #: SHA-256 of the artefact's manifest, which names the SHA-256 of each file
    digest: str
    run_id: str
    snapshot_id: int | None
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class EvaluationRequest:
    """A candidate to compare with the champion; a repeated request reuses its holdout look and decision."""

    snapshot_id: int
    candidate: int
    champion: int
    #: "dag_id/run_id", or a person on the command line
    requested_by: str
    #: candidates of the same request that are compared on the same holdout, and share its look
    candidates: int = 1


@dataclass(frozen=True, kw_only=True)
class RuleVerdict:
    """One rule of the gate: its figure, its bound, and whether it held."""

    rule: str
    figure: float | None
    bound: float | None
    #: "pass", "hold" (not enough evidence) or "reject"
    verdict: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class SyntheticRows:
    """Number of synthetic tweets in each part of a snapshot."""

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
class SplitRows:
    """Where labelled tweets are split by time, and how many rows each part has."""

    split_at: datetime
    train_rows: int
    holdout_rows: int
    synthetic: SyntheticRows


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The gate's verdict with the SHA-256 of its evidence."""

    decision_id: int
    evaluation_id: int
    verdict: Answer
    rules: tuple[RuleVerdict, ...]
    evidence_hash: str
    candidate_version: int
    champion_version: int


@dataclass(frozen=True, kw_only=True)
class DecisionRecord(Decision):
    """A decision with its evidence, policy, requester and time."""

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
    #: SHA-256 of the evidence shown with the request; of the recorded evidence when the request expired
    evidence_hash: str = ""


@dataclass(frozen=True, kw_only=True)
class Approval(ApprovalResponse):
    """The recorded response to a decision, at most one; "void", with the reason, when a response is invalid."""

    approval_id: int


@dataclass(frozen=True, kw_only=True)
class ApprovalVote(ApprovalResponse):
    """One approval of a quorum that is not reached yet."""

    #: number of its ledger row
    sequence: int
    #: the approver whose right was used: the person, or who delegated to the person
    principal: str


@dataclass(frozen=True, kw_only=True)
class AliasMove:
    """An intended move of the champion alias, with the approval or person that authorises it."""

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
    #: "warning" for drift alone, "critical" for drift with a loss of quality; None without drift
    severity: str | None = None
    #: the policy wants a retrain for this report
    wants_retrain: bool = False
    #: loss of macro-F1 against the reference; None without enough labels or predictions
    loss: float | None = None
    #: state of continuous monitoring: value, alarm, counted, windows, run_length; None when too few rows were compared
    continuous: Mapping[str, object] | None = None
    #: drivers, quality, class shares, Evidently's figures
    details: Mapping[str, object] = field(default_factory=dict)
