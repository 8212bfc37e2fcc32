"""The measured steps: each is one turn of work on a filled database, with the same new work whatever is stored."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import text

from benchmarks.scale.stored_tweets import EPOCH_MS, ID_BITS, NEWEST, SERVES_FOR
from sentiment_lib.alerts import catalog
from sentiment_lib.settings import Settings
from sentiment_lib.sources.files import FileSource
from sentiment_lib.steps.ingestion import ingest
from sentiment_lib.steps.monitoring import check_drift
from sentiment_lib.steps.operations import verify
from sentiment_lib.steps.scoring import score
from sentiment_lib.steps.training import snapshot
from sentiment_lib.storage import (
    daily_quality,
    label_candidates,
    label_counts,
    rescoring,
    shadow,
    stage_times,
    verified_points,
)
from sentiment_lib.storage.engine import Store

NEW_TWEETS, NEW_LABELS, PAGES = 2000, 100, 10


@dataclass
class Platform:
    """A filled database and its settings."""

    store: Store
    settings: Settings
    #: turns so far: each ingests tweets of its own
    turns: int = field(default=0)


def ingest_new(platform: Platform) -> None:
    """A file of new tweets."""
    path = platform.settings.home / f"new-{platform.store.engine.url.database}-{platform.turns}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["tweet_id", "text", "author", "created_at"])
        for number in range(NEW_TWEETS):
            at = NEWEST + timedelta(minutes=platform.turns, milliseconds=number)
            tweet_id = (int(at.timestamp() * 1000) - EPOCH_MS) << ID_BITS
            # words of its own: copies do not judge
            words = hashlib.md5(f"{platform.turns} {number}".encode()).hexdigest()
            writer.writerow([tweet_id, f"my flight is late {words}", f"author{number}", at.isoformat()])
    platform.turns += 1
    result = ingest.run(platform.store, platform.settings, FileSource(path))
    if result.stored != NEW_TWEETS:
        raise RuntimeError(f"not every row was stored: {result}")


def score_new(platform: Platform) -> None:
    """Score the ingested tweets."""
    if score.run(platform.store, platform.settings).scored != NEW_TWEETS:
        raise RuntimeError("the ingested tweets were not scored")


def score_idle(platform: Platform) -> None:
    """Score when nothing waits."""
    if score.run(platform.store, platform.settings).scored:
        raise RuntimeError("something was waiting")


def rescore(platform: Platform) -> None:
    """Find the first tweets that a version without predictions has to rescore."""
    with platform.store.begin() as connection:
        connection.execute(text("DELETE FROM rescoring"))
        for _ in range(PAGES):
            page = rescoring.next_page(connection, 2, 3, window=timedelta(days=60), rows=NEW_TWEETS)
            if page is None or not page.unscored:
                raise RuntimeError("nothing to rescore")
            rescoring.advance(connection, page)
        connection.rollback()


def check_rules(platform: Platform) -> None:
    """One look at the alert rules."""
    with platform.store.begin() as connection:
        for rule in catalog.RULES:
            list(rule.findings(connection, platform.settings.policy, NEWEST))


def look_for_drift(platform: Platform) -> None:
    """A drift check of a window of its own."""
    at = NEWEST - timedelta(minutes=platform.turns)
    platform.turns += 1
    check_drift.run(platform.store, platform.settings, at=at)


def find_decline(platform: Platform) -> None:
    """Audit labels since the champion serves, as its decline is tested on."""
    with platform.store.begin() as connection:
        if not daily_quality.audited(connection, 1, NEWEST - SERVES_FOR, ["local"]):
            raise RuntimeError("no labels of the champion")


def watch_promotion(platform: Platform) -> None:
    """Audit labels that compare the champion with the version before, and what that one has yet to score in shadow."""
    since = NEWEST - SERVES_FOR
    turn = shadow.ShadowTurn(version=2, champion=1, since=since, share=0.1)
    with platform.store.begin() as connection:
        shadow.labelled(connection, champion=1, previous=2, since=since, auditors=["local"])
        predicted_since = shadow.reached_at(connection, turn)
        shadow.unscored_by_shadow(connection, 0, turn, predicted_since=predicted_since, rows=5000)
        shadow.record_reached(connection, turn, NEWEST)


def freeze(platform: Platform) -> None:
    """A snapshot with new labels: half of them by the auditor, which moves the split by time."""
    with platform.store.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO labels (tweet_id, label, source, labelled_by, labelled_at, inclusion_probability) "
                "SELECT tweet_id, 'negative', CASE n % 2 WHEN 0 THEN 'person' ELSE 'audit' END, 'local', now(), "
                "CASE n % 2 WHEN 1 THEN 0.02 END FROM (SELECT tweet_id, row_number() OVER () AS n FROM tweets t "
                "WHERE NOT EXISTS (SELECT FROM labels l WHERE l.tweet_id = t.tweet_id) "
                "ORDER BY tweet_id DESC LIMIT :rows) newest"
            ),
            {"rows": NEW_LABELS},
        )
    snapshot.run(platform.store, platform.settings)


def verify_records(platform: Platform) -> None:
    """The ledger and what it rests on, since the last verification."""
    with platform.store.begin() as connection:
        since = verified_points.newest(connection)
        if problems := verify.records(connection, since):
            raise RuntimeError(f"the records do not verify: {problems[:3]}")
        point = verify.newest_point(connection, since)
        if point is None:
            raise RuntimeError("nothing to verify")
        verified_points.record(connection, point)


def show(platform: Platform) -> None:
    """Counts of the overview, and the next tweets to label."""
    with platform.store.begin() as connection:
        stage_times.stage_times(connection, 1)
        label_counts.audit_labelled(connection, NEWEST - timedelta(days=7))
        label_counts.audit_waiting(connection)
        where = {"person": "ann", "api_texts": False, "newest": 2000, "uncertain_below": 0.7}
        for kind in label_candidates.QUERIES:
            label_candidates.candidates(connection, kind, where)


#: In the order in which a turn runs them.
STEPS: dict[str, Callable[[Platform], None]] = {
    "ingest": ingest_new,
    "score": score_new,
    "score, idle": score_idle,
    "rescore": rescore,
    "alert rules": check_rules,
    "drift check": look_for_drift,
    "decline": find_decline,
    "promotion watch": watch_promotion,
    "snapshot": freeze,
    "verify": verify_records,
    "pages": show,
}
