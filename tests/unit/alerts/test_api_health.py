"""The API's own metrics become alerts: away, failing, slow; and silence where nothing was ever served."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from sentiment_lib.alerts.api_health import ApiHealth, Probe, percentile, probe
from sentiment_lib.policy import AlertPolicy

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
POLICY = AlertPolicy()
PAGE = """# HELP sentiment_requests_total Requests answered
sentiment_requests_total{route="/v1/predict",status="200"} 90.0
sentiment_requests_total{route="/v1/predict",status="500"} 10.0
sentiment_requests_total{route="/readyz",status="503"} 7.0
sentiment_request_seconds_bucket{le="0.1",route="/v1/predict"} 60.0
sentiment_request_seconds_bucket{le="2.5",route="/v1/predict"} 100.0
sentiment_request_seconds_bucket{le="+Inf",route="/v1/predict"} 100.0
sentiment_request_seconds_bucket{le="+Inf",route="/login"} 5.0
"""


@pytest.fixture
def api():
    """A server that answers /readyz and /metrics as it is told."""

    class Answers(BaseHTTPRequestHandler):
        ready = 200

        def do_GET(self):
            self.send_response(self.ready if self.path == "/readyz" else 200)
            self.end_headers()
            self.wfile.write(PAGE.encode())

        def log_message(self, *args):
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", Answers
    server.shutdown()
    server.server_close()


def fired(health, now=NOW, has_served=True):
    return [one.kind for one in health.findings(POLICY, now, has_served=has_served)]


def seen(*probes):
    health = ApiHealth()
    for one in probes:
        health.add(one, POLICY)
    return health


def test_what_the_api_says_of_itself_is_read(api):
    url, answers = api
    found = probe(url, NOW)
    assert (found.ready, found.requests, found.errors) == (True, 100, 10)
    assert found.seconds == {0.1: 60, 2.5: 100, float("inf"): 100}
    answers.ready = 503
    assert probe(url, NOW).ready is False
    assert probe("http://127.0.0.1:9", NOW).ready is None


@pytest.mark.parametrize("ready", [False, None])
def test_an_api_that_stays_away_or_unready_fires_after_the_policys_time_only(ready):
    minutes = [Probe(at=NOW + timedelta(minutes=number), ready=ready) for number in range(5)]
    health = seen(Probe(at=NOW - timedelta(minutes=1), ready=True), *minutes[:3])
    assert fired(health, minutes[2].at) == []
    health.add(minutes[3], POLICY)
    assert fired(health, minutes[3].at) == ["api_down"]
    health.add(Probe(at=NOW + timedelta(minutes=4), ready=True), POLICY)
    assert fired(health, NOW + timedelta(minutes=4)) == []


def test_an_api_that_never_served_is_not_missed():
    health = seen(Probe(at=NOW - timedelta(hours=1), ready=None))
    assert fired(health, has_served=False) == []
    assert fired(health, has_served=True) == ["api_down"]


def test_errors_and_slow_answers_of_the_last_minutes_count_and_older_ones_do_not(api):
    now = probe(api[0], NOW)
    assert fired(seen(Probe(at=NOW - timedelta(minutes=1), ready=True), now)) == ["api_errors", "api_slow"]
    # all of it happened before
    earlier = probe(api[0], NOW - timedelta(minutes=1))
    assert fired(seen(earlier, now)) == []
    # started again: counts from nothing
    many = Probe(at=NOW - timedelta(minutes=1), ready=True, requests=5000, errors=0)
    assert fired(seen(many, now)) == ["api_errors", "api_slow"]


def test_memory_is_bounded():
    health = seen(*[Probe(at=NOW + timedelta(seconds=10 * number), ready=True) for number in range(1000)])
    assert len(health._probes) < 40


def test_a_page_of_something_else_is_an_api_that_is_away(api, monkeypatch):
    url, _ = api
    monkeypatch.setitem(globals(), "PAGE", "<html>sentiment_requests_total{</html>")
    assert probe(url, NOW).ready is None


def test_a_percentile_without_requests_is_none():
    assert percentile({0.1: 0, float("inf"): 0}) is None
    assert percentile({0.1: 98, 1.0: 100, float("inf"): 100}) == (1.0, 100)
