"""Forgotten tweets come again by every way in."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from benchmarks.forget import byte_search, planted
from sentiment_lib.serving import spool_sink
from sentiment_lib.serving.spool import encode_batch
from sentiment_lib.steps.ingestion import ingest
from sentiment_lib.storage import model_versions

COUNTS = text(
    "SELECT count(*) AS ingests, coalesce(sum(received), 0)::bigint AS received, "
    "coalesce(sum(forgotten), 0)::bigint AS forgotten, "
    "coalesce(sum(received - stored - duplicate - quarantined - forgotten), 0)::bigint AS unaccounted FROM ingests "
    "WHERE ingest_id > :last"
)


def come(made: planted.Installation, lost: set[int]) -> dict[str, Any]:
    """Every planted tweet comes again: files of each form, a poll of X, and the API's spool."""
    with made.store.begin() as connection:
        last = int(connection.execute(text("SELECT max(ingest_id) FROM ingests")).scalar_one())
        champion = model_versions.champion(connection)
        stored = connection.execute(text("SELECT count(*) FROM tweets")).scalar_one()
    assert champion is not None
    # other bytes than before, or the files would be known and skipped
    planted.drop_files(made, again=True)
    ingest.run(made.store, made.settings, planted.FewRows(made.of("x"), page=2))
    spool_sink.store_batches(made.api, [encode_batch([planted.line(one, champion.version) for one in made.of("api")])])
    with made.store.begin() as connection:
        counts = dict(connection.execute(COUNTS, {"last": last}).mappings().one())
        ids = {"ids": sorted(lost)}
        back = connection.execute(text("SELECT count(*) FROM tweets WHERE tweet_id = ANY(:ids)"), ids).scalar_one()
        now = connection.execute(text("SELECT count(*) FROM tweets")).scalar_one()
    wanted = byte_search.needles(one for one in made.tweets if one.tweet_id in lost)
    written = byte_search.in_files([made.settings.landing], wanted)
    expected = len([one for one in made.tweets if one.tweet_id in lost and one.source != "api"])
    found = {"stored_again": back, "new_tweets": now - stored, "files": sorted(map(str, written))}
    return {**counts, "expected": expected, **found}
