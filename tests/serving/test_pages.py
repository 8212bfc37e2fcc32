"""The pages over HTTP, as a browser without scripts sees them."""

from __future__ import annotations

import re
import time

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from sentiment_lib.serving import api_keys, app
from sentiment_lib.serving.pages.text_input import parse_csv
from sentiment_lib.storage import current_labels
from sentiment_lib.storage.engine import Store

OURS = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def browser(settings, key):
    """A signed-in browser without scripts."""
    with TestClient(app.create(settings), headers=OURS) as opened:
        assert opened.post("/login", data={"key": key}, follow_redirects=False).status_code == 303
        yield opened


def test_a_page_sends_strangers_to_sign_in_and_back(settings, key):
    with TestClient(app.create(settings), headers=OURS) as opened:
        answer = opened.get("/label", follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/label")
        refused = opened.post("/login", data={"key": "sk_wrong", "next": "/label"})
        assert refused.status_code == 401
        assert "not in use" in refused.text
        assert opened.post("/login", data={"key": key, "next": "/label"}).url.path == "/label"
        assert opened.post("/logout").url.path == "/login"
        assert opened.get("/", follow_redirects=False).status_code == 303


@pytest.mark.parametrize("next", ["//evil.example", "https://evil.example", "/\\evil.example", "/login"])
def test_signing_in_leads_to_our_own_pages_only(browser, key, next):
    answer = browser.post("/login", data={"key": key, "next": next}, follow_redirects=False)
    assert answer.headers["location"] == "/"


def test_another_site_cannot_sign_a_browser_in_or_make_it_label(browser, key):
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert browser.post("/login", data={"key": key}, headers=foreign).status_code == 403
    assert browser.post("/label/undo", headers=foreign).status_code == 403
    assert browser.post("/logout", headers=foreign).status_code == 403


def test_lines_are_read_one_by_one_and_bad_ones_are_named(browser):
    page = browser.post("/", data={"typed": "great crew @delta\n\n  \nbad\0line\nlost my bag"}).text
    assert page.count('class="card result"') == 3
    assert "Line 4: the text holds a NUL byte" in page
    assert page.count("version 1") == 2


def test_hostile_text_is_shown_and_runs_nowhere(browser):
    page = browser.post("/", data={"typed": "<script>alert(1)</script> \u202egnp.exe\u2066 \"onload='x' {{7*7}}"}).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page.replace("</mark>", "").replace("<mark>", "")
    assert "\u202e" not in page.partition("<textarea")[0] + page.partition("</textarea>")[2]
    assert 'title="U+202E RIGHT-TO-LEFT OVERRIDE"' in page
    assert "{{7*7}}" in re.sub(r"</?mark[^>]*>", "", page)


def test_no_page_needs_an_inline_script_or_another_host(browser):
    for address in ("/", "/label", "/login", "/docs"):
        answer = browser.get(address)
        assert answer.status_code == 200, address
        assert re.findall(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)", answer.text) == []
        assert re.findall(r"\son\w+=|\sstyle=|https?://", answer.text) == []
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "script-src" not in policy.replace("script-src 'self'", "")


def test_the_api_reference_is_drawn_by_a_script_of_ours(settings):
    with TestClient(app.create(settings)) as stranger:
        page = stranger.get("/docs")
        assert page.status_code == 200
        for address in re.findall(r'(?:src|href)="(/docs/[^"]+)"', page.text):
            assert len(stranger.get(address).content) > 100_000
        assert stranger.get("/openapi.json").json()["servers"] == [{"url": "/", "description": "this server"}]


def test_a_csv_is_read_by_its_text_column(browser):
    content = b'id,Text\n1,"late, ""again"""\n2,thank you\n3,\n'
    page = browser.post("/", files={"file": ("t.csv", content, "text/csv")}).text
    assert page.count('class="card result"') == 3
    assert "Line 3: the text is empty" in page


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a,b\n1,2\n", "no column named"),
        (b"text\n\xff\xfe\n", "not UTF-8"),
        (b"text\n" + b"hello\n" * 1001, "more than 1,000 rows"),
        (b"\n\n", "empty"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_in_words(browser, content, words):
    answer = browser.post("/", files={"file": ("t.csv", content, "text/csv")})
    assert answer.status_code == 422
    assert words in answer.text
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        ("id;text\n1;late, again\n2;thanks\n", ["late, again", "thanks"]),
        ('text\tid\n"so" they say\t1\nand "on\t2\n', ['"so" they say', 'and "on']),
        ("sep=;\ntext;id\nlate;1\n", ["late"]),
        ('id,text\n1,"opened\n2,between\n3,closed"\n4,after\n', ["between", 'closed"', "after"]),
        ("it\u2019s late\n\u201cso\u201d late\n", ["it\u2019s late", "\u201cso\u201d late"]),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_a_file_is_read_as_ingestion_reads_it(content, texts, encoding):
    found = parse_csv(content.encode(encoding), 1000)
    assert [one.text for one in found if one.problem is None] == texts
    assert sum(one.problem is not None for one in found) == ("opened" in content)


def test_a_thousand_rows_become_a_table_with_counts(browser):
    content = "text\n" + "".join(f"flight {number} is late\n" for number in range(1000))
    page = browser.post("/", files={"file": ("t.csv", content.encode(), "text/csv")}).text
    assert page.count('<tr class="result"') == 1000
    assert '<div class="stat-value">1,000</div>' in page


def test_a_correction_is_kept_as_feedback(browser, rows):
    page = browser.post("/", data={"typed": "lost my bag"}).text
    prediction = re.search(r'name="prediction_id" value="([^"]+)"', page)[1]
    answer = browser.post("/answer", data={"prediction_id": prediction, "label": "neutral"})
    assert "Saved:" in answer.text
    tweet = prediction.partition("-")[0]
    until = time.monotonic() + 20
    while not (found := rows("SELECT tweet_id, label, given_by FROM feedback")):
        assert time.monotonic() < until, "the spool does not drain"
        time.sleep(0.05)
    assert found == [(int(tweet), "neutral", "tests")]


def test_a_champion_that_learned_from_synthetic_tweets_says_so(browser, database_url, deploy, packaged, rows):
    assert "Synthetic data" not in browser.get("/").text
    owner = Store(database_url)
    with owner.begin() as connection:
        snapshot = connection.execute(
            text(
                "INSERT INTO snapshots (content_hash, uri, train_rows, holdout_rows, split_at, policy, "
                "synthetic_train) VALUES ('0', '0.parquet', 2, 1, now(), '{}', 2) RETURNING snapshot_id"
            )
        ).scalar_one()
        connection.execute(text(f"UPDATE model_versions SET snapshot_id = {snapshot} WHERE version = 2"))
    owner.close()
    deploy(2)
    until = time.monotonic() + 20
    while "Version 2" not in (page := browser.get("/").text):
        assert time.monotonic() < until, "the new champion does not serve"
        time.sleep(0.05)
    assert "learned from tweets of the sample generator" in page
    assert "learned from tweets of the sample generator" in browser.post("/", data={"typed": "late"}).text


def test_who_may_only_predict_sees_no_buttons_and_cannot_label(settings, store):
    key = api_keys.create(store, "reader", ("predict",))
    with TestClient(app.create(settings), headers=OURS) as opened:
        opened.post("/login", data={"key": key})
        assert 'action="/answer"' not in opened.post("/", data={"typed": "late"}).text
        refused = opened.get("/label")
        assert refused.status_code == 403
        assert "role label" in refused.text


def test_an_answer_after_undo_neither_acts_nor_ends_the_audit(browser, settings, store, database_url, rows):
    owner = Store(database_url)
    with owner.begin() as connection:
        for statement in (
            "INSERT INTO ingests (source) VALUES ('test')",
            "INSERT INTO tweets (tweet_id, text, created_at, ingest_id) "
            "SELECT 7, 'late again', now(), max(ingest_id) FROM ingests",
            "INSERT INTO predictions (tweet_id, model_version, label, p_negative, p_neutral, p_positive) "
            "VALUES (7, 1, 'negative', 0.75, 0.125, 0.125)",
            "INSERT INTO audit_sample (tweet_id, model_version, inclusion_probability) "
            "SELECT tweet_id, model_version, 0.5 FROM predictions WHERE tweet_id = 7",
        ):
            connection.execute(text(statement))
    owner.close()

    def pick(page):
        return re.search(r'name="pick_id" value="(\d+)"', page)[1]

    asked = browser.get("/label").text
    assert "late again" in asked
    assert "predicted" not in asked
    assert "75" not in asked
    answered = browser.post("/label/answer", data={"pick_id": pick(asked), "label": "positive"}).text
    assert "version 1 predicted" in answered
    undone = browser.post("/label/undo").text
    assert "Undone." in undone
    assert "kept as a correction" in undone
    assert "predicted" not in undone
    browser.post("/label/answer", data={"pick_id": pick(undone), "label": "negative"})
    query = "SELECT label, source, labelled_by FROM labels ORDER BY label_id"
    assert rows(query) == [("negative", "feedback", "tests")]
    assert rows("SELECT count(*) FROM audit_sample WHERE labelled_at IS NULL") == [(1,)]
    key = api_keys.create(store, "ann", ("predict", "label"))
    with TestClient(app.create(settings), headers=OURS) as opened:
        opened.post("/login", data={"key": key})
        for_ann = opened.get("/label").text
        assert "kept as a correction" not in for_ann
        opened.post("/label/answer", data={"pick_id": pick(for_ann), "label": "negative"})
    assert rows(query)[1:] == [("negative", "audit", "ann")]
    with store.begin() as connection:
        frame = current_labels.labelled(connection, ["audit", "person", "dataset", "feedback"])
    assert (list(frame["label_source"]), list(frame["judging_label"])) == (["unconfirmed"], [None])


def test_ten_tweets_are_answered_together_by_the_rules_of_one(browser, database_url, rows):
    owner = Store(database_url)
    with owner.begin() as connection:
        for statement in (
            "INSERT INTO ingests (source) VALUES ('test')",
            "INSERT INTO tweets (tweet_id, text, created_at, ingest_id) SELECT n, 'late again ' || n, now(), "
            "(SELECT max(ingest_id) FROM ingests) FROM generate_series(1, 12) n",
            "INSERT INTO predictions (tweet_id, model_version, label, p_negative, p_neutral, p_positive) "
            "SELECT n, 1, 'negative', 0.4, 0.35, 0.25 FROM generate_series(1, 12) n",
        ):
            connection.execute(text(statement))
    owner.close()
    page = browser.get("/label/ten").text
    picks = list(dict.fromkeys(re.findall(r'name="pick-(\d+)"', page)))
    assert len(picks) == 10
    assert "predicted" not in page
    answers = {f"pick-{pick}": "negative" for pick in picks[:7]} | {f"pick-{picks[7]}": "skip", "pick-999": "neutral"}
    assert browser.post("/label/ten", data=answers | {f"pick-{picks[0]}": "angry"}).status_code == 422
    assert rows("SELECT count(*) FROM labels") == [(0,)]
    done = browser.post("/label/ten", data={**answers, "ten": "true"}).text
    assert "7 of 7 labels as predicted, 1 skipped" in done
    assert "1 answer was not kept" in done
    assert rows("SELECT state, count(*) FROM label_picks GROUP BY 1 ORDER BY 1") == [
        ("labelled", 7),
        ("open", 4),
        ("skipped", 1),
    ]
    assert set(re.findall(r'name="pick-(\d+)"', done)) > set(picks[8:]), "what has no answer stays"
    assert "/label/ten" in str(browser.post("/label/undo", data={"ten": "true"}).url)


def test_ten_labels_at_once_count_as_ten(browser, settings, key):
    policy = settings.policy.model_copy(
        update={"label": settings.policy.label.model_copy(update={"labels_per_minute": 5})}
    )
    with TestClient(app.create(settings.model_copy(update={"policy": policy})), headers=OURS) as opened:
        opened.post("/login", data={"key": key})
        ten = {f"pick-{number}": "neutral" for number in range(1, 11)}
        opened.post("/label/ten", data=ten)
        assert opened.post("/label/ten", data=ten).status_code == 429
        assert opened.post("/label/ten", data=ten | {"pick-11": "neutral"}).status_code == 422


def test_an_empty_queue_says_what_to_do(browser):
    page = browser.get("/label").text
    assert "No tweets to label" in page
    assert "sentiment score" in page


def test_static_files_are_kept_for_ever_and_nothing_else_is_given_out(browser):
    page = browser.get("/").text
    for address in re.findall(r'(?:href|src)="(/static/[^"]+)"', page):
        answer = browser.get(address)
        assert answer.status_code == 200, address
        assert "immutable" in answer.headers["cache-control"]
    for name in ("base.html", "..%2fapp.py", "%2e%2e/app.py", "x.css"):
        assert browser.get(f"/static/{name}").status_code == 404


def test_tweets_to_label_can_be_chosen_by_airline_and_day(browser):
    page = browser.get("/label?airline=Delta&day=2015-02-20").text
    assert "<option selected>Delta</option>" in page
    assert 'value="2015-02-20"' in page
    assert "Uncertain predictions only" in page
    undone = browser.post("/label/undo", data={"airline": "Delta", "day": "2015-02-20"}, follow_redirects=False)
    assert undone.headers["location"] == "/label?message=nothing&airline=Delta&day=2015-02-20"
    assert browser.get("/label?day=yesterday").status_code == 422
