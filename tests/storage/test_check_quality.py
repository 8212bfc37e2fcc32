"""New tweets are checked before anything learns from them."""

from __future__ import annotations

from sqlalchemy import text

from sentiment_lib.sources.files import FileSource
from sentiment_lib.steps.ingestion import check_quality, ingest
from sentiment_lib.storage import grants

#: Steps run as the platform runs them.
DATABASE_ROLE = grants.APP


def taken_in(store, settings, folder, name, texts, first):
    lines = [f"{first + at},{said},ann,2026-01-01T10:00:00Z" for at, said in enumerate(texts)]
    (folder / name).write_text("\n".join(["tweet_id,text,author,created_at", *lines]) + "\n")
    return ingest.run(store, settings, FileSource(folder / name)).ingest_id


def open_alerts(store):
    with store.begin() as connection:
        found = connection.execute(text("SELECT body FROM alerts WHERE kind = 'data_quality' AND resolved_at IS NULL"))
        return found.scalars().all()


def test_repeated_texts_open_an_alert_that_the_next_good_ingest_resolves(store, settings, tmp_path):
    bot = taken_in(store, settings, tmp_path, "bot.csv", ["@united buy this"] * 50, first=1)
    found = check_quality.run(store, settings, ingest_ids=[bot])
    assert found.rows == 50
    assert any("repeats a text" in one for one in found.failed)
    assert (settings.reports / found.html_path).exists()
    assert "repeats a text" in open_alerts(store)[0]

    good = taken_in(store, settings, tmp_path, "good.csv", [f"@united bag {n} is lost" for n in range(50)], first=100)
    assert check_quality.run(store, settings, ingest_ids=[good]).failed == ()
    assert open_alerts(store) == []


def test_an_ingest_that_stored_nothing_is_not_judged(store, settings):
    assert check_quality.run(store, settings, ingest_ids=[]).rows == 0
