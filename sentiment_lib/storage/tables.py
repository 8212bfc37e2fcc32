"""The tables of the platform, one class for each; invariants are database constraints wherever possible."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSONB, REAL
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from sentiment_lib.storage.quality_day import QualityDay
from sentiment_lib.text.limits import LONGEST_TEXT

#: What the full-text index of the tweets holds: words as written, since they are in many languages.
TWEET_WORDS = text("to_tsvector('simple'::regconfig, text)")
SYNTHETIC = text("synthetic")
PARTITIONED = {"postgresql_partition_by": "RANGE (tweet_id)"}
LABEL_CHECK = "IN ('negative', 'neutral', 'positive')"


class Base(DeclarativeBase):
    """Base class; the naming convention lets migrations and errors refer to every constraint by name."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        int: BigInteger,
        str: Text,
        float: Double,
        bytes: BYTEA,
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
    }


def _key() -> Mapped[int]:
    return mapped_column(BigInteger, Identity(always=True), primary_key=True)


def _now() -> Mapped[datetime]:
    return mapped_column(server_default=func.now())


class IngestRow(Base):
    """One run over one source; `received` is the sum of the four other counts."""

    __tablename__ = "ingests"
    ingest_id: Mapped[int] = _key()
    source: Mapped[str]
    #: SHA-256 of the file, or of the query and page; identifies a repeated input. Of the API: the hour
    input_digest: Mapped[str | None]
    started_at: Mapped[datetime] = _now()
    finished_at: Mapped[datetime | None]
    received: Mapped[int] = mapped_column(server_default="0")
    stored: Mapped[int] = mapped_column(server_default="0")
    duplicate: Mapped[int] = mapped_column(server_default="0")
    quarantined: Mapped[int] = mapped_column(server_default="0")
    #: rows of tweets and authors that were forgotten, and came again
    forgotten: Mapped[int] = mapped_column(server_default="0")
    __table_args__ = (
        CheckConstraint("received = stored + duplicate + quarantined + forgotten", name="adds_up"),
        # excludes the many small ingests of the API from scans by the alert rules
        Index("ix_ingests_collected", "started_at", postgresql_where=text("source <> 'api'")),
        Index("uq_ingests_api_hour", "input_digest", unique=True, postgresql_where=text("source = 'api'")),
        Index("ix_ingests_unfinished", "source", "input_digest", postgresql_where=text("finished_at IS NULL")),
        Index(
            "ix_ingests_last_collected",
            text("coalesce(finished_at, started_at)"),
            postgresql_where=text("source <> 'api' AND stored > 0"),
        ),
    )


class TweetRow(Base):
    """A tweet, immutable once stored. `text` is masked; the original is not kept.

    Partitioned by its id, which is a time. What refers to tweets or predictions has no foreign key: checked against
    partitions, it makes each insert several times dearer. `storage/orphans.py` checks the references.
    """

    __tablename__ = "tweets"
    tweet_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    text: Mapped[str]
    #: keyed hash (16 bytes) of the author's name or id
    author_hash: Mapped[bytes | None]
    language: Mapped[str | None]
    airline: Mapped[str | None]
    created_at: Mapped[datetime]
    collected_at: Mapped[datetime] = _now()
    synthetic: Mapped[bool] = mapped_column(server_default="false")
    ingest_id: Mapped[int] = mapped_column(ForeignKey("ingests.ingest_id"))
    __table_args__ = (
        CheckConstraint("tweet_id > 0", name="id_positive"),
        CheckConstraint(f"length(text) BETWEEN 1 AND {LONGEST_TEXT}", name="text_length"),
        Index(None, "created_at", "tweet_id"),
        Index("ix_tweets_words", TWEET_WORDS, postgresql_using="gin"),
        Index("ix_tweets_synthetic", "tweet_id", postgresql_where=SYNTHETIC),
        PARTITIONED,
    )


class TweetToScoreRow(Base):
    """The scoring queue: a collected tweet that waits for the champion's prediction. A trigger on `tweets` adds it."""

    __tablename__ = "tweets_to_score"
    tweet_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    collected_at: Mapped[datetime] = _now()


class QuarantineRow(Base):
    """An input row that could not be stored, with the reason."""

    __tablename__ = "quarantine"
    quarantine_id: Mapped[int] = _key()
    ingest_id: Mapped[int] = mapped_column(ForeignKey("ingests.ingest_id"), index=True)
    row_number: Mapped[int]
    reason: Mapped[str]
    raw: Mapped[str]
    quarantined_at: Mapped[datetime] = _now()


class LabelRow(Base):
    """A label of one tweet by a person or a data set; conflicting labels are kept side by side."""

    __tablename__ = "labels"
    label_id: Mapped[int] = _key()
    tweet_id: Mapped[int]
    label: Mapped[str]
    #: kind of source: "dataset", "audit", "person" or "feedback"
    source: Mapped[str]
    #: name of the data set or person
    labelled_by: Mapped[str]
    labelled_at: Mapped[datetime]
    confidence: Mapped[float | None]
    #: probability with which the tweet was sampled for labelling; NULL outside random samples
    inclusion_probability: Mapped[float | None]
    stored_at: Mapped[datetime] = _now()
    ingest_id: Mapped[int | None] = mapped_column(ForeignKey("ingests.ingest_id"))
    __table_args__ = (
        UniqueConstraint("tweet_id", "source", "labelled_by", "label"),
        CheckConstraint(f"label {LABEL_CHECK}", name="label"),
        CheckConstraint("source IN ('dataset', 'audit', 'person', 'feedback')", name="source"),
        CheckConstraint("inclusion_probability > 0 AND inclusion_probability <= 1", name="inclusion"),
        CheckConstraint("confidence BETWEEN 0 AND 1", name="confidence"),
        Index(None, "stored_at"),
    )


class SnapshotRow(Base):
    """A frozen, content-hashed set of labelled tweets."""

    __tablename__ = "snapshots"
    snapshot_id: Mapped[int] = _key()
    content_hash: Mapped[str] = mapped_column(unique=True)
    split_at: Mapped[datetime]
    train_rows: Mapped[int]
    holdout_rows: Mapped[int]
    #: below the snapshots folder: the folder of the chunks' files, or a Parquet file that holds all rows
    uri: Mapped[str]
    policy: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = _now()
    #: rows of each part that are synthetic tweets
    synthetic_train: Mapped[int] = mapped_column(server_default="0")
    synthetic_holdout: Mapped[int] = mapped_column(server_default="0")


class SnapshotChunkRow(Base):
    """A run of rows of one part, shared by all snapshots that hold exactly these."""

    __tablename__ = "snapshot_chunks"
    chunk_id: Mapped[int] = _key()
    #: Merkle root of the leaves, in hex; names the chunk's file
    root: Mapped[str] = mapped_column(unique=True)
    part: Mapped[str]
    #: 32 bytes for each row; NULL for the rows of a snapshot whose file holds them all
    leaves: Mapped[bytes | None]
    __table_args__ = (CheckConstraint("part IN ('train', 'holdout')", name="part"),)


class FrozenRow(Base):
    """A tweet with its frozen label in a part; the salt of its commitments is erased with it."""

    __tablename__ = "frozen_rows"
    row_id: Mapped[int] = _key()
    #: no foreign key: the rows outlive synthetic tweets that are removed
    tweet_id: Mapped[int] = mapped_column(BigInteger, index=True)
    label: Mapped[str]
    part: Mapped[str]
    salt: Mapped[bytes | None]
    content_commitment: Mapped[bytes | None]
    __table_args__ = (
        CheckConstraint(f"label {LABEL_CHECK}", name="label"),
        CheckConstraint("part IN ('train', 'holdout')", name="part"),
        CheckConstraint("(salt IS NULL) = (content_commitment IS NULL)", name="committed"),
    )


class ChunkRow(Base):
    """The place of a frozen row in a chunk; it outlives the row."""

    __tablename__ = "chunk_rows"
    chunk_id: Mapped[int] = mapped_column(ForeignKey("snapshot_chunks.chunk_id"), primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    row_id: Mapped[int] = mapped_column(BigInteger, index=True)


class SnapshotContentRow(Base):
    """A chunk of a snapshot. The view `snapshot_rows` shows the rows of all of them."""

    __tablename__ = "snapshot_contents"
    snapshot_id: Mapped[int] = mapped_column(ForeignKey("snapshots.snapshot_id"), primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    chunk_id: Mapped[int] = mapped_column(ForeignKey("snapshot_chunks.chunk_id"), index=True)


class ChunkToRewriteRow(Base):
    """A chunk whose file still holds rows that were erased."""

    __tablename__ = "chunks_to_rewrite"
    chunk_id: Mapped[int] = mapped_column(ForeignKey("snapshot_chunks.chunk_id"), primary_key=True, autoincrement=False)


class LabelChangeRow(Base):
    """A tweet whose labels or picks changed since the last snapshot. Triggers on both tables add it."""

    __tablename__ = "label_changes"
    change_id: Mapped[int] = _key()
    tweet_id: Mapped[int] = mapped_column(BigInteger)


class LabelledTweetRow(Base):
    """A tweet with its current labels, for training and for evaluation, and its part in a snapshot of this moment."""

    __tablename__ = "labelled_tweets"
    tweet_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    created_at: Mapped[datetime]
    synthetic: Mapped[bool]
    #: of its text; equal for exact copies, NULL for a text that is too short to be a copy
    text_key: Mapped[int | None] = mapped_column(BigInteger, index=True)
    #: uniform number by which audit rows are thinned
    thinning_draw: Mapped[float]
    label: Mapped[str]
    label_source: Mapped[str]
    judging_label: Mapped[str | None]
    judging_source: Mapped[str | None]
    inclusion: Mapped[float | None]
    #: NULL for one that is left out
    part: Mapped[str | None]
    __table_args__ = (
        Index(None, "created_at", "tweet_id"),
        Index(
            "ix_labelled_tweets_judging",
            "created_at",
            "tweet_id",
            postgresql_where=text("judging_label IS NOT NULL"),
        ),
        Index(
            "ix_labelled_tweets_inclusion",
            "inclusion",
            "created_at",
            postgresql_where=text("judging_source = 'audit'"),
        ),
        Index(None, "part", "created_at", "tweet_id"),
    )


class TextPrintRow(Base):
    """A fingerprint of the text of labelled tweets."""

    __tablename__ = "text_prints"
    print: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    text_key: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False, index=True)


class NearCopyRow(Base):
    """Two texts of labelled tweets that are near copies; each pair is stored in both orders."""

    __tablename__ = "near_copies"
    text_key: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    other_key: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)


class LabelledChunkRow(Base):
    """A chunk of the labelled tweets of this moment: those of its part after one place and up to another."""

    __tablename__ = "labelled_chunks"
    chunk_id: Mapped[int] = mapped_column(ForeignKey("snapshot_chunks.chunk_id"), primary_key=True, autoincrement=False)
    part: Mapped[str]
    after_at: Mapped[datetime]
    after_id: Mapped[int]
    end_at: Mapped[datetime]
    end_id: Mapped[int]


class LabelledStateRow(Base):
    """One row: where the split of the labelled tweets is, and how many rows each part has."""

    __tablename__ = "labelled_state"
    rules: Mapped[str] = mapped_column(primary_key=True)
    split_at: Mapped[datetime | None]
    least_inclusion: Mapped[float | None]
    judging: Mapped[int]
    judging_before: Mapped[int]
    train_rows: Mapped[int]
    holdout_rows: Mapped[int]
    synthetic_train: Mapped[int]
    synthetic_holdout: Mapped[int]


class ModelVersionRow(Base):
    """A registered model version; `version` is MLflow's number."""

    __tablename__ = "model_versions"
    version: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    family: Mapped[str]
    digest: Mapped[str]
    run_id: Mapped[str] = mapped_column(unique=True)
    snapshot_id: Mapped[int | None] = mapped_column(ForeignKey("snapshots.snapshot_id"))
    #: identifies the retrain run and family, so that a repeated task finds the version instead of training twice
    training_key: Mapped[str] = mapped_column(unique=True)
    #: seed, options, package versions and code revision, for `reproduce`
    training: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    cost: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    created_at: Mapped[datetime] = _now()


class PredictionRow(Base):
    """The probabilities that one version gives one tweet; partitioned as the tweets are."""

    __tablename__ = "predictions"
    tweet_id: Mapped[int] = mapped_column()
    model_version: Mapped[int] = mapped_column(ForeignKey("model_versions.version"))
    label: Mapped[str]
    p_negative: Mapped[float] = mapped_column(REAL)
    p_neutral: Mapped[float] = mapped_column(REAL)
    p_positive: Mapped[float] = mapped_column(REAL)
    predicted_at: Mapped[datetime] = _now()
    #: the API key of the request; NULL for batch scoring
    api_key_id: Mapped[int | None] = mapped_column(ForeignKey("api_keys.key_id"))
    __table_args__ = (
        UniqueConstraint("tweet_id", "model_version"),
        CheckConstraint(f"label {LABEL_CHECK}", name="label"),
        CheckConstraint(
            "p_negative >= 0 AND p_neutral >= 0 AND p_positive >= 0 "
            "AND abs(p_negative + p_neutral + p_positive - 1) < 0.001",
            name="probabilities",
        ),
        Index(None, "model_version", "predicted_at"),
        PARTITIONED,
    )
    __mapper_args__ = {"primary_key": [tweet_id, model_version]}  # noqa: RUF012


class FeedbackRow(Base):
    """A person's label for a prediction."""

    __tablename__ = "feedback"
    feedback_id: Mapped[int] = _key()
    tweet_id: Mapped[int]
    model_version: Mapped[int]
    label: Mapped[str]
    given_by: Mapped[str]
    given_at: Mapped[datetime] = _now()
    __table_args__ = (
        UniqueConstraint("tweet_id", "model_version", "given_by"),
        CheckConstraint(f"label {LABEL_CHECK}", name="label"),
        Index(None, "given_at"),
    )


class AuditSampleRow(Base):
    """A prediction sampled at random for labelling: the only unbiased source of quality metrics."""

    __tablename__ = "audit_sample"
    tweet_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    model_version: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    inclusion_probability: Mapped[float]
    drawn_at: Mapped[datetime] = _now()
    #: when its tweet received an audit label; NULL while it is in the label queue
    labelled_at: Mapped[datetime | None]
    __table_args__ = (
        CheckConstraint("inclusion_probability > 0 AND inclusion_probability <= 1", name="inclusion"),
        # the label queue reads the newest unlabelled tweets
        Index("ix_audit_sample_waiting", "tweet_id", postgresql_where=text("labelled_at IS NULL")),
        Index("ix_audit_sample_labelled", "labelled_at", postgresql_where=text("labelled_at IS NOT NULL")),
    )


class LabelPickRow(Base):
    """A tweet assigned to one person for labelling, and why it was picked."""

    __tablename__ = "label_picks"
    pick_id: Mapped[int] = _key()
    tweet_id: Mapped[int]
    #: of the prediction that it was picked for; shown to the person after labelling
    model_version: Mapped[int]
    kind: Mapped[str]
    #: sampling probability; for the audit sample only
    inclusion_probability: Mapped[float | None]
    person: Mapped[str]
    #: number of the person's picks up to this one, without second opinions; keeps the shares of the kinds
    position: Mapped[int]
    #: place among the picks that the person has open at once, from 1
    slot: Mapped[int] = mapped_column(SmallInteger, server_default="1")
    handed_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(server_default="open")
    finished_at: Mapped[datetime | None]
    label: Mapped[str | None]
    #: the row in `labels`; NULL when the same label was stored already
    label_id: Mapped[int | None] = mapped_column(ForeignKey("labels.label_id"))
    #: sampled for a second opinion on the same tweet
    wants_second: Mapped[bool] = mapped_column(server_default="false")
    #: for a second opinion: the first person's pick
    first_pick: Mapped[int | None] = mapped_column(ForeignKey("label_picks.pick_id"))
    __table_args__ = (
        CheckConstraint("kind IN ('audit', 'uncertain', 'disagreement', 'second', 'correction')", name="kind"),
        CheckConstraint("state IN ('open', 'labelled', 'skipped')", name="state"),
        CheckConstraint("slot BETWEEN 1 AND 10", name="slot"),
        CheckConstraint("(state = 'open') = (finished_at IS NULL)", name="finished"),
        CheckConstraint("(state = 'labelled') = (label IS NOT NULL)", name="labelled"),
        CheckConstraint(f"label {LABEL_CHECK}", name="label"),
        CheckConstraint("(kind = 'audit') = (inclusion_probability IS NOT NULL)", name="inclusion"),
        CheckConstraint("(kind = 'second') = (first_pick IS NOT NULL)", name="second"),
        UniqueConstraint("tweet_id", "person"),
        # one person for each tweet, at most one second opinion, and corrections by whoever has undone an answer
        Index(
            "uq_label_picks_one_person",
            "tweet_id",
            unique=True,
            postgresql_where=text("kind NOT IN ('second', 'correction') AND state IN ('open', 'labelled')"),
        ),
        Index(
            "uq_label_picks_one_second",
            "first_pick",
            unique=True,
            postgresql_where=text("state IN ('open', 'labelled')"),
        ),
        # one pick a slot: this bounds what one person has open
        Index("uq_label_picks_one_open", "person", "slot", unique=True, postgresql_where=text("state = 'open'")),
        Index(None, "person", "position"),
        Index(None, "person", "finished_at"),
        Index("ix_label_picks_open", "handed_at", postgresql_where=text("state = 'open'")),
        Index(
            "ix_label_picks_wants_second",
            "finished_at",
            postgresql_where=text("wants_second AND state = 'labelled'"),
        ),
    )


class LedgerRow(Base):
    """Append-only, hash-chained, signed record of facts; triggers refuse updates and deletes."""

    __tablename__ = "ledger"
    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    kind: Mapped[str]
    #: canonical JSON, byte for byte what was hashed
    payload: Mapped[str]
    previous_hash: Mapped[str]
    entry_hash: Mapped[str] = mapped_column(unique=True)
    recorded_at: Mapped[datetime]
    #: "KEY_ID:BASE64" over entry_hash; NULL in rows older than the first checkpoint
    signature: Mapped[str | None]
    __table_args__ = (CheckConstraint("sequence > 0", name="sequence"), Index("ix_ledger_kind", "kind", "sequence"))


class StepLockRow(Base):
    """Rows that steps lock, one for each of `engine.LOCKS`; no other role may."""

    __tablename__ = "step_locks"
    name: Mapped[str] = mapped_column(primary_key=True)
    #: who may update it may lock the row; nobody does update it
    lockable: Mapped[bool] = mapped_column(server_default=text("true"))


class LabelLockRow(Base):
    """Rows that both steps and the API lock."""

    __tablename__ = "label_locks"
    name: Mapped[str] = mapped_column(primary_key=True)
    lockable: Mapped[bool] = mapped_column(server_default=text("true"))


class EvaluationRow(Base):
    """A comparison of candidate and champion on the same holdout rows."""

    __tablename__ = "evaluations"
    evaluation_id: Mapped[int] = _key()
    snapshot_id: Mapped[int] = mapped_column(ForeignKey("snapshots.snapshot_id"))
    candidate_version: Mapped[int] = mapped_column(ForeignKey("model_versions.version"))
    champion_version: Mapped[int] = mapped_column(ForeignKey("model_versions.version"))
    #: canonical JSON of metrics, intervals, slices and CheckList results
    evidence: Mapped[str]
    evidence_hash: Mapped[str]
    created_at: Mapped[datetime] = _now()
    __table_args__ = (
        UniqueConstraint("snapshot_id", "candidate_version", "champion_version", "evidence_hash"),
        CheckConstraint("candidate_version <> champion_version", name="two_models"),
    )


class DecisionRow(Base):
    """The gate's verdict, stored before any approval is requested."""

    __tablename__ = "decisions"
    decision_id: Mapped[int] = _key()
    evaluation_id: Mapped[int] = mapped_column(ForeignKey("evaluations.evaluation_id"), unique=True)
    verdict: Mapped[str]
    rules: Mapped[list[Any]]
    evidence_hash: Mapped[str]
    policy: Mapped[dict[str, Any]]
    #: "dag_id/run_id", or a person on the command line
    requested_by: Mapped[str]
    decided_at: Mapped[datetime] = _now()
    __table_args__ = (CheckConstraint("verdict IN ('PROMOTE', 'HOLD', 'REJECT')", name="verdict"),)


class ApprovalRow(Base):
    """The one response to a decision: a person's, or "expired" or "void"."""

    __tablename__ = "approvals"
    approval_id: Mapped[int] = _key()
    decision_id: Mapped[int] = mapped_column(ForeignKey("decisions.decision_id"), unique=True)
    response: Mapped[str]
    answered_by: Mapped[str]
    answered_at: Mapped[datetime]
    reason: Mapped[str | None]
    #: hash of the evidence that was shown to the person
    evidence_hash: Mapped[str]
    __table_args__ = (
        CheckConstraint("response IN ('approved', 'rejected', 'expired', 'void')", name="response"),
        CheckConstraint("response NOT IN ('rejected', 'void') OR length(reason) > 0", name="reason"),
    )


class DeploymentRow(Base):
    """One move of the champion alias: first an intent, then done or undone."""

    __tablename__ = "deployments"
    deployment_id: Mapped[int] = _key()
    kind: Mapped[str]
    from_version: Mapped[int | None] = mapped_column(ForeignKey("model_versions.version"))
    to_version: Mapped[int] = mapped_column(ForeignKey("model_versions.version"))
    approval_id: Mapped[int | None] = mapped_column(ForeignKey("approvals.approval_id"), unique=True)
    #: the decision behind a forced promotion, which has no approval
    decision_id: Mapped[int | None] = mapped_column(ForeignKey("decisions.decision_id"))
    moved_by: Mapped[str | None]
    reason: Mapped[str | None]
    state: Mapped[str] = mapped_column(server_default="intent")
    intended_at: Mapped[datetime] = _now()
    finished_at: Mapped[datetime | None]
    __table_args__ = (
        CheckConstraint("kind IN ('bootstrap', 'promotion', 'forced', 'rollback', 'restored', 'adopted')", name="kind"),
        CheckConstraint("state IN ('intent', 'done', 'undone')", name="state"),
        CheckConstraint("(state = 'intent') = (finished_at IS NULL)", name="finished"),
        CheckConstraint("kind <> 'promotion' OR approval_id IS NOT NULL", name="approved"),
        CheckConstraint("kind IN ('bootstrap', 'promotion') OR length(reason) > 0", name="reason"),
        CheckConstraint("from_version IS DISTINCT FROM to_version", name="moves"),
        # at most one pending move
        Index("uq_deployments_one_intent", "state", unique=True, postgresql_where=text("state = 'intent'")),
    )


class RescoringRow(Base):
    """How far the champion of a deployment has scored older tweets: all from `newest` down to the reached one."""

    __tablename__ = "rescoring"
    deployment_id: Mapped[int] = mapped_column(
        ForeignKey("deployments.deployment_id"), primary_key=True, autoincrement=False
    )
    #: creation of the newest tweet when rescoring began
    newest: Mapped[datetime]
    reached_at: Mapped[datetime]
    reached_id: Mapped[int]


class ShadowProgressRow(Base):
    """How far a version has scored in shadow: all of its share of what the champion scored before `reached_at`."""

    __tablename__ = "shadow_progress"
    model_version: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    champion: Mapped[int]
    #: tweets collected from then on
    since: Mapped[datetime]
    share: Mapped[float]
    reached_at: Mapped[datetime]


class DriftReportRow(Base):
    """A drift check of the current window against the reference window, with every signal."""

    __tablename__ = "drift_reports"
    report_id: Mapped[int] = _key()
    model_version: Mapped[int] = mapped_column(ForeignKey("model_versions.version"))
    reference_start: Mapped[datetime]
    reference_end: Mapped[datetime]
    current_start: Mapped[datetime]
    current_end: Mapped[datetime]
    verdict: Mapped[str]
    signals: Mapped[list[Any]]
    #: "warning" for drift alone, "critical" when quality is lost as well
    severity: Mapped[str | None]
    wants_retrain: Mapped[bool] = mapped_column(server_default=text("false"))
    #: loss of macro-F1 against the reference window
    loss: Mapped[float | None]
    #: state of continuous monitoring
    continuous: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    #: drivers, estimated and measured quality, class shares, Evidently's figures
    details: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    html_path: Mapped[str | None]
    created_at: Mapped[datetime] = _now()
    __table_args__ = (
        CheckConstraint("severity IN ('warning', 'critical')", name="severity"),
        CheckConstraint("verdict IN ('stable', 'drift', 'too_few')", name="verdict"),
        CheckConstraint("reference_start < reference_end AND current_start < current_end", name="windows"),
        UniqueConstraint("model_version", "reference_start", "reference_end", "current_start", "current_end"),
    )


class DriftOutcomeRow(Base):
    """Whether drift did harm, decided by labels that came later."""

    __tablename__ = "drift_outcomes"
    report_id: Mapped[int] = mapped_column(ForeignKey("drift_reports.report_id"), primary_key=True)
    harmless: Mapped[bool]
    #: measured loss of macro-F1 with its 95 % interval
    loss: Mapped[float]
    low: Mapped[float]
    high: Mapped[float]
    decided_at: Mapped[datetime] = _now()


#: Types of a record's fields: column type, and whether it may be NULL.
_FIELD_TYPES = {
    "date": (Date, False),
    "int": (BigInteger, False),
    "float": (Double, False),
    "float | None": (Double, True),
    "str | None": (Text, True),
}


def _columns(record: type[Any]) -> Iterator[Column[Any]]:
    """A column for each field of the record."""
    for field in fields(record):
        kind, nullable = _FIELD_TYPES[str(field.type)]
        yield Column(field.name, kind, nullable=nullable)


class QualityDayRow(Base):
    """Quality of one version on one day's tweets: the fields of QualityDay, and when they were computed."""

    __table__ = Table(
        "quality_days",
        Base.metadata,
        *_columns(QualityDay),
        Column("computed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
        PrimaryKeyConstraint("day", "model_version"),
        ForeignKeyConstraint(["model_version"], ["model_versions.version"]),
    )


class SentimentDayRow(Base):
    """Predicted classes and weighted errors of audit labels: one version, one day's tweets, one airline."""

    __tablename__ = "sentiment_days"
    model_version: Mapped[int] = mapped_column(ForeignKey("model_versions.version"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    #: "" for tweets without one
    airline: Mapped[str] = mapped_column(primary_key=True)
    tweets: Mapped[int]
    negative: Mapped[int]
    neutral: Mapped[int]
    positive: Mapped[int]
    labels: Mapped[int]
    #: sums over the labels, each with weight 1 / inclusion probability
    weights: Mapped[float]
    squared_weights: Mapped[float]
    errors: Mapped[float]
    squared_errors: Mapped[float]
    squared_copies: Mapped[float]
    #: tweets with a label that may evaluate a model, those labelled negative, and those predicted otherwise
    labelled: Mapped[int] = mapped_column(server_default=text("0"))
    labelled_negative: Mapped[int] = mapped_column(server_default=text("0"))
    missed_negative: Mapped[int] = mapped_column(server_default=text("0"))
    wrongly_negative: Mapped[int] = mapped_column(server_default=text("0"))
    computed_at: Mapped[datetime] = _now()
    __table_args__ = (CheckConstraint("tweets = negative + neutral + positive", name="adds_up"),)


class AlertRow(Base):
    """An alert; at most one open row for each dedup key."""

    __tablename__ = "alerts"
    alert_id: Mapped[int] = _key()
    kind: Mapped[str]
    severity: Mapped[str]
    dedup_key: Mapped[str]
    title: Mapped[str]
    body: Mapped[str] = mapped_column(server_default="")
    evidence_link: Mapped[str | None]
    count: Mapped[int] = mapped_column(server_default="1")
    opened_at: Mapped[datetime] = _now()
    last_seen_at: Mapped[datetime] = _now()
    acknowledged_by: Mapped[str | None]
    acknowledged_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
    #: the person who resolved it; NULL when its rule cleared
    resolved_by: Mapped[str | None]
    __table_args__ = (
        CheckConstraint("severity IN ('info', 'warning', 'critical')", name="severity"),
        CheckConstraint("resolved_by IS NULL OR resolved_at IS NOT NULL", name="resolved"),
        CheckConstraint("(acknowledged_by IS NULL) = (acknowledged_at IS NULL)", name="acknowledged"),
        Index("uq_alerts_open", "dedup_key", unique=True, postgresql_where=text("resolved_at IS NULL")),
    )


class AlertResponseRow(Base):
    """A person's response to an alert; rows are only added."""

    __tablename__ = "alert_responses"
    response_id: Mapped[int] = _key()
    alert_id: Mapped[int] = mapped_column(ForeignKey("alerts.alert_id"), index=True)
    action: Mapped[str]
    #: whether the alarm was real; NULL when the person did not say
    verdict: Mapped[str | None]
    comment: Mapped[str | None]
    given_by: Mapped[str]
    given_at: Mapped[datetime] = _now()
    __table_args__ = (
        CheckConstraint("action IN ('acknowledge', 'resolve', 'comment')", name="action"),
        CheckConstraint("verdict IN ('real', 'false_alarm')", name="verdict"),
    )


class AlertMessageRow(Base):
    """Outbox: a pending or sent message about one alert to one receiver; its content is decided when it is sent."""

    __tablename__ = "alert_messages"
    message_id: Mapped[int] = _key()
    alert_id: Mapped[int] = mapped_column(ForeignKey("alerts.alert_id"))
    #: hash of the receiver's URL (the URL is a secret)
    receiver: Mapped[str]
    created_at: Mapped[datetime] = _now()
    next_try_at: Mapped[datetime] = _now()
    attempts: Mapped[int] = mapped_column(server_default="0")
    last_error: Mapped[str | None]
    sent_at: Mapped[datetime | None]
    #: the event that was sent, and the alert's severity and count at that time
    event: Mapped[str | None]
    severity: Mapped[str | None]
    count: Mapped[int | None]
    __table_args__ = (
        CheckConstraint("event IN ('opened', 'updated', 'resolved')", name="event"),
        CheckConstraint("(sent_at IS NULL) = (event IS NULL)", name="sent"),
        Index("ix_alert_messages_alert_id", "alert_id", "receiver", "sent_at"),
        Index(
            "uq_alert_messages_waiting", "alert_id", "receiver", unique=True, postgresql_where=text("sent_at IS NULL")
        ),
    )


class RetentionRunRow(Base):
    """What one run of retention removed by rule, and the size of each store afterwards, in bytes."""

    __tablename__ = "retention_runs"
    run_id: Mapped[int] = _key()
    finished_at: Mapped[datetime] = _now()
    removed: Mapped[dict[str, Any]]
    sizes: Mapped[dict[str, Any]]


class RetrainRequestRow(Base):
    """A request for a retrain: the rule that made it, and the run that claimed it."""

    __tablename__ = "retrain_requests"
    request_id: Mapped[int] = _key()
    rule: Mapped[str]
    reason: Mapped[str]
    requested_at: Mapped[datetime] = _now()
    run_id: Mapped[str | None]


class PersonTokenRow(Base):
    """A token by which the command line knows a person; only its hash is stored."""

    __tablename__ = "person_tokens"
    token_id: Mapped[int] = _key()
    name: Mapped[str]
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    #: how the person was identified: "airflow" (user and password), or "people add"
    issued_by: Mapped[str]
    #: user of the operating system who received it
    os_user: Mapped[str]
    created_at: Mapped[datetime] = _now()
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    __table_args__ = (
        CheckConstraint("length(name) BETWEEN 1 AND 80", name="name_length"),
        CheckConstraint("expires_at > created_at", name="expires_later"),
    )


class ApiKeyRow(Base):
    """An API key; only its hash is stored."""

    __tablename__ = "api_keys"
    key_id: Mapped[int] = _key()
    name: Mapped[str]
    roles: Mapped[list[str]] = mapped_column(ARRAY(Text))
    key_hash: Mapped[bytes] = mapped_column(unique=True)
    created_at: Mapped[datetime] = _now()
    revoked_at: Mapped[datetime | None]
    #: NULL: never
    expires_at: Mapped[datetime | None]
    #: hash of the key before the last rotation, which is valid until previous_expires_at
    previous_key_hash: Mapped[bytes | None] = mapped_column(unique=True)
    previous_expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    use_count: Mapped[int] = mapped_column(server_default="0")
    __table_args__ = (
        CheckConstraint(
            "roles <@ ARRAY['predict', 'feedback', 'label', 'privacy', 'admin'] AND cardinality(roles) > 0",
            name="roles",
        ),
        CheckConstraint("(previous_key_hash IS NULL) = (previous_expires_at IS NULL)", name="previous"),
        Index("uq_api_keys_name_in_use", "name", unique=True, postgresql_where=text("revoked_at IS NULL")),
    )


class ErasureRequestRow(Base):
    """A request to forget tweets: received, then erasing, then models, then done."""

    __tablename__ = "erasure_requests"
    request_id: Mapped[int] = _key()
    #: who or what names the tweets: "tweets", "author", "age" or "compliance"
    kind: Mapped[str]
    #: a person, the name of an API key, "x" for a compliance job
    requested_by: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="received")
    received_at: Mapped[datetime] = _now()
    #: end of the time in which it must be erased
    due_at: Mapped[datetime]
    #: when everything but the models was erased
    erased_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    #: tweets that it names, whether stored or not
    named: Mapped[int]
    #: reasons that a compliance file gives, with their counts
    reasons: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    #: what to search for beside ids, such as the author's name; NULL once it is erased
    subject: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    #: store -> what was found there, in numbers
    counts: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    __table_args__ = (
        CheckConstraint("kind IN ('tweets', 'author', 'age', 'compliance')", name="kind"),
        CheckConstraint("state IN ('received', 'erasing', 'models', 'done')", name="state"),
        CheckConstraint("(state IN ('models', 'done')) = (erased_at IS NOT NULL)", name="erased"),
        CheckConstraint("(state = 'done') = (finished_at IS NOT NULL)", name="finished"),
        CheckConstraint("erased_at IS NULL OR subject IS NULL", name="subject"),
        Index("ix_erasure_requests_open", "due_at", postgresql_where=text("state <> 'done'")),
    )


class ErasureTargetRow(Base):
    """A tweet that a request is about; the row goes with the tweet."""

    __tablename__ = "erasure_targets"
    request_id: Mapped[int] = mapped_column(ForeignKey("erasure_requests.request_id"), primary_key=True)
    tweet_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)


class TombstoneRow(Base):
    """A forgotten tweet or author, as a keyed hash: what comes again is refused, and the hash tells nothing."""

    __tablename__ = "tombstones"
    hash: Mapped[bytes] = mapped_column(primary_key=True)
    #: "tweet" or "author"
    kind: Mapped[str]
    #: name of the key that made it
    key_id: Mapped[str] = mapped_column(index=True)
    request_id: Mapped[int] = mapped_column(ForeignKey("erasure_requests.request_id"), index=True)
    made_at: Mapped[datetime] = _now()
    __table_args__ = (
        CheckConstraint("kind IN ('tweet', 'author')", name="kind"),
        CheckConstraint("length(hash) = 32", name="hash_length"),
    )


class VersionErasureRow(Base):
    """A model version that learned from a forgotten tweet, and what became of it."""

    __tablename__ = "version_erasures"
    request_id: Mapped[int] = mapped_column(ForeignKey("erasure_requests.request_id"), primary_key=True)
    version: Mapped[int] = mapped_column(ForeignKey("model_versions.version"), primary_key=True)
    #: how it learned: "trained" on the tweet, "inherited" from a parent or teacher, or read it "unlabelled"
    relation: Mapped[str]
    #: number of forgotten tweets among its own training rows
    rows: Mapped[int]
    #: end of the time in which its package must be gone
    due_at: Mapped[datetime]
    #: whether it is still to be trained without the tweets; stored before its package is erased
    retrain: Mapped[bool] = mapped_column(server_default=text("false"))
    #: the version trained without the tweets; NULL while there is none
    replacement: Mapped[int | None] = mapped_column(ForeignKey("model_versions.version"))
    #: whether a second training without the tweets gave the same package, byte for byte
    exact: Mapped[bool | None]
    #: when package, run and cached copies were erased
    erased_at: Mapped[datetime | None]
    __table_args__ = (CheckConstraint("relation IN ('trained', 'inherited', 'unlabelled')", name="relation"),)


class ExportRow(Base):
    """A file with tweets that a command wrote outside the state folder, so that it can be searched later."""

    __tablename__ = "exports"
    export_id: Mapped[int] = _key()
    #: "labels", "tweets", "profile" or "person"
    kind: Mapped[str]
    #: absolute path on the machine that wrote it; NULL for a download in a browser
    path: Mapped[str | None]
    #: name of that machine
    host: Mapped[str]
    rows: Mapped[int]
    written_at: Mapped[datetime] = _now()
    #: user of the operating system, or the person in the console
    written_by: Mapped[str]
    #: when it was last read in search of a forgotten tweet; NULL: never
    last_read_at: Mapped[datetime | None]


class PollRow(Base):
    """One poll of a metered source: what it read, of which period, and the share of that period that was sampled."""

    __tablename__ = "polls"
    poll_id: Mapped[int] = _key()
    ingest_id: Mapped[int] = mapped_column(ForeignKey("ingests.ingest_id"), unique=True)
    source: Mapped[str]
    polled_at: Mapped[datetime]
    #: tweets that the source delivered and counts, those of a poll that broke off included
    reads: Mapped[int]
    #: probability with which a moment between read_from and read_until was read: the inclusion probability of a tweet
    share: Mapped[float]
    read_from: Mapped[datetime]
    read_until: Mapped[datetime]
    #: what the source said when it refused, because its own cap is used up
    refusal: Mapped[str | None]
    __table_args__ = (
        CheckConstraint("reads >= 0", name="reads"),
        CheckConstraint("share > 0 AND share <= 1", name="share"),
        CheckConstraint("read_from <= read_until", name="period"),
        Index(None, "source", "polled_at"),
    )


class HeartbeatRow(Base):
    """When something that has to run again and again last did."""

    __tablename__ = "heartbeats"
    name: Mapped[str] = mapped_column(primary_key=True)
    beat_at: Mapped[datetime]


class BackupRow(Base):
    """A completed backup, and what its last restore drill found."""

    __tablename__ = "backups"
    backup_id: Mapped[int] = _key()
    name: Mapped[str] = mapped_column(unique=True)
    #: the moment whose state it holds
    as_of: Mapped[datetime] = mapped_column(index=True)
    finished_at: Mapped[datetime]
    size_bytes: Mapped[int]
    #: SHA-256 of the manifest
    manifest_hash: Mapped[str]
    drilled_at: Mapped[datetime | None]
    drill_seconds: Mapped[float | None]
    #: why the last drill failed; NULL when it passed
    drill_problem: Mapped[str | None]
