"""An installation with tweets of unique words in every store that there is."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
from sqlalchemy import text

from benchmarks.invented_tweets import EASY, invent
from sentiment_lib.policy import (
    ApprovalPolicy,
    DriftPolicy,
    ErasurePolicy,
    LabelPolicy,
    Policy,
    RetrainPolicy,
    ScorePolicy,
    SnapshotPolicy,
)
from sentiment_lib.records import API_IDS_FROM, ModelVersion
from sentiment_lib.serving import api_keys, spool_sink
from sentiment_lib.serving.spool import encode_batch
from sentiment_lib.settings import Settings
from sentiment_lib.sources.base import Row, SourceIdentity
from sentiment_lib.steps.deployment import bootstrap, promote
from sentiment_lib.steps.ingestion import check_quality, ingest
from sentiment_lib.steps.labelling import export_labels, label_queue
from sentiment_lib.steps.monitoring import check_drift
from sentiment_lib.steps.operations import check_alerts
from sentiment_lib.steps.scoring import score
from sentiment_lib.steps.training import snapshot, train
from sentiment_lib.storage import exports
from sentiment_lib.storage.engine import Store
from sentiment_lib.training_record import TrainingOrder

FIRST_ID = 1_870_000_000_000_000_000
#: Ids of X hold the time in milliseconds above 22 bits.
STEP = 60_000 << 22
START = datetime(2026, 1, 1, tzinfo=UTC)
AUTHORS = tuple(
    f"{name}_flies" for name in ("otto", "mira", "jens", "ines", "paul", "vera", "nils", "lena", "kurt", "olga")
)


@dataclass(frozen=True, kw_only=True)
class Tweet:
    """A planted tweet. `word` stands in no other."""

    tweet_id: int
    text: str
    word: str
    author: str
    label: str
    created_at: datetime
    #: by which way it came in
    source: str


def word_of(number: int) -> str:
    """A word of letters alone that differs for each number."""
    letters = ""
    number += 26**3
    while number:
        number, digit = divmod(number, 26)
        letters += chr(97 + digit)
    return f"zq{letters}xq"


SOURCES = ("csv", "jsonl.gz", "parquet", "json", "x", "api", "quarantine")


def invent_tweets(count: int, seed: int) -> list[Tweet]:
    """So many tweets, an equal part by each way, a minute apart."""
    draw, tweets = random.Random(seed), []
    for number in range(count):
        label, words = invent(draw, number)
        source = SOURCES[number % len(SOURCES)]
        word = word_of(number)
        tweets.append(
            Tweet(
                tweet_id=API_IDS_FROM + number if source == "api" else FIRST_ID + number * STEP + draw.randrange(4096),
                text=f"@united {words} {word}",
                word=word,
                author=AUTHORS[number % len(AUTHORS)],
                label=label,
                created_at=START + timedelta(minutes=number),
                source=source,
            )
        )
    return tweets


class FewRows:
    """A source that yields these tweets, as a poll of X does."""

    def __init__(self, tweets: list[Tweet], page: int = 1) -> None:
        self._tweets = tweets
        self.identity = SourceIdentity(name="x", digest=f"x:{tweets[0].tweet_id}:{page}")

    def rows(self) -> Iterator[Row]:
        """Oldest first."""
        for number, tweet in enumerate(self._tweets, start=1):
            content = {"id": str(tweet.tweet_id), "text": tweet.text}
            yield Row(
                number,
                json.dumps(content),
                tweet_id=str(tweet.tweet_id),
                text=tweet.text,
                author=tweet.author,
                created_at=tweet.created_at.isoformat(),
            )


@dataclass(kw_only=True)
class Installation:
    """Settings, database and the planted tweets."""

    store: Store
    #: the same database as its owner, and as the API
    owner: Store
    api: Store
    settings: Settings
    tweets: list[Tweet]
    versions: list[ModelVersion] = field(default_factory=list)
    #: files that were written outside the state folder
    exported: list[Path] = field(default_factory=list)

    def of(self, source: str) -> list[Tweet]:
        """The tweets that came this way."""
        return [tweet for tweet in self.tweets if tweet.source == source]


def policy_of(**erasure: object) -> Policy:
    """Rules under which a tiny model passes the gate."""
    return Policy(
        # a replacement differs from its champion in few predictions: a wide margin, since few rows judge it
        gate=EASY.model_copy(update={"refresh_margin": 0.2}),
        approval=ApprovalPolicy(approvers=("admin", "mlops")),
        retrain=RetrainPolicy(minimum_rows=50, unlabelled_rows=1000),
        snapshot=SnapshotPolicy(minimum_holdout=30),
        score=ScorePolicy(audit_share=0.3),
        drift=DriftPolicy(minimum_rows=30, minimum_labelled=20, reference_weeks=0, reference_days=4.5),
        label=LabelPolicy(auditors=("ann",)),
        erasure=ErasurePolicy(**{"replace": "policy", **erasure}),
    )


def settings_in(home: Path, url: str, **erasure: object) -> Settings:
    """Settings of an installation with these rules."""
    return Settings(
        home=home,
        database_url=url,
        mlflow_uri=f"sqlite:///{home}/mlflow.db",
        author_key="key of the benchmark",
        policy=policy_of(**erasure),
    )


def plant(installation: Installation, *, fillers: int, families: tuple[str, ...], drift: bool = True) -> None:
    """Bring the tweets in by every way, label, score, freeze and train on them, and leave traces of them everywhere."""
    installation.settings.landing.mkdir(parents=True, exist_ok=True)
    drop_files(installation)
    _add_fillers(installation.owner, fillers)
    _poll_and_type(installation)
    store, settings = installation.store, installation.settings
    bootstrap.run(store, settings)
    score.run(store, settings)
    _label(installation)
    first = snapshot.run(store, settings)
    for family in families:
        order = TrainingOrder(snapshot_id=first.snapshot_id, family=family, run_key=f"plant/{family}/1")
        installation.versions.append(train.run(store, settings, order))
    champion = installation.versions[0]
    _make_champion(installation, champion)
    score.run(store, settings)
    _label_more(installation)
    second = snapshot.run(store, settings)
    order = TrainingOrder(snapshot_id=second.snapshot_id, family=families[0], run_key="plant/second", seed=1)
    installation.versions.append(train.run(store, settings, order))
    order = TrainingOrder(snapshot_id=second.snapshot_id, family="recalibrated", run_key="plant/taught")
    installation.versions.append(train.run(store, settings, order))
    if drift:
        check_quality.run(store, settings)
        check_drift.run(store, settings)
    _leave_traces(installation)
    # samples of columns and of partitions as a whole, as the planner has them
    with installation.owner.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")


def drop_files(installation: Installation, *, again: bool = False) -> None:
    """Write the files of each form into the landing folder, and ingest them; `again`: in another order."""
    landing = installation.settings.landing

    def records(source: str) -> list[dict[str, str]]:
        tweets = installation.of(source)
        return [
            {
                "tweet_id": str(tweet.tweet_id),
                "text": tweet.text,
                "author": tweet.author,
                "created_at": tweet.created_at.isoformat(),
                "label": tweet.label,
            }
            for tweet in (reversed(tweets) if again else tweets)
        ]

    def path(name: str) -> Path:
        return landing / (f"again-{name}" if again else name)

    pd.DataFrame(records("csv")).to_csv(path("a.csv"), index=False)
    lines = [json.dumps(record) + "\n" for record in records("jsonl.gz")]
    path("b.jsonl.gz").write_bytes(gzip.compress("".join(lines).encode()))
    pd.DataFrame(records("parquet")).to_parquet(path("c.parquet"), index=False)
    path("d.json").write_text(json.dumps(records("json"), indent=1))
    bad = [{**record, "created_at": "some day"} for record in records("quarantine")]
    pd.DataFrame(bad).to_csv(path("e.csv"), index=False)
    ingest.run_landing(installation.store, installation.settings)


def _add_fillers(owner: Store, count: int) -> None:
    """Labelled tweets without unique words, between the planted ones and after them."""
    draw, rows = random.Random(5), []
    for number in range(count):
        label, words = invent(draw, number)
        at = START + timedelta(minutes=number, seconds=30)
        rows.append(
            {
                "id": FIRST_ID + number * STEP + 5000,
                "text": words.rpartition(" row")[0] or words,
                "at": at,
                "label": label,
            }
        )
    with owner.begin() as connection:
        connection.execute(text("INSERT INTO ingests (source, finished_at) VALUES ('fillers', now())"))
        connection.execute(
            text(
                "INSERT INTO tweets (tweet_id, text, airline, language, created_at, ingest_id) "
                "SELECT :id, :text, 'United', 'en', :at, max(ingest_id) FROM ingests"
            ),
            rows,
        )
        connection.execute(
            text(
                "INSERT INTO labels (tweet_id, label, source, labelled_by, labelled_at) "
                "VALUES (:id, :label, 'dataset', 'fillers', :at)"
            ),
            rows,
        )


def _poll_and_type(installation: Installation) -> None:
    """Tweets of X without labels, and texts typed into the API with feedback on them."""
    ingest.run(installation.store, installation.settings, FewRows(installation.of("x")))
    champion = bootstrap.run(installation.store, installation.settings)
    api_keys.create(installation.store, "somebody", ("feedback",))
    typed = [line(tweet, champion.version) for tweet in installation.of("api")]
    said = [
        {
            "kind": "feedback",
            "tweet_id": tweet.tweet_id,
            "version": champion.version,
            "label": "positive",
            "given_by": "somebody",
            "at": datetime.now(UTC).isoformat(),
        }
        for tweet in installation.of("api")
    ]
    spool_sink.store_batches(installation.api, [encode_batch(typed), encode_batch(said)])


def line(tweet: Tweet, version: int) -> dict[str, object]:
    """A prediction as the spool holds it."""
    return {
        "kind": "prediction",
        "tweet_id": tweet.tweet_id,
        "version": version,
        "text": tweet.text,
        "language": "en",
        "airline": "United",
        "label": "negative",
        "at": tweet.created_at.isoformat(),
        "p_negative": 0.8,
        "p_neutral": 0.1,
        "p_positive": 0.1,
        "api_key_id": None,
    }


def _label(installation: Installation) -> None:
    """People label what the queue assigns."""
    for person in ("ann", "bob"):
        for _ in range(5):
            pick = label_queue.run(installation.store, installation.settings, person=person)
            if pick is not None:
                label_queue.answer(installation.store, person=person, pick_id=pick.pick_id, label="negative")


def _label_more(installation: Installation) -> None:
    """Fresh audit labels of later tweets, for a layer on top of the champion."""
    draw, rows = random.Random(9), []
    for number in range(400):
        label, words = invent(draw, number)
        at = START + timedelta(days=4, minutes=number)
        rows.append({"id": FIRST_ID + (10_000 + number) * STEP, "text": f"{words} later", "at": at, "label": label})
    with installation.owner.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO tweets (tweet_id, text, airline, language, created_at, ingest_id) "
                "SELECT :id, :text, 'United', 'en', :at, max(ingest_id) FROM ingests WHERE source = 'fillers'"
            ),
            rows,
        )
        connection.execute(
            text(
                "INSERT INTO labels (tweet_id, label, source, labelled_by, labelled_at, inclusion_probability) "
                "VALUES (:id, :label, 'audit', 'ann', :at, 0.3)"
            ),
            rows,
        )


def _make_champion(installation: Installation, version: ModelVersion) -> None:
    from sentiment_lib.steps.decisions import evaluate

    assert version.snapshot_id is not None
    decision = evaluate.run(
        installation.store,
        installation.settings,
        snapshot_id=version.snapshot_id,
        candidate=version.version,
        requested_by="plant/1",
    )
    promote.force(
        installation.store, installation.settings, decision_id=decision.decision_id, reason="to begin with", by="mlops"
    )


def _leave_traces(installation: Installation) -> None:
    """Alerts that quote tweets, exports, logs, answers for retries, a segment of the spool, reports, checkpoints."""
    store, settings, tweets = installation.store, installation.settings, installation.tweets
    check_alerts.run(store, settings)
    folder = settings.home.with_name(f"{settings.home.name}-elsewhere")
    folder.mkdir(exist_ok=True)
    installation.exported = [folder / "given.csv", folder / "waiting.jsonl"]
    for path, what in zip(installation.exported, ("given", "waiting"), strict=True):
        export_labels.run(store, path, what=what, force=True)
    table = folder / "tweets.csv"
    pd.DataFrame([{"tweet_id": tweet.tweet_id, "text": tweet.text} for tweet in tweets]).to_csv(table, index=False)
    installation.exported.append(table)
    with store.begin() as connection:
        exports.record(connection, exports.on_this_machine("tweets", table), rows=len(tweets))
    (settings.home / "logs").mkdir(exist_ok=True)
    (settings.home / "logs" / "worker.log").write_text(
        "".join(f"WARNING tweet {tweet.tweet_id} cannot be read: {tweet.text!r}\n" for tweet in tweets)
    )
    (settings.home / "idempotency").mkdir(exist_ok=True)
    answers = [
        {"key": "k", "request_hash": "h", "at": 0.0, "body": json.dumps({"text": tweet.text})} for tweet in tweets
    ]
    (settings.home / "idempotency" / "answers.jsonl").write_text("".join(json.dumps(one) + "\n" for one in answers))
    (settings.home / "spool").mkdir(exist_ok=True)
    batches = [encode_batch([line(tweet, 1) for tweet in tweets[at : at + 7]]) for at in range(0, len(tweets), 7)]
    (settings.home / "spool" / "000000000001.jsonl").write_bytes(b"\n".join([*batches, b""]) + bytes(4096))
    for tweet in tweets:
        page = settings.reports / "drift" / f"{tweet.word[:4]}-{tweet.tweet_id % 997}.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(f"<html>tweet {tweet.tweet_id}</html>")
    checkpoint = settings.checkpoints / "interrupted"
    checkpoint.mkdir(parents=True, exist_ok=True)
    (checkpoint / "snapshot.json").write_text('{"snapshot_id": 1}')
    (checkpoint / "vocabulary.json").write_text(json.dumps([tweet.word for tweet in tweets]))
