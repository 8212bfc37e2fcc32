"""Search of tweets: every filter, page by page, no sequential scan; and CSV that a spreadsheet may open."""

from __future__ import annotations

import csv
import io
from datetime import date

import pytest
from sqlalchemy import event, text

from sentiment_lib.console import date_range, tweets
from sentiment_lib.console.pages import draw
from sentiment_lib.errors import BadInput, TooSlow
from sentiment_lib.steps.scoring import daily_sentiment
from sentiment_lib.storage import tweet_search
from tests.conftest import deploy

ROWS = (
    "INSERT INTO ingests (source) VALUES ('test')",
    "INSERT INTO model_versions (version, family, digest, run_id, training_key) VALUES "
    "(1, 'vader', 'd', 'r', 'k'), (2, 'vader', 'e', 's', 'l')",
    "INSERT INTO tweets (tweet_id, text, airline, created_at, ingest_id) "
    "SELECT n, CASE n % 10 WHEN 0 THEN '@united my bag is lost <b>' ELSE 'the flight is late' END, "
    "(ARRAY['Delta', 'United', NULL])[1 + n % 3], "
    # five tweets a minute: the id decides among those of one moment
    "'2015-02-16Z'::timestamptz + (n / 5) * interval '1 minute', 1 FROM generate_series(1, 400) n",
    "INSERT INTO predictions (tweet_id, model_version, label, p_negative, p_neutral, p_positive) "
    "SELECT tweet_id, v, CASE WHEN (tweet_id + v) % 7 = 0 THEN 'positive' ELSE 'negative' END, "
    "1 - ((tweet_id + v) % 7 = 0)::int, 0, ((tweet_id + v) % 7 = 0)::int FROM tweets, generate_series(1, 2) v",
    "INSERT INTO labels (tweet_id, label, source, labelled_by, labelled_at) "
    "SELECT tweet_id, CASE WHEN tweet_id % 20 = 0 THEN 'neutral' ELSE 'negative' END, 'dataset', 'd', now() "
    "FROM tweets WHERE tweet_id % 10 = 0",
    # an audit label counts more than that of the data set
    "INSERT INTO labels (tweet_id, label, source, labelled_by, labelled_at) "
    "VALUES (20, 'negative', 'audit', 'ann', now())",
)


@pytest.fixture
def filled(store):
    with store.begin() as connection:
        for statement in ROWS:
            connection.execute(text(statement))
        deploy(connection, 1)
    daily_sentiment.run(store, 1, auditors=["ann"])
    return store


def ids(store, **parameters):
    """Ids of all pages."""
    found = []
    with store.begin() as connection:
        while True:
            page = tweets.view(connection, parameters)
            found += [match.tweet_id for match in page["found"].matches]
            if page["next"] is None:
                return found
            parameters["after"] = tweets._cursor(page["found"].after)


def test_every_tweet_is_on_one_page_newest_first(filled):
    assert ids(filled) == list(range(400, 0, -1))


@pytest.mark.parametrize(
    ("parameters", "wanted"),
    [
        ({"q": "LOST bag"}, lambda n: n % 10 == 0),
        ({"q": '"bag lost"'}, lambda _: False),
        ({"q": "late -flight"}, lambda _: False),
        ({"airline": "United"}, lambda n: n % 3 == 1),
        ({"airline": ""}, lambda n: n % 3 == 2),
        ({"label": "positive"}, lambda n: (n + 1) % 7 == 0),
        ({"label": "positive", "version": "2"}, lambda n: (n + 2) % 7 == 0),
        ({"other": "2"}, lambda n: (n + 1) % 7 == 0 or (n + 2) % 7 == 0),
        ({"wrong": "yes"}, lambda n: n % 10 == 0 and ((n % 20 == 0 and n != 20) or (n + 1) % 7 == 0)),
        ({"q": "lost", "airline": "Delta", "wrong": "yes"}, lambda n: n % 30 == 0 and (n % 20 == 0 or n % 7 == 6)),
        ({"to": "2015-02-15"}, lambda _: False),
    ],
)
def test_a_filter_finds_exactly_its_tweets(filled, monkeypatch, parameters, wanted):
    monkeypatch.setattr(tweet_search, "SCANNED", 60)  # several steps, of which some find nothing
    parameters = {"from": "2015-02-01", **parameters}
    assert ids(filled, **parameters) == [n for n in range(400, 0, -1) if wanted(n)]


@pytest.mark.parametrize(
    "parameters",
    [
        {"after": "x"},
        {"after": "2015-02-16T00:00:00~5"},
        {"after": "2015-02-16T00:00:00+00:00~-5"},
        {"label": "angry"},
        {"version": "one"},
        {"other": "9999999999"},
        {"from": "soon"},
        {"from": "9999-12-31", "to": "9999-12-31"},
        {"q": "x" * 201},
        {"q": "to " * 21},
    ],
)
def test_parameters_that_mean_nothing_are_refused(filled, parameters):
    with pytest.raises(BadInput), filled.begin() as connection:
        tweets.view(connection, parameters)


@pytest.mark.parametrize("bounds", [("9999-12-31", "9999-12-31"), ("0001-01-01", "2015-02-16")])
def test_days_without_neighbours_are_refused(bounds):
    with pytest.raises(BadInput, match="is not between"):
        date_range.parse(*bounds, None, date(2015, 2, 16))


def test_a_search_and_an_export_end_after_their_seconds(filled, monkeypatch):
    slow = tweet_search.SEARCH.replace("WHERE t.created_at", "WHERE pg_sleep(0.05) IS NOT NULL AND t.created_at", 1)
    monkeypatch.setattr(tweet_search, "SEARCH", slow)
    monkeypatch.setattr(tweets, "SECONDS", 0.2)
    monkeypatch.setattr(tweets, "EXPORT_PAGE", 2)  # each query is quick, and all of them are not
    for search in (tweets.view, tweets.export):
        with pytest.raises(TooSlow), filled.begin() as connection:
            search(connection, {})


def test_the_page_shows_texts_as_texts(filled):
    with filled.begin() as connection:
        page = draw("tweets.html", "/tweets", **tweets.view(connection, {"q": "lost", "other": "2"}))
        empty = draw("tweets.html", "/tweets", **tweets.view(connection, {"q": "nowhere"}))
    assert "lost &lt;b&gt;" in page
    assert "lost <b>" not in page
    assert "predicted otherwise" in page
    assert "No tweet matches" in empty


def test_a_platform_without_tweets_says_what_comes_next(store):
    with store.begin() as connection:
        page = draw("tweets.html", "/tweets", **tweets.view(connection, {}))
        assert tweets.export(connection, {}).count("\n") == 1
    assert "sentiment score" in page


def test_the_export_holds_every_match_and_no_formula(filled, monkeypatch):
    monkeypatch.setattr(tweets, "EXPORT_PAGE", 7)
    with filled.begin() as connection:
        rows = list(csv.DictReader(io.StringIO(tweets.export(connection, {"q": "lost"}))))
    assert [int(row["tweet_id"]) for row in rows] == list(range(400, 0, -10))
    assert {row["text"] for row in rows} == {"'@united my bag is lost <b>"}


def test_no_search_reads_the_whole_table(filled):
    """Forbidden sequential scans cost so much that a plan has one only where no index can answer."""
    plans = []

    def explain(connection, _cursor, statement, values, *_):
        if "candidates" in statement and not statement.startswith("EXPLAIN"):
            plans.append("\n".join(connection.exec_driver_sql(f"EXPLAIN {statement}", values).scalars()))

    event.listen(filled.engine, "before_cursor_execute", explain)
    with filled.begin() as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        for parameters in ({}, {"q": "lost"}, {"airline": "Delta"}, {"wrong": "yes"}, {"other": "2"}):
            tweets.view(connection, parameters)
        connection.execute(text("DROP INDEX ix_tweets_created_at_tweet_id"))
        tweets.view(connection, {"q": "lost"})
    event.remove(filled.engine, "before_cursor_execute", explain)
    assert len(plans) == 6
    assert all("Seq Scan on tweets" not in plan for plan in plans)
    assert "ix_tweets_words" in plans[-1]
