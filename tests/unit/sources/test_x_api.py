"""X: pages, rate limits and failures, against a small server that answers in the form of the API v2."""

from __future__ import annotations

import json
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse

import pytest

pytest.importorskip("tweepy", reason="tweepy is not installed (extra x)")

from sentiment_lib.errors import BadSource
from sentiment_lib.sources.base import MeteredSource, ReadPlan
from sentiment_lib.sources.x_api import XSource
from sentiment_lib.steps.ingestion.row_validation import language_in

FRESH = ((time.time_ns() // 1_000_000 - 1_288_834_974_657) << 22) - (1 << 32)  # an id of a few minutes ago


def tweet(number, **more):
    return {
        "id": str(FRESH + number),
        "edit_history_tweet_ids": [str(FRESH + number)],
        "text": f"@united tweet {number}",
        "author_id": "2244994945",
        "created_at": "2026-03-01T10:00:00.000Z",
        "lang": "en",
        **more,
    }


def page(*numbers, then=None):
    meta = {
        "newest_id": str(FRESH + max(numbers)),
        "oldest_id": str(FRESH + min(numbers)),
        "result_count": len(numbers),
    }
    body = {"data": [tweet(n) for n in numbers], "meta": {**meta, **({"next_token": then} if then else {})}}
    return 200, {}, body


EMPTY = (200, {}, {"meta": {"result_count": 0}})
BROKEN = (
    503,
    {},
    {"title": "Service Unavailable", "detail": "Service Unavailable", "type": "about:blank", "status": 503},
)
REFUSED = (401, {}, {"title": "Unauthorized", "type": "about:blank", "status": 401, "detail": "Unauthorized"})


def limited(reset):
    headers = {"x-rate-limit-limit": "450", "x-rate-limit-remaining": "0"}
    if reset is not None:
        headers["x-rate-limit-reset"] = str(int(reset))
    return (
        429,
        headers,
        {"title": "Too Many Requests", "detail": "Too Many Requests", "type": "about:blank", "status": 429},
    )


@pytest.fixture
def x_server():
    """`serve(answers) -> (host, requests seen)`: answers in turn, the last one for ever."""
    running = []

    def serve(*answers):
        left, seen = list(answers), []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                asked = urlparse(self.path)
                query = {name: values[0] for name, values in parse_qs(asked.query).items()}
                seen.append((asked.path, query, self.headers.get("Authorization")))
                status, headers, body = left.pop(0) if len(left) > 1 else left[0]
                content = json.dumps(body).encode()
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                return

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        running.append(server)
        return f"http://127.0.0.1:{server.server_port}", seen

    yield serve
    for server in running:
        server.shutdown()
        server.server_close()


def source(host, rests, since_id=None):
    return XSource(token="a token", query="@united", since_id=since_id, host=host, sleep=rests.append)


def test_all_pages_are_read_and_rows_come_oldest_first(x_server):
    host, seen = x_server(page(6, 5, then="b26v89c19zqg8o3f"), page(4, 3, then="c37w90d20arh9p4g"), page(2, 1))
    rows = list(source(host, []).rows())
    assert [int(row.tweet_id) - FRESH for row in rows] == [1, 2, 3, 4, 5, 6]
    assert [row.number for row in rows] == [1, 2, 3, 4, 5, 6]
    assert [query.get("next_token") for _, query, _ in seen] == [None, "b26v89c19zqg8o3f", "c37w90d20arh9p4g"]
    path, query, authorization = seen[0]
    assert path == "/2/tweets/search/recent"
    assert (query["query"], query["max_results"], authorization) == ("@united", "100", "Bearer a token")
    assert set(query["tweet.fields"].split(",")) == {
        "author_id",
        "created_at",
        "edit_history_tweet_ids",
        "lang",
        "note_tweet",
    }


def test_a_tweet_arrives_with_its_fields(x_server):
    host, _ = x_server(page(1))
    (row,) = source(host, []).rows()
    assert (row.text, row.author, row.language) == ("@united tweet 1", "2244994945", "en")
    assert row.created_at == "2026-03-01T10:00:00+00:00"
    assert json.loads(row.raw)["id"] == row.tweet_id


def test_a_language_that_x_does_not_know_is_left_open(x_server):
    host, _ = x_server((200, {}, {"data": [tweet(1, lang="und")], "meta": {"result_count": 1}}))
    (row,) = source(host, []).rows()
    assert language_in(row.language, "@united hm") is None


def test_long_posts_are_whole_and_versions_of_an_edited_tweet_are_one(x_server):
    long = "a long post " * 40
    history = [str(FRESH + 1), str(FRESH + 2)]
    data = [
        tweet(2, text=long[:270], note_tweet={"text": long}, edit_history_tweet_ids=history),
        tweet(1, text="before the edit", edit_history_tweet_ids=history),
    ]
    host, _ = x_server((200, {}, {"data": data, "meta": {"result_count": 2}}))
    (row,) = source(host, []).rows()
    assert (row.tweet_id, row.text) == (str(FRESH + 1), long)


def test_only_tweets_after_the_newest_known_are_asked_for(x_server):
    host, seen = x_server(EMPTY)
    assert list(source(host, [], since_id=FRESH).rows()) == []
    assert seen[0][1]["since_id"] == str(FRESH)


def test_an_id_from_before_the_reach_of_the_search_is_not_sent(x_server):
    host, seen = x_server(EMPTY)
    eight_days = 8 * 86_400_000 << 22
    assert list(source(host, [], since_id=FRESH - eight_days).rows()) == []
    assert "since_id" not in seen[0][1]


@pytest.mark.parametrize(("ahead", "least", "most"), [(-5, 1, 1), (1, 1, 2), (None, 60, 60)])
def test_a_used_up_rate_limit_is_waited_out_as_the_headers_say(x_server, ahead, least, most):
    host, seen = x_server(limited(None if ahead is None else time.time() + ahead), page(1))
    rests = []
    assert len(list(source(host, rests).rows())) == 1
    assert len(seen) == 2
    assert len(rests) == 1
    assert least <= rests[0] <= most


def test_a_rate_limit_in_the_middle_goes_on_at_the_same_page(x_server):
    host, seen = x_server(page(2, then="b26v89c19zqg8o3f"), limited(time.time() + 1), page(1))
    assert [int(row.tweet_id) - FRESH for row in source(host, []).rows()] == [1, 2]
    assert [query.get("next_token") for _, query, _ in seen] == [None, "b26v89c19zqg8o3f", "b26v89c19zqg8o3f"]


def test_a_quota_that_opens_much_later_is_an_error_and_no_wait(x_server):
    host, _ = x_server(limited(time.time() + 86_400))
    rests = []
    with pytest.raises(BadSource, match="rate limit"):
        list(source(host, rests).rows())
    assert rests == []


def test_failures_of_x_are_tried_again_with_growing_rests(x_server):
    host, seen = x_server(BROKEN, BROKEN, BROKEN, page(1))
    rests = []
    assert len(list(source(host, rests).rows())) == 1
    assert rests == [2, 4, 8]
    assert len(seen) == 4


def test_x_failing_for_good_is_an_error_after_four_tries(x_server):
    host, seen = x_server(BROKEN)
    rests = []
    with pytest.raises(BadSource, match="failed 4 times"):
        list(source(host, rests).rows())
    assert len(seen) == 4
    assert len(rests) == 3


def test_no_answer_at_all_is_tried_again_too(x_server):
    host, _ = x_server(EMPTY)
    dead = host.rsplit(":", 1)[0] + ":9"
    rests = []
    with pytest.raises(BadSource, match="failed 4 times"):
        list(source(dead, rests).rows())
    assert rests == [2, 4, 8]


def test_a_refused_token_is_said_at_once_and_by_the_setting_s_name(x_server):
    host, seen = x_server(REFUSED)
    with pytest.raises(BadSource, match="SENTIMENT_X_BEARER_TOKEN") as caught:
        list(source(host, []).rows())
    assert "a token" not in str(caught.value)
    assert len(seen) == 1


def test_a_query_that_x_refuses_is_said_in_x_s_words(x_server):
    problem = {"errors": [{"message": "no viable alternative at input ')'"}], "title": "Invalid Request", "status": 400}
    host, seen = x_server((400, {}, problem))
    with pytest.raises(BadSource, match="no viable alternative"):
        list(source(host, []).rows())
    assert len(seen) == 1


def capped(status, **body):
    return status, {"x-rate-limit-limit": "40000", "x-rate-limit-remaining": "39999"}, body


USAGE_CAPPED = capped(
    429,
    account_id="1234567890",
    product_name="standard-basic",
    title="UsageCapExceeded",
    period="Monthly",
    scope="Product",
    detail="Usage cap exceeded: Monthly product cap",
    type="https://api.twitter.com/2/problems/usage-capped",
)
NO_CREDITS = capped(
    402,
    account_id=1234567890,
    title="CreditsDepleted",
    detail="Your enrolled account does not have any credits to fulfill this request.",
    type="https://api.twitter.com/2/problems/credits",
)


@pytest.mark.parametrize(("answer", "words"), [(USAGE_CAPPED, "Monthly product cap"), (NO_CREDITS, "any credits")])
def test_a_cap_of_the_account_is_no_rate_limit_that_opens_by_waiting(x_server, answer, words):
    host, seen = x_server(answer)
    rests = []
    polled = source(host, rests)
    with pytest.raises(BadSource, match=f"cap of the account is used up.*{words}"):
        list(polled.rows())
    assert (len(seen), rests) == (1, [])
    assert words in polled.usage().refusal


def test_a_rate_limit_is_no_refusal_of_the_account(x_server):
    host, _ = x_server(limited(time.time() + 86_400))
    polled = source(host, [])
    with pytest.raises(BadSource, match="rate limit"):
        list(polled.rows())
    assert polled.usage().refusal is None


def minutes_ago(minutes):
    return datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=minutes)


def planned(host, *, share=1.0, reads_left=1_000_000, since=20):
    polled = source(host, [])
    polled.restrict(ReadPlan(share=share, reads_left=reads_left, read_from=minutes_ago(since)))
    return polled


def moment(written):
    return datetime.fromisoformat(written)


def test_with_a_plan_the_time_since_the_last_poll_is_asked_for_and_reads_are_counted(x_server):
    host, seen = x_server(page(2, then="b26v89c19zqg8o3f"), page(1))
    polled = planned(host)
    assert isinstance(polled, MeteredSource)
    assert len(list(polled.rows())) == 2
    usage = polled.usage()
    assert (usage.reads, usage.share, usage.refusal) == (2, 1.0, None)
    for _, query, _ in seen:
        assert "since_id" not in query
        assert moment(query["start_time"]) == usage.read_from
        assert moment(query["end_time"]) == usage.read_until
    # X refuses an end within the last ten seconds
    assert timedelta(seconds=10) < datetime.now(UTC) - usage.read_until < timedelta(minutes=1)


def test_a_sample_asks_for_some_of_the_time_only(x_server):
    host, seen = x_server(EMPTY)
    polled = planned(host, share=0.3, since=600)
    list(polled.rows())
    read = sum((moment(q["end_time"]) - moment(q["start_time"])).total_seconds() for _, q, _ in seen)
    assert 0.1 < read / 36_000 < 0.5
    assert polled.usage().share == 0.3
    assert polled.usage().read_until > minutes_ago(1), "the time that is not in the sample is done with as well"


def test_reading_stops_where_the_budget_ends_and_goes_on_from_there(x_server):
    host, seen = x_server(page(2, 1), EMPTY)
    polled = planned(host, reads_left=2, since=300)
    assert len(list(polled.rows())) == 2
    assert len(seen) == 1
    assert polled.usage().read_until == moment(seen[0][1]["end_time"]) < minutes_ago(60)


def test_what_was_paid_for_is_kept_when_the_account_is_used_up_on_the_way(x_server):
    host, seen = x_server(page(2, 1), page(4, then="b26v89c19zqg8o3f"), USAGE_CAPPED)
    polled = planned(host, since=300)
    rows = polled.rows()
    assert [int(next(rows).tweet_id) - FRESH for _ in range(2)] == [1, 2]
    with pytest.raises(BadSource, match="cap of the account"):
        next(rows)
    usage = polled.usage()
    assert usage.reads == 3, "the page of the period that broke off counts as well"
    assert usage.read_until == moment(seen[0][1]["end_time"])
