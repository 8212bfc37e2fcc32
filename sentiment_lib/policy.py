"""The rules, typed and in one place: when to retrain, what passes the gate, what raises an alert.

Every rule can be set from the environment, for example SENTIMENT_POLICY__GATE__BOOTSTRAP_ROUNDS=2000.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator


class Section(BaseModel):
    """A frozen part of the policy; unknown keys are errors, so that a typo never passes silently."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class RetrainPolicy(Section):
    """When a retrain is wanted, and which families it trains."""

    families: tuple[str, ...] = ("tfidf_logreg",)
    options: dict[str, dict[str, Any]] = Field({}, description="options of a family's training, by its name")
    new_labels: int = Field(500, ge=1, description="labels since the last snapshot that ask for a retrain")
    quality_drop: float = Field(0.03, gt=0, lt=1, description="loss of accuracy on audit labels that is borne")
    quality_run_length: float = Field(
        10_000, ge=100, description="audit labels until a bearable loss asks for one, on average"
    )
    drift_confirmed: int = Field(1, ge=1, description="of the last drift checks, how many must want a retrain")
    drift_checks: int = Field(1, ge=1, description="how many drift checks that is counted over")
    cool_down: timedelta = timedelta(hours=1)
    fewest_labels: int = Field(
        1, ge=0, description="labels since the last snapshot without which only a person gets a retrain"
    )
    minimum_rows: int = Field(200, ge=30, description="fewest training rows")
    pool: str = Field("training", description="Airflow pool of the trainings of minutes; it must exist")
    fine_tuning_pool: str = Field("fine_tuning", description="the same for families that fine-tune a network")
    train_minutes: float = Field(60, gt=0, description="time that one family's training may take")
    budget_minutes: float = Field(240, gt=0, description="time from a retrain's begin that its families share")
    search_trials: int = Field(
        0, ge=0, le=1000, description="configurations of a family's options that each training tries first; 0: none"
    )
    search_minutes: float = Field(30, gt=0, description="time that a search may take beside train_minutes")
    warm_start: bool = Field(False, description="transformers go on from the champion when it is of their family")
    unlabelled_rows: int = Field(100_000, ge=0, description="newest tweets without labels that word vectors learn from")

    @field_validator("families")
    @classmethod
    def _each_once(cls, families: tuple[str, ...]) -> tuple[str, ...]:
        if twice := sorted({name for name in families if families.count(name) > 1}):
            raise ValueError(f"{', '.join(twice)} is named more than once")
        return families

    @model_validator(mode="after")
    def _confirmable(self) -> RetrainPolicy:
        if self.drift_confirmed > self.drift_checks:
            raise ValueError("drift_confirmed is more than drift_checks: drift would never ask for a retrain")
        return self


class SnapshotPolicy(Section):
    """How labelled tweets are frozen and split in time."""

    holdout_share: float = Field(0.2, gt=0, lt=0.9, description="newest share of the rows that becomes the holdout")
    minimum_holdout: int = Field(100, ge=30)
    #: when sources disagree about one tweet, the first of these that spoke wins; others follow by time
    label_precedence: tuple[str, ...] = ("audit", "person", "dataset", "feedback")


class GatePolicy(Section):
    """What a candidate must show before it may be promoted."""

    main_metric: Literal["negative_f1", "macro_f1", "macro_recall", "accuracy"] = "negative_f1"
    guard_metrics: tuple[Literal["negative_f1", "negative_recall", "macro_f1", "macro_recall", "accuracy"], ...] = (
        "macro_f1",
        "negative_recall",
    )
    error_budget: float = Field(0.05, gt=0, lt=0.5, description="chance of promoting a candidate that is no better")
    budget_exponent: float = Field(1.3, gt=1, le=3, description="how fast the level falls from look to look")
    budget_period: timedelta = Field(timedelta(days=30), description="after it, an earlier look is forgotten")
    guard_level: float = Field(0.05, gt=0, lt=0.5, description="chance of a guard's bound to lie on the wrong side")
    #: at 0.02 a true gain of 2 points with a point of recall lost was held in half of the cases with 4,000 rows
    non_inferiority: float = Field(0.03, ge=0, description="loss on a guard metric that is still accepted")
    slice_non_inferiority: float = Field(0.05, ge=0, description="loss on a slice that is still accepted")
    minimum_slice_rows: int = Field(100, ge=10, description="rows a slice needs before it is judged")
    minimum_holdout_rows: int = Field(100, ge=30, description="fewer rows are always HOLD")
    collapse_ratio: float = Field(0.2, ge=0, lt=1, description="predicted over true share that each class must reach")
    maximum_calibration_error: float = Field(0.15, gt=0, le=1)
    minimum_functionality: float = Field(0.4, ge=0, le=1, description="share of the plain cases that must be right")
    minimum_invariance: float = Field(0.7, ge=0, le=1, description="changes without meaning that change nothing")
    minimum_direction: float = Field(0.5, ge=0, le=1, description="share of negations and the like that are followed")
    maximum_leakage: float = Field(0.05, ge=0, le=1, description="share of holdout rows whose text was trained on")
    minimum_label_share: float = Field(0.02, ge=0, lt=1, description="share of the training rows of the rarest class")
    maximum_label_shift: float = Field(0.3, ge=0, le=1, description="change of a class's share, training to holdout")
    maximum_p99_ms: float = Field(250, gt=0, description="one tweet, 99th percentile, milliseconds")
    #: on 10,000 tweets a fine-tuned MiniLM peaks at 2.7 GB, and MPNet at 7
    maximum_memory_mb: float = Field(10_000, gt=0, description="peak of training and scoring together")
    maximum_artefact_mb: float = Field(1000, gt=0)
    bootstrap_rounds: int = Field(10_000, ge=100)
    seed: int = 20150216


class WatchPolicy(Section):
    """How a promotion is watched, and when it is rolled back."""

    error_budget: float = Field(0.05, gt=0, lt=0.5, description="chance of rolling back a champion that is no worse")
    minimum_labels: int = Field(30, ge=1, description="audit labels before anything is rolled back")
    enough_labels: int = Field(2000, ge=30, description="audit labels after which the watch ends")
    period: timedelta = timedelta(days=14)
    shadow_share: float = Field(0.2, ge=0, le=1, description="share of new tweets that the other model scores as well")


class ApprovalPolicy(Section):
    """Who may approve, and for how long the question stands."""

    approvers: tuple[str, ...] = ("admin", "mlops")
    expires_after: timedelta = timedelta(days=2)
    shortest_reason: int = Field(3, ge=1, description="characters that the reason of a rejection or a rollback needs")
    self_approval: bool = Field(False, description="may the one who triggered the run approve its promotion")
    out_of_band: Literal["restore", "adopt"] = Field(
        "restore", description="what becomes of a champion alias that was moved outside the platform"
    )


class DriftPolicy(Section):
    """When a change of the tweets is worth a person's time."""

    reference_days: float = Field(7, gt=0)
    current_days: float = Field(1, gt=0)
    minimum_rows: int = Field(200, ge=30, description="rows a window needs before there is a verdict")
    minimum_labelled: int = Field(50, ge=20, description="labelled rows a window needs for a word on wrong answers")
    sentence_vectors: int = Field(0, ge=0, le=5000, description="tweets a side for the sentence-vector signal; 0: off")
    keep_pages: int = Field(200, ge=1, description="newest HTML reports that stay; figures stay for ever")
    run_length: float = Field(500, ge=20, description="windows until continuous watching alarms falsely, on average")
    sample_rows: int = Field(
        2000, ge=100, description="rows of each window that are looked at, so volume does not decide"
    )
    false_alarm_rate: float = Field(0.05, gt=0, lt=0.5, description="share of undisturbed checks that may alarm")
    minimum_effect: float = Field(0.05, ge=0, lt=1, description="difference of shares that is worth a look")
    minimum_word_effect: float = Field(0.01, ge=0, lt=1, description="the same for the share of tweets with one word")
    quality_loss: float = Field(0.03, ge=0, lt=1, description="loss of macro-F1 that makes drift critical")
    retrain_on: Literal["drift", "loss", "never"] = Field("loss", description="what asks for a retrain")
    seed: int = 20150221


class AlertPolicy(Section):
    """What raises an alert, and how people are told without being worn out."""

    wrong_predictions: int = Field(3, ge=1, description="wrong predictions within wrong_within that are a burst")
    wrong_within: timedelta = timedelta(minutes=5)
    no_tweets_after: timedelta = timedelta(hours=3)
    quarantine_share: float = Field(0.1, gt=0, le=1)
    scoring_backlog: int = Field(1000, ge=1, description="tweets that wait for a prediction for half an hour")
    label_backlog: int = Field(500, ge=1, description="drawn tweets that wait for a label for a week")
    api_down_after: timedelta = Field(timedelta(minutes=3), description="how long the API may be away or not ready")
    api_window: timedelta = Field(timedelta(minutes=5), description="span that errors and times are counted over")
    api_requests: int = Field(20, ge=1, description="requests in it before there is a word on errors and times")
    api_errors: float = Field(0.05, ge=0, lt=1, description="share of answers of 500 and above that is borne")
    api_p99_seconds: float = Field(1.0, gt=0, description="99th percentile of a prediction's time that is borne")
    settle: timedelta = Field(timedelta(minutes=5), description="how long a rule is clear before people are told so")
    cool_down: timedelta = Field(timedelta(minutes=30), description="at most one message of an incident in this time")
    remind_after: timedelta = Field(timedelta(hours=6), description="an incident that goes on is told again")
    quiet_hours: tuple[int, int] | None = Field(None, description="hours (UTC) from, to: warnings wait until it ends")
    digest_over: int = Field(5, ge=1, description="more messages than this at once become one")


class ScorePolicy(Section):
    """How tweets are scored, and what share goes to people as the audit sample."""

    batch_rows: int = Field(5000, ge=1)
    audit_share: float = Field(0.02, ge=0, le=1)


class LabelPolicy(Section):
    """What people are handed to label."""

    audit_share: float = Field(0.5, gt=0, le=1, description="share of each person's picks from the audit sample")
    second_share: float = Field(0.1, ge=0, le=1, description="share of the answers that a second person doubles")
    hold_for: timedelta = Field(timedelta(minutes=30), description="after it, an open pick may go to someone else")
    newest: int = Field(2000, ge=1, description="predictions among which the uncertain and disputed are looked for")
    uncertain_below: float = Field(0.7, gt=1 / 3, le=1, description="highest probability that is still uncertain")


class Policy(Section):
    """All rules."""

    retrain: RetrainPolicy = RetrainPolicy()
    snapshot: SnapshotPolicy = SnapshotPolicy()
    gate: GatePolicy = GatePolicy()
    watch: WatchPolicy = WatchPolicy()
    approval: ApprovalPolicy = ApprovalPolicy()
    drift: DriftPolicy = DriftPolicy()
    score: ScorePolicy = ScorePolicy()
    alerts: AlertPolicy = AlertPolicy()
    label: LabelPolicy = LabelPolicy()
