"""How often models that miss their aim are promoted, and equal champions rolled back, through SQL, gate and watch."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import text

from benchmarks.platform_decisions import models, world
from sentiment_lib.evaluation import aims, frozen_rows, judgement_methods
from sentiment_lib.evaluation.comparison import Terms, compare
from sentiment_lib.evaluation.gate import decide
from sentiment_lib.evaluation.holdout_split import split
from sentiment_lib.evaluation.promotion_watch import WORSE, monitor_promotion
from sentiment_lib.policy import GatePolicy, PromotionWatchPolicy, RetrainPolicy, SnapshotPolicy
from sentiment_lib.records import LABEL_CODES, LABELS, Answer, EvaluationRequest
from sentiment_lib.statistics.metrics import confusion_matrix
from sentiment_lib.storage import current_labels, holdout_looks, labels, shadow, snapshot_chunks, snapshots
from sentiment_lib.text.copies import first_of_each

GATE = GatePolicy(bootstrap_rounds=1000)
DAYS, START_ROWS = world.YEARS, 600
#: Days between two checks whether a daily retrain is worth a look.
CHECKED = 3
#: Families of a retrain: the champion's own, refreshed, and others.
FAMILIES = ("own", "second", "third")
ORDERS = ("newest first", "random", "backlog")


@dataclass(frozen=True)
class Case:
    """One world of two years."""

    number: int
    copies: float
    every: int
    order: str
    labels_a_day: float

    @classmethod
    def of(cls, number: int, labels_a_day: float) -> Case:
        """Worlds go through all combinations of copies, cadence and order."""
        copies, every, order = list(itertools.product((0.0, 0.1, 0.3), (CHECKED, 30), ORDERS))[(number * 7) % 18]
        return cls(number, copies, every, order, labels_a_day)


def two_years(database: world.Database, case: Case) -> dict[str, Any]:
    """Retrains of three families; candidates are as bad as their aim forbids. Looks, promotions, last level."""
    rng = np.random.default_rng([8, case.number])
    drawn = START_ROWS + int(DAYS * case.labels_a_day * 1.6)
    key = world.clustered(drawn, case.copies, 8, rng)
    texts = world.draw_texts(drawn, key, rng)
    days = np.concatenate([np.sort(rng.uniform(-30, 0, START_ROWS)), np.sort(rng.uniform(0, DAYS, drawn - START_ROWS))])
    labelled = _label_days(days, case, rng)
    source = _sources(days, models.answers(texts, key, 1, 0.0) != texts.labels, rng)
    database.empty()
    result = {"looks": 0, "promoted": 0, "kind": [], "levels": []}
    policy, stored = RetrainPolicy(), np.zeros(drawn, dtype=bool)
    versions = itertools.count(2)
    for day in range(0, DAYS, case.every):
        fresh = np.flatnonzero(~stored & (labelled <= day))
        stored[fresh] = True
        with database.store.begin() as connection:
            world.add(connection, [_row(number, texts, key, days, labelled, source) for number in fresh])
            last = holdout_looks.last_snapshot(connection)
            if last is not None:
                new = labels.count_judging_since(connection, last.created_at)
                if new < max(policy.new_judged_share * last.holdout_rows, policy.minimum_new_labels):
                    continue
        result["looks"] += 1
        for kind, level, promoted in _retrain(database, texts, key, case, versions, day):
            result["levels"].append(level)
            if promoted:
                result["promoted"] += 1
                result["kind"].append(kind)
    result["last_level"] = result.pop("levels")[-1]
    return result


def _label_days(days: np.ndarray, case: Case, rng: np.random.Generator) -> np.ndarray:
    """When each row is labelled: at once in one order or another, or after a delay of up to two months."""
    if case.order == "random":
        return np.where(days < 0, days, days + rng.exponential(5, size=days.size))
    if case.order == "newest first":
        return np.where(
            days < 0, days, days + np.where(rng.random(days.size) < 0.7, 0.5, rng.uniform(5, 60, days.size))
        )
    return np.where(days < 0, days, days + rng.uniform(20, 60, size=days.size))


def _sources(days: np.ndarray, is_wrong: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Source of each label: two thirds are random draws; people choose the others, mostly where the champion errs."""
    chosen = np.where(rng.random(days.size) < np.where(is_wrong, 0.9, 0.2), "person", "")
    return np.where(days < 0, "dataset", np.where(rng.random(days.size) < 0.65, "audit", chosen))


def _row(number, texts, key, days, labelled, source) -> dict[str, Any]:
    is_audit = source[number] == "audit"
    return {
        "id": int(number) + 1,
        "text": world.words(int(key[number]), int(number != key[number]) * int(number)),
        "created_at": world.moment(days[number]),
        "stored_at": world.moment(labelled[number]),
        "label": int(texts.labels[number]),
        "source": str(source[number]),
        "by": "local" if is_audit else "benchmark",
        "probability": 0.02 if is_audit else None,
    }


def _retrain(database, texts, key, case, versions, day):
    """Snapshot, and every family's candidate through look, comparison and gate; yields aim, level and promotion."""
    with database.store.begin() as connection:
        policy = SnapshotPolicy()
        frame = current_labels.labelled(connection, policy.label_precedence, auditors=("local",))
        frame, split_at = split(frame, policy)
        chunks = [snapshot_chunks.store(connection, part, rows) for part, rows in frozen_rows.cut(frame)]
        frozen = snapshots.store(connection, chunks, snapshots.count_rows(frame, split_at), {})
        looks = [
            holdout_looks.take(
                connection,
                EvaluationRequest(
                    snapshot_id=frozen.snapshot_id,
                    candidate=next(versions),
                    champion=1,
                    requested_by=f"retrain/{day}",
                    candidates=len(FAMILIES),
                ),
                GATE,
                at=world.moment(day),
            )
            for _ in FAMILIES
        ]
    database.record_at(world.moment(day), snapshot_id=frozen.snapshot_id)
    holdout = frame[frame["part"] == "holdout"]
    judged, _ = judgement_methods.choose_rows(holdout["label_source"].tolist(), GATE)
    numbers = holdout.loc[judged, "tweet_id"].to_numpy() - 1
    part, own = texts.take(numbers), key[numbers]
    y = np.array([LABEL_CODES[label] for label in holdout.loc[judged, "label"]])
    champion = models.probabilities(models.answers(part, own, 1, 0.0))
    for family, look in zip(FAMILIES, looks, strict=True):
        refresh = family == "own"
        aim = aims.Aim(kind=aims.REFRESH, margin=GATE.refresh_margin) if refresh else aims.SUPERIORITY
        seed = case.number * 10_000 + day * 10 + len(family)
        candidate = models.answers(part, own, seed, -aim.margin)
        level = look.budget.level(GATE)
        compared = compare(
            y,
            champion,
            models.probabilities(candidate),
            policy=GATE,
            level=level,
            terms=Terms.of(aim, GATE),
        )
        yield aim.kind, level, decide(compared, GATE, aim=aim)[0] is Answer.PROMOTE


def watch(database: world.Database, number: int, gain: float, rows: int = 1400) -> bool:
    """Whether a champion with this gain over the previous one is rolled back on audit labels in an order of arrival."""
    rng = np.random.default_rng([9, number])
    order, copies = ORDERS[number % 3], (0.0, 0.1, 0.3)[number // 3 % 3]
    key = world.clustered(rows, copies, 8, rng)
    texts = world.draw_texts(rows, key, rng)
    classes = {1: models.answers(texts, key, 2 * number + 3, 0.0), 2: models.answers(texts, key, 2 * number + 4, gain)}
    arrival = {
        "newest first": _capacity(rows, rng),
        "random": rng.permutation(rows).astype(float),
        "backlog": np.arange(rows)[::-1].astype(float),
    }[order]
    database.empty()
    with database.store.begin() as connection:
        insert = "INSERT INTO model_versions (version, family, digest, run_id, training_key) VALUES "
        connection.execute(text(insert + "(1, 'a', 'a', 'a', 'a'), (2, 'b', 'b', 'b', 'b')"))
        stored = [world.moment(world.YEARS + arrival[row] / rows) for row in range(rows)]
        world.add(
            connection,
            [
                {
                    "id": row + 1,
                    "text": world.words(int(key[row]), int(row != key[row]) * row),
                    "created_at": world.moment(world.YEARS),
                    "stored_at": stored[row],
                    "label": int(texts.labels[row]),
                    "source": "audit",
                    "by": "local",
                    "probability": 0.02,
                }
                for row in range(rows)
            ],
        )
        connection.execute(text("UPDATE tweets SET collected_at = now()"))
        for version, answer in classes.items():
            chance = models.probabilities(answer)
            columns = "tweet_id, model_version, label, p_negative, p_neutral, p_positive"
            with world.raw(connection).cursor().copy(f"COPY predictions ({columns}) FROM STDIN") as copy:
                for row in range(rows):
                    copy.write_row((row + 1, version, str(LABELS[answer[row]]), *map(float, chance[row])))
        connection.execute(
            text(
                "INSERT INTO audit_sample (tweet_id, model_version, inclusion_probability) "
                "SELECT tweet_id, model_version, 0.02 FROM predictions WHERE model_version = 2"
            )
        )
        since = world.moment(world.YEARS - 1)
        found = shadow.labelled(connection, champion=2, previous=1, since=since, auditors=("local",))
    found = [row for row, first in zip(found, first_of_each([row["text"] for row in found]), strict=True) if first]
    verdict = monitor_promotion(
        [LABEL_CODES[row["label"]] for row in found],
        [LABEL_CODES[row["previous"]] for row in found],
        [LABEL_CODES[row["champion"]] for row in found],
        reference=confusion_matrix(texts.labels, classes[1]),
        policy=PromotionWatchPolicy(),
        inclusion=[row["inclusion_probability"] for row in found],
    )
    return verdict.verdict == WORSE


def _capacity(rows: int, rng: np.random.Generator) -> np.ndarray:
    """Times of arrival when 70 % of each day's rows are labelled, the newest first, and the rest at the end."""
    late = rng.random(rows) < 0.3
    day = np.arange(rows) // 100
    return np.where(late, rows + 100 - np.arange(rows) / rows, day * 100 + (100 - np.arange(rows) % 100)).astype(float)
