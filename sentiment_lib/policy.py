"""The policy: when to retrain, what passes the gate, what raises an alert; typed, with defaults and bounds.

Every rule is a setting, for example SENTIMENT_POLICY__GATE__BOOTSTRAP_ROUNDS=2000. docs/policy.md explains each.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from sentiment_lib.budget_policy import BudgetPolicy
from sentiment_lib.retention_policy import RetentionPolicy


class Section(BaseModel):
    """A frozen section of the policy. Unknown keys are errors: a typo must not pass silently."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class RetrainPolicy(Section):
    """When to retrain, and what to train."""

    families: tuple[str, ...] = ("tfidf_logreg",)
    options: dict[str, dict[str, Any]] = Field({}, description="training options by family")
    calendar: bool = Field(True, description="retrain daily at 3:00 UTC when enough labels are new")
    new_labels: int = Field(500, ge=1, description="new labels since the last snapshot that request a retrain")
    quality_drop: float = Field(0.03, gt=0, lt=1, description="tolerated loss of accuracy on audit labels")
    quality_run_length: float = Field(
        10_000, ge=100, description="average run length: audit labels until a false request"
    )
    drift_confirmed: int = Field(1, ge=1, description="of the last drift_checks, how many must want a retrain")
    drift_checks: int = Field(1, ge=1, description="drift checks considered by drift_confirmed")
    price_errors: float = Field(25.0, gt=0, description="wrong predictions that a retrain is worth")
    gain_per_doubling: float = Field(0.01, gt=0, lt=0.2, description="error rate saved by twice the labels")
    cool_down: timedelta = timedelta(hours=1)
    minimum_new_labels: int = Field(1, ge=0, description="minimum new labels for an automatic retrain")
    new_judged_share: float = Field(
        0.2, ge=0, le=1, description="new judging labels before the calendar retrains, as a share of the last holdout"
    )
    minimum_rows: int = Field(200, ge=30, description="minimum training rows")
    pool: str = Field("training", description="Airflow pool of classical families")
    fine_tuning_pool: str = Field("fine_tuning", description="Airflow pool of families that fine-tune a network")
    train_minutes: float = Field(60, gt=0, description="time limit of one training")
    budget_minutes: float = Field(240, gt=0, description="time budget of a retrain, shared by its families")
    search_trials: int = Field(0, ge=0, le=1000, description="hyperparameter trials before each training; 0: none")
    search_minutes: float = Field(30, gt=0, description="time limit of a search, in addition to train_minutes")
    warm_start: bool = Field(False, description="transformers start from the champion of the same family")
    unlabelled_rows: int = Field(100_000, ge=0, description="newest unlabelled tweets that word vectors are trained on")

    @field_validator("families")
    @classmethod
    def _each_once(cls, families: tuple[str, ...]) -> tuple[str, ...]:
        if twice := sorted({name for name in families if families.count(name) > 1}):
            raise ValueError(f"{', '.join(twice)} is named more than once")
        return families

    @model_validator(mode="after")
    def _confirmable(self) -> RetrainPolicy:
        if self.drift_confirmed > self.drift_checks:
            raise ValueError("drift_confirmed is more than drift_checks: drift would never request a retrain")
        return self


class SnapshotPolicy(Section):
    """How labelled tweets are frozen and split by time."""

    holdout_share: float = Field(0.2, gt=0, lt=0.9, description="newest share of the rows, held out")
    minimum_holdout: int = Field(100, ge=30)
    #: if sources disagree on a tweet, the first in this order wins
    label_precedence: tuple[str, ...] = ("audit", "person", "dataset", "feedback")


class GatePolicy(Section):
    """What a candidate must show to be promoted."""

    main_metric: Literal["negative_f1", "macro_f1", "macro_recall", "accuracy"] = "negative_f1"
    guard_metrics: tuple[Literal["negative_f1", "negative_recall", "macro_f1", "macro_recall", "accuracy"], ...] = (
        "macro_f1",
        "negative_recall",
    )
    error_budget: float = Field(
        0.05,
        gt=0,
        lt=0.5,
        description="probability of promoting one that misses its aim, over a champion's life and over budget_period",
    )
    refresh_margin: float = Field(
        0.01, ge=0, description="loss of main_metric that the budget allows a retrain of the champion's own recipe"
    )
    refresh_guard_margin: float = Field(
        0.05, ge=0, description="largest loss of a guard metric that the budget allows such a retrain, on few rows"
    )
    budget_rows: int = Field(300, ge=100, description="scale of alpha spending: holdout rows that spend 29 % of it")
    budget_exponent: float = Field(1.5, gt=1, le=3, description="exponent of alpha spending over holdout rows")
    budget_period: timedelta = Field(
        timedelta(days=365), description="period in which looks against every champion share the budget"
    )
    promising_p_value: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="looks at candidates of at most this p-value do not count against looks on other rows",
    )
    guard_level: float = Field(0.05, gt=0, lt=0.5, description="significance level of all slices together")
    #: at 0.02, half of the candidates with a true gain of 2 points and 1 point less recall were held at 4,000 rows
    non_inferiority: float = Field(
        0.03, ge=0, description="loss of a guard metric that others must rule out, and a refresh must not show"
    )
    slice_non_inferiority: float = Field(0.05, ge=0, description="tolerated loss on a slice")
    minimum_slice_rows: int = Field(100, ge=10, description="minimum rows of a slice")
    minimum_holdout_rows: int = Field(100, ge=30, description="minimum holdout rows; fewer are HOLD")
    minimum_audit_rows: int = Field(
        300, ge=30, description="random draws of the audit sample that judge alone, without rows of data sets"
    )
    collapse_ratio: float = Field(0.2, ge=0, lt=1, description="minimum ratio of predicted to true share of each class")
    maximum_calibration_error: float = Field(0.15, gt=0, le=1)
    minimum_functionality: float = Field(
        0.4, ge=0, le=1, description="CheckList: pass rate of minimum-functionality tests"
    )
    minimum_invariance: float = Field(0.7, ge=0, le=1, description="CheckList: pass rate of invariance tests")
    minimum_direction: float = Field(0.5, ge=0, le=1, description="CheckList: pass rate of directional tests")
    maximum_leakage: float = Field(0.05, ge=0, le=1, description="maximum share of holdout texts found in training")
    minimum_label_share: float = Field(0.02, ge=0, lt=1, description="minimum share of the rarest class in training")
    maximum_label_shift: float = Field(0.3, ge=0, le=1, description="maximum change of a class share to the holdout")
    maximum_p99_ms: float = Field(250, gt=0, description="latency of one tweet, 99th percentile")
    #: fine-tuning on 10,000 tweets peaks at 2.7 GB (MiniLM) and 7 GB (MPNet)
    maximum_memory_mb: float = Field(10_000, gt=0, description="peak memory of training and scoring")
    maximum_artefact_mb: float = Field(1000, gt=0)
    bootstrap_rounds: int = Field(10_000, ge=100)
    seed: int = 20150216


class PromotionWatchPolicy(Section):
    """How a promotion is monitored, and when it is rolled back."""

    error_budget: float = Field(0.05, gt=0, lt=0.5, description="probability of rolling back one that is no worse")
    minimum_labels: int = Field(30, ge=1, description="minimum audit labels before a rollback")
    enough_labels: int = Field(2000, ge=30, description="audit labels after which monitoring ends")
    period: timedelta = timedelta(days=14)
    shadow_share: float = Field(0.2, ge=0, le=1, description="share of new tweets scored in shadow")


class RefusedPolicy(Section):
    """Which refused candidates score new tweets in shadow, to show what refusing them cost."""

    candidates: int = Field(1, ge=0, description="newest refused candidates that are scored in shadow; 0: none")
    shadow_share: float = Field(0.02, ge=0, le=1, description="share of new tweets; the audit sample at least")
    period: timedelta = Field(timedelta(days=7), description="time after the decision in which they are scored")


class ApprovalPolicy(Section):
    """Who may approve, and when a request expires."""

    approvers: tuple[str, ...] = ("admin", "mlops")
    quorum: int = Field(1, ge=1, le=9, description="different people who must approve")
    lists: dict[str, tuple[str, ...]] = Field({}, description="lists of people; each must give one of the approvals")
    escalate_to: tuple[str, ...] = Field((), description="people who may answer as well after the escalation")
    remind_at: float = Field(0.5, gt=0, lt=1, description="share of expires_after at which an alert reminds")
    escalate_at: float = Field(0.75, gt=0, lt=1, description="share of expires_after at which the request escalates")
    expires_after: timedelta = timedelta(days=2)
    shortest_reason: int = Field(3, ge=1, description="minimum characters of a rejection's or rollback's reason")
    self_approval: bool = Field(False, description="whether the requester of a run may approve it")
    out_of_band: Literal["restore", "adopt"] = Field(
        "restore", description="reaction to a champion alias moved outside the platform"
    )

    @model_validator(mode="after")
    def _reachable(self) -> ApprovalPolicy:
        people = {*self.approvers, *self.escalate_to}
        if self.quorum > max(1, len(set(self.approvers))):
            raise ValueError(f"a quorum of {self.quorum} needs as many approvers")
        if len(self.lists) > self.quorum:
            raise ValueError("there are more lists than approvals in the quorum")
        if empty := [name for name, members in self.lists.items() if not people & set(members)]:
            raise ValueError(f"no approver is in the list {empty[0]}")
        if self.remind_at > self.escalate_at:
            raise ValueError("remind_at is later than escalate_at")
        return self

    def approvers_after(self, waiting: timedelta) -> tuple[str, ...]:
        """Who may answer a request that has been pending for so long."""
        escalated = waiting >= self.expires_after * self.escalate_at
        return tuple(dict.fromkeys((*self.approvers, *(self.escalate_to if escalated else ()))))


class DriftPolicy(Section):
    """When a change of the stream is drift, and when drift matters."""

    reference_days: float = Field(7, gt=0)
    current_days: float = Field(1, gt=0)
    reference_weeks: int = Field(4, ge=0, le=12, description="compare with the same weekday of so many weeks; 0: off")
    minimum_rows: int = Field(200, ge=30, description="minimum rows of a window")
    minimum_labelled: int = Field(50, ge=20, description="minimum labelled rows of a window for the error rate")
    sentence_vectors: int = Field(0, ge=0, le=5000, description="tweets per window for sentence embeddings; 0: off")
    keep_pages: int = Field(200, ge=1, description="number of HTML reports kept; metrics are kept forever")
    run_length: float = Field(500, ge=20, description="average run length of the continuous monitor, in windows")
    sample_rows: int = Field(2000, ge=100, description="sample size of each window, so that volume has no effect")
    false_alarms_per_week: float = Field(0.2, gt=0, le=5, description="false alarms of a week of checks, at most")
    minimum_effect: float = Field(0.05, ge=0, lt=1, description="minimum difference of shares")
    minimum_word_effect: float = Field(0.01, ge=0, lt=1, description="minimum difference of a word's share of tweets")
    quality_loss: float = Field(0.03, ge=0, lt=1, description="loss of macro-F1 that makes drift critical")
    retrain_on: Literal["drift", "loss", "never"] = Field("loss", description="drift that requests a retrain")
    seed: int = 20150221


class AlertPolicy(Section):
    """What raises an alert, and how often people are notified."""

    wrong_predictions: int = Field(3, ge=1, description="wrong predictions within wrong_within that are a burst")
    wrong_within: timedelta = timedelta(minutes=5)
    no_tweets_after: timedelta = timedelta(hours=3)
    quarantine_share: float = Field(0.1, gt=0, le=1)
    scoring_backlog: int = Field(1000, ge=1, description="tweets without a prediction for half an hour")
    label_backlog: int = Field(500, ge=1, description="audit tweets without a label for a week")
    calibration_error: float = Field(0.1, ge=0, lt=1, description="tolerated lower bound of the calibration error")
    calibration_days: int = Field(3, ge=1, description="days in succession above calibration_error")
    api_down_after: timedelta = Field(timedelta(minutes=3), description="tolerated time without a ready API")
    api_window: timedelta = Field(timedelta(minutes=5), description="window of error rate and latency")
    api_requests: int = Field(20, ge=1, description="minimum requests in api_window")
    api_errors: float = Field(0.05, ge=0, lt=1, description="tolerated share of responses with status 500 and above")
    api_p99_seconds: float = Field(1.0, gt=0, description="tolerated latency, 99th percentile")
    backup_age: timedelta = Field(timedelta(hours=36), description="tolerated age of the newest backup")
    maintain_after: timedelta = Field(timedelta(hours=1), description="tolerated time without a run of `maintain`")
    settle: timedelta = Field(timedelta(minutes=5), description="time a rule must be clear before its alert resolves")
    cool_down: timedelta = Field(timedelta(minutes=30), description="minimum time between two messages of one incident")
    remind_after: timedelta = Field(timedelta(hours=6), description="reminder interval of an open incident")
    quiet_hours: tuple[int, int] | None = Field(None, description="hours (UTC) from, to, in which warnings wait")
    digest_over: int = Field(5, ge=1, description="maximum messages at once; more become a digest")


class ScorePolicy(Section):
    """How tweets are scored, and the audit sample."""

    batch_rows: int = Field(5000, ge=1)
    task_rows: int = Field(50_000, ge=1, description="waiting tweets of one task; more are divided among several")
    tasks: int = Field(2, ge=1, le=1000, description="tasks that score at the same time, on any number of workers")
    audit_share: float = Field(0.02, ge=0, le=1)
    rescore_window: timedelta = Field(
        timedelta(days=60), description="how long before the newest tweet a new champion rescores"
    )


class DeadlinePolicy(Section):
    """When the work of a stage is overdue: it is done then, whatever should have started it."""

    score: timedelta = Field(timedelta(minutes=30), description="from a tweet to its prediction")
    check_drift: timedelta = Field(timedelta(hours=2), description="from a prediction to a drift check of its window")
    retrain: timedelta = Field(timedelta(hours=1), description="from a retrain request to the run that claims it")
    promote: timedelta = Field(timedelta(minutes=30), description="from an approval to its deployment")


class ErasurePolicy(Section):
    """Within which time what must be forgotten is erased, also from models."""

    within: timedelta = Field(
        timedelta(hours=24), ge=timedelta(minutes=1), description="from a request to the erasure of all but models"
    )
    warn_at: float = Field(0.5, gt=0, lt=1, description="share of within at which an alert warns")
    models_within: timedelta = Field(
        timedelta(days=7), ge=timedelta(0), description="from a request to the erasure of models that learned from it"
    )
    replace: Literal["approval", "policy"] = Field(
        "approval", description="how a champion that learned from a forgotten tweet is replaced"
    )
    rewrite_after: timedelta = Field(
        timedelta(0), ge=timedelta(0), description="time that requests wait to share one rewrite of the tables"
    )
    large_request: int = Field(1000, ge=1, description="tweets from which a request is large: it opens an alert")
    large_share: float = Field(
        0.1, gt=0, le=1, description="share of all tweets from which a request of a hundred or more is large"
    )
    tweets_kept: timedelta | None = Field(None, description="age at which tweets are forgotten; none: never")
    legal_basis: dict[str, str] = Field({}, description="legal basis of what a place holds, by its name; for a record")


class LabelPolicy(Section):
    """Which tweets people label."""

    audit_share: float = Field(0.5, gt=0, le=1, description="share of picks taken from the audit sample")
    second_share: float = Field(0.1, ge=0, le=1, description="share of labels repeated by a second person")
    hold_for: timedelta = Field(timedelta(minutes=30), description="time after which an open pick may be reassigned")
    auditors: tuple[str, ...] = Field(("local",), description="people whose audit labels act alone")
    labels_per_minute: int = Field(40, ge=1, description="labels of one person in a minute")
    person_share: float = Field(0.5, gt=0, le=1, description="share of a week's audit sample that one person labels")
    newest: int = Field(2000, ge=1, description="newest predictions searched for uncertain and disputed ones")
    uncertain_below: float = Field(0.7, gt=1 / 3, le=1, description="maximum probability of an uncertain prediction")


class PricePolicy(Section):
    """What errors, labels and trainings cost, in arbitrary units: for judging the past, and no part of the gate."""

    missed_negative: float = Field(5.0, ge=0, description="cost of a negative tweet that is predicted otherwise")
    false_alarm: float = Field(1.0, ge=0, description="cost of another tweet that is predicted negative")
    label: float = Field(0.2, ge=0, description="cost of a person's label")
    training_hour: float = Field(1.0, ge=0, description="cost of an hour of training")


class Policy(Section):
    """All rules."""

    retrain: RetrainPolicy = RetrainPolicy()
    snapshot: SnapshotPolicy = SnapshotPolicy()
    gate: GatePolicy = GatePolicy()
    promotion_watch: PromotionWatchPolicy = PromotionWatchPolicy()
    refused: RefusedPolicy = RefusedPolicy()
    approval: ApprovalPolicy = ApprovalPolicy()
    drift: DriftPolicy = DriftPolicy()
    score: ScorePolicy = ScorePolicy()
    deadlines: DeadlinePolicy = DeadlinePolicy()
    retention: RetentionPolicy = RetentionPolicy()
    erasure: ErasurePolicy = ErasurePolicy()
    alerts: AlertPolicy = AlertPolicy()
    label: LabelPolicy = LabelPolicy()
    prices: PricePolicy = PricePolicy()
    budget: BudgetPolicy = BudgetPolicy()

    @model_validator(mode="after")
    def _reads_what_is_kept(self) -> Policy:
        kept = self.retention.tweets
        if kept is not None and kept < self.score.rescore_window:
            raise ValueError("retention.tweets is shorter than score.rescore_window")
        if self.retention.airflow < 4 * self.approval.expires_after:
            raise ValueError("retention.airflow is under four times approval.expires_after: questions go with runs")
        return self
