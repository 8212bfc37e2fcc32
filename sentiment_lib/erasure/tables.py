"""Places in the platform's database. Each text, JSON and id column is in one entry; a test fails for one in none."""

from __future__ import annotations

from sentiment_lib.erasure.place import Place

EVERYBODY = "steps, API, console (database roles)"
BY_ID = "found by id, erased with the tweet in one transaction"

HOLDING = (
    Place(
        name="tweets",
        columns={
            "tweets": ("tweet_id", "text", "author_hash", "language", "airline"),
            "tweets_to_score": ("tweet_id",),
            "rescoring": ("reached_id",),
        },
        holds="masked text, time, language and airline of a tweet; its author as a keyed hash",
        purpose="measuring what people say about airlines",
        kept="erasure.tweets_kept",
        readers=EVERYBODY,
        how="found by id, by author hash or by age; the row is deleted, the table and its indexes are rewritten",
    ),
    Place(
        name="predictions",
        columns={"predictions": ("tweet_id", "label"), "audit_sample": ("tweet_id",)},
        holds="sentiment that a model predicted for a tweet",
        purpose="measuring what people say about airlines",
        kept="as long as the tweet",
        readers=EVERYBODY,
        how=BY_ID,
    ),
    Place(
        name="labels",
        columns={
            "labels": ("tweet_id", "label", "source", "labelled_by"),
            "label_picks": ("tweet_id", "kind", "person", "state", "label"),
            "feedback": ("tweet_id", "label", "given_by"),
        },
        holds="sentiment of a tweet in the judgement of a person, with the name of who judged",
        purpose="training and evaluating models; agreement between people",
        kept="as long as the tweet",
        readers=EVERYBODY,
        how=BY_ID,
    ),
    Place(
        name="quarantine",
        columns={"quarantine": ("reason", "raw")},
        holds="refused rows as they came, unmasked",
        purpose="correcting what a source delivers",
        kept="retention.quarantine",
        readers="steps, console (database roles)",
        how="each row is searched for ids, names, words and texts; one that speaks of a forgotten tweet is deleted",
    ),
    Place(
        name="alerts",
        columns={
            "alerts": (
                *("kind", "severity", "dedup_key", "title", "body", "evidence_link"),
                *("acknowledged_by", "resolved_by"),
            ),
            "alert_responses": ("action", "verdict", "comment", "given_by"),
        },
        holds="ids and first 140 characters of wrongly predicted tweets, changed words, comments and names of people",
        purpose="telling people what needs attention",
        kept="for ever, as figures; words of forgotten tweets are replaced",
        readers="steps, console (database roles)",
        how="titles, texts and comments are searched; what is forgotten is replaced, the row stays. Names of people "
        "who work with the platform, and the key by which alerts are told apart, are not searched",
    ),
    Place(
        name="drift reports",
        columns={"drift_reports": ("verdict", "signals", "severity", "continuous", "details", "html_path")},
        holds="words whose share changed, ids of example tweets",
        purpose="explaining a drift",
        kept="for ever, as figures; words of forgotten tweets are replaced",
        readers="steps, console (database roles)",
        how="signals and details of reports whose windows hold a forgotten tweet are searched; what is forgotten goes",
    ),
    Place(
        name="ingests",
        columns={"ingests": ("source", "input_digest")},
        holds="names of files; the newest id of a poll of X by an earlier release",
        purpose="resuming an interrupted ingest; accounting for every row",
        kept="for ever",
        readers=EVERYBODY,
        how="digests of polls are searched for ids; a file's name is its sender's choice and is not searched",
    ),
    Place(
        name="snapshots in the database",
        columns={
            "frozen_rows": ("tweet_id", "label", "part", "salt", "content_commitment"),
            "snapshot_chunks": ("root", "part", "leaves"),
            "snapshots": ("content_hash", "uri", "policy"),
        },
        holds="ids and labels of the tweets that a model learned from or was judged on",
        purpose="reproducing trainings and decisions",
        kept="as long as the tweet",
        readers=EVERYBODY,
        how="rows of forgotten tweets are erased with their salt; the commitment of the snapshot still verifies",
    ),
    Place(
        name="labelled tweets",
        columns={
            "label_changes": ("tweet_id",),
            "labelled_tweets": (
                *("tweet_id", "text_key", "label", "label_source", "judging_label", "judging_source", "part"),
            ),
            "text_prints": ("print", "text_key"),
            "near_copies": ("text_key", "other_key"),
            "labelled_chunks": ("part", "after_id", "end_id"),
            "labelled_state": ("rules",),
        },
        holds="ids and labels of the tweets that the next snapshot freezes, and fingerprints of their texts",
        purpose="freezing a snapshot at the cost of its new labels",
        kept="as long as the tweet",
        readers="steps (database role)",
        how="found by id, erased with the tweet in one transaction; fingerprints go with the last tweet of their text",
    ),
    Place(
        name="requests to forget",
        columns={
            "erasure_requests": ("kind", "requested_by", "state", "reasons", "subject", "counts"),
            "erasure_targets": ("tweet_id",),
        },
        holds="ids of the tweets to forget and the name of an author, until they are erased; who asked",
        purpose="carrying out a request to forget",
        kept="until the request is carried out; its numbers for ever",
        readers="steps (database role)",
        how="ids and name are deleted in the transaction that ends the erasure",
    ),
)

_FIGURES = "It holds figures, names of versions, families and rules, and what people decided"
HARMLESS = (
    Place(
        name="tombstones",
        columns={"tombstones": ("hash", "kind", "key_id")},
        how="Keyed hashes (HMAC-SHA256); without the key, which is outside the database, they tell nothing.",
    ),
    Place(
        name="erased versions",
        columns={"version_erasures": ("relation",)},
        how=f"{_FIGURES}: which version learned from how many forgotten tweets.",
    ),
    Place(
        name="decisions",
        columns={
            "evaluations": ("evidence", "evidence_hash"),
            "decisions": ("verdict", "rules", "evidence_hash", "policy", "requested_by"),
            "approvals": ("response", "answered_by", "reason", "evidence_hash"),
            "deployments": ("kind", "moved_by", "reason", "state"),
        },
        how=f"{_FIGURES}, with their own reasons; no text of a tweet enters evidence, and the test of the catalogue "
        "looks for one.",
    ),
    Place(
        name="ledger",
        columns={"ledger": ("kind", "payload", "previous_hash", "entry_hash", "signature")},
        how="Append-only: the facts of the other tables, none of which holds a text or an id of a tweet.",
    ),
    Place(
        name="model versions",
        columns={"model_versions": ("family", "digest", "run_id", "training_key", "training", "cost")},
        how=f"{_FIGURES}: options, seeds, digests and costs of trainings.",
    ),
    Place(
        name="retrain requests",
        columns={"retrain_requests": ("rule", "reason", "run_id")},
        how=f"{_FIGURES}: which rule asked for a retrain, and its figures.",
    ),
    Place(
        name="day counts",
        columns={"quality_days": ("basis", "calibration_basis"), "sentiment_days": ("airline",), "drift_outcomes": ()},
        how="Sums over all tweets of a day. Derived counts stay.",
    ),
    Place(
        name="alert messages",
        columns={"alert_messages": ("receiver", "last_error", "event", "severity")},
        how="The outbox holds who is to be told of which alert; the text is made when it is sent.",
    ),
    Place(
        name="access",
        columns={
            "person_tokens": ("name", "token_hash", "issued_by", "os_user"),
            "api_keys": ("name", "roles", "key_hash", "previous_key_hash"),
        },
        how="Names and hashed secrets of those who use the platform, none of who writes tweets.",
    ),
    Place(
        name="list of backups",
        columns={"backups": ("name", "manifest_hash", "drill_problem")},
        how="When a backup was taken, how large it is, and whether it could be restored.",
    ),
    Place(
        name="retention runs",
        columns={"retention_runs": ("removed", "sizes")},
        how=f"{_FIGURES}: how much was removed by age, and how large tables and folders were.",
    ),
    Place(
        name="polls",
        columns={"polls": ("source", "refusal")},
        how=f"{_FIGURES}: how much a source delivered, and in its words that a cap of the account is used up.",
    ),
    Place(
        name="locks and heartbeats",
        columns={"step_locks": ("name",), "label_locks": ("name",), "heartbeats": ("name",)},
        how="Fixed names.",
    ),
    Place(
        name="list of exports",
        columns={"exports": ("kind", "path", "host", "written_by")},
        how="Where a file was written, by whom, and how many rows it had; the files are an entry of their own.",
    ),
)
