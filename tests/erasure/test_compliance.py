"""What X says is read in its own forms, from its batch compliance and from files, and acted upon once."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from sqlalchemy import text

from sentiment_lib.erasure import compliance_file
from sentiment_lib.errors import BadInput, BadSource
from sentiment_lib.steps.erasure import forget, poll_compliance, request_erasure
from sentiment_lib.steps.erasure.request_erasure import ErasureOrder
from sentiment_lib.storage import erasure_audit, erasure_requests, grants, ledger, tombstones
from sentiment_lib.text.privacy import author_hash
from tests.kill import run_until

DATABASE_ROLE = grants.APP
FIRST = 1_265_324_480_517_361_664


def result(number, reason="deleted", action="delete"):
    return json.dumps(
        {
            "id": str(number),
            "action": action,
            "created_at": "2019-10-29T17:02:47.000Z",
            "redacted_at": "2020-07-29T17:02:47.000Z",
            "reason": reason,
        }
    )


def streamed(event, number, user="77", at="2026-01-01T00:00:00Z"):
    about = "user" if event.startswith("user_") else "tweet"
    content = {
        about: {"id": user if about == "user" else str(number), "author_id": user},
        "event_at": at,
    }
    return json.dumps({"data": {event: content}})


def edited(number, versions):
    content = {
        "event_at": "2026-01-01T00:00:00Z",
        "initial_tweet_id": str(versions[0]),
        "edit_tweet_ids": [str(one) for one in versions],
        "tweet": {"id": str(number)},
    }
    return json.dumps({"data": {"tweet_edit": content}})


def test_each_reason_of_a_batch_and_each_event_of_a_stream_has_its_effect():
    lines = [
        result(FIRST),
        result(FIRST + 1, "protected"),
        result(FIRST + 2, "suspended"),
        result(FIRST + 3, "scrub_geo"),
        streamed("tweet_withheld", FIRST + 4),
        streamed("undrop", FIRST + 1),
        edited(FIRST + 10, [FIRST + 5, FIRST + 6, FIRST + 10]),
        streamed("edit", FIRST + 8),
        streamed("user_protect", 0, "4711"),
        streamed("user_protect", 0, "4712"),
        streamed("user_unprotect", 0, "4712"),
        str(FIRST + 7),
        # what changes nothing here leaves a deletion as it is
        result(FIRST + 7, "scrub_geo"),
        json.dumps({"data": {"user_profile_modification": {"user": {"id": "4711"}, "profile_field": "user.name"}}}),
        "",
    ]
    events = compliance_file.read(lines, name="f")
    assert events.forget == {*range(FIRST, FIRST + 8)} - {FIRST + 1, FIRST + 3}, "earlier versions with them"
    assert events.restore == {FIRST + 1}
    assert events.change == {FIRST + 8}, "an edit that names one id: its new version may have it"
    assert (events.authors, events.restored_authors) == ({"4711"}, {"4712"})
    assert events.reasons["scrub_geo"] == 2
    assert sum(events.reasons.values()) == 14


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "no JSON"),
        ('["x"]', "no JSON object"),
        ('{"id": "x"}', "invalid literal"),
        ('{"id": "0"}', "no id"),
        (result(FIRST, "vanished"), "'vanished'"),
        ('{"data": {"delete": {"tweet": {}}}}', "invalid literal"),
        ('{"data": {"delete": {"tweet": "x"}}}', "no JSON object"),
        ('{"data": "x"}', "no JSON object"),
        ('{"data": {"tweet_edit": {"tweet": {"id": 5}, "edit_tweet_ids": 7}}}', "iterable"),
        ("[" * 3_000, "nested too deeply"),
        ('{"id": 5, "reason": "undelete"}', "does not say when"),
        ('{"id": 5, "reason": "undelete", "redacted_at": "9999-12-31T23:59:59-12:00"}', "out of range"),
    ],
)
def test_a_line_that_is_no_event_stops_the_file_before_anything_is_done(line, why):
    with pytest.raises(BadInput, match="line 2 of f") as error:
        compliance_file.read([result(FIRST), line], name="f")
    assert why in str(error.value)


def test_a_file_becomes_requests_and_restored_tweets_may_come_in_again(store, settings, tmp_path):
    path = tmp_path / "compliance.jsonl"
    path.write_text("\n".join([result(FIRST), result(FIRST + 1), streamed("user_delete", 0, "4711")]))
    order = ErasureOrder(compliance=request_erasure.read_file(path), requested_by="ann")
    number = request_erasure.run(store, settings, order)
    with store.begin() as connection:
        kinds = {one.kind for one in erasure_requests.every(connection)}
        assert kinds == {"compliance", "author"}
        assert erasure_requests.by_id(connection, number).reasons == {"deleted": 2, "user_delete": 1}
        assert tombstones.find(connection, [FIRST, FIRST + 1, FIRST + 2]).tweets == {FIRST, FIRST + 1}
    later = {"at": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}
    path.write_text(
        "\n".join(
            [
                streamed("undrop", FIRST, **later),
                streamed("undrop", FIRST + 1),  # before X deleted it
                streamed("user_undelete", 0, "4711", **later),
                streamed("edit", FIRST + 9),
            ]
        )
    )
    request_erasure.run(store, settings, ErasureOrder(compliance=request_erasure.read_file(path), requested_by="ann"))
    with store.begin() as connection:
        assert tombstones.find(connection, [FIRST, FIRST + 1, FIRST + 9]).tweets == {FIRST + 1}
        assert connection.execute(text("SELECT count(*) FROM tombstones")).scalar_one() == 1
        told = connection.execute(text("SELECT title FROM alerts WHERE kind = 'tombstones_lifted'")).scalar_one()
    assert told == "ann let 2 forgotten tweets or authors in again"


def complied(store, settings, *lines):
    events = compliance_file.read(lines, name="f")
    return request_erasure.run(store, settings, ErasureOrder(compliance=events, requested_by="x"))


@pytest.mark.parametrize("wait", [True, False], ids=["carried out", "waiting"])
@pytest.mark.parametrize("before", [True, False], ids=["X first", "desk first"])
def test_what_somebody_asked_to_forget_is_let_in_again_by_no_word_of_x(store, settings, wait, before):
    deleted = [result(FIRST), result(FIRST + 1), streamed("user_delete", 0, "4711")]
    restored = [result(FIRST, "undelete"), result(FIRST + 1, "undelete"), streamed("user_undelete", 0, "4711")]
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    restored = [
        line.replace("2020-07-29T17:02:47.000Z", later).replace("2026-01-01T00:00:00Z", later) for line in restored
    ]
    if before:
        complied(store, settings, *deleted)
    for order in ({"tweet_ids": [FIRST]}, {"author": "4711"}):
        request_erasure.run(store, settings, ErasureOrder(**order, requested_by="desk"))
    if not before:
        complied(store, settings, *deleted)
    if wait:
        forget.run(store, settings, models=False)
    complied(store, settings, *restored)
    forget.run(store, settings, models=False)
    author = author_hash("4711", settings.author_key.get_secret_value().encode())
    with store.begin() as connection:
        refused = tombstones.find(connection, [FIRST, FIRST + 1], [author])
        problems = [*erasure_audit.requests(connection), *erasure_audit.made(connection)]
    assert (refused.tweets, refused.authors) == ({FIRST}, {author})
    assert problems == []


class StandIn(BaseHTTPRequestHandler):
    """X's compliance endpoints and its storage, with the shapes of their documentation."""

    def _send(self, body, status=200):
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self):
        server = self.server
        if self.path.startswith("/results/"):
            assert "Authorization" not in self.headers, "the token is X's alone"
            self._send("".join(f"{line}\n" for line in server.results).encode())
        elif self.headers["Authorization"] != "Bearer secret":
            self._send({"title": "Unauthorized"}, 401)
        else:
            self._send({"data": list(server.jobs), "meta": {"result_count": len(server.jobs)}})

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server, now = self.server, datetime.now(UTC)
        number = str(1_421_185_651_106_480_129 + len(server.jobs))
        address = f"http://127.0.0.1:{server.server_port}"
        job = {
            "id": number,
            **asked,
            "resumable": False,
            "status": "created",
            "created_at": now.isoformat(),
            "upload_url": f"{address}/upload/{number}?X-Goog-Signature=1",
            "upload_expires_at": (now + timedelta(minutes=15)).isoformat(),
            "download_url": f"{address}/results/{number}?X-Goog-Signature=1",
            "download_expires_at": (now + timedelta(days=7)).isoformat(),
        }
        server.jobs.append(job)
        self._send({"data": job})

    def do_PUT(self):
        assert self.headers["Content-Type"] == "text/plain"
        assert "Authorization" not in self.headers
        self.server.uploads.append(self.rfile.read(int(self.headers["Content-Length"])).decode().split())
        self.server.jobs[-1]["status"] = "in_progress"
        self._send(b"")

    def log_message(self, *_):
        """Silent."""


@pytest.fixture
def x():
    server = ThreadingHTTPServer(("127.0.0.1", 0), StandIn)
    server.jobs, server.uploads, server.results = (
        [
            {
                "id": "1",
                "type": "tweets",
                "name": "somebody else's",
                "status": "in_progress",
                "created_at": "2030-01-01T00:00:00.000Z",
            }
        ],
        [],
        [],
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def requests_of(store):
    with store.begin() as connection:
        return [one.request_id for one in erasure_requests.every(connection)]


def test_one_job_after_another_uploads_what_is_stored_and_its_results_become_a_request(
    store, settings, owner, x, monkeypatch
):
    settings = settings.model_copy(update={"x_url": f"http://127.0.0.1:{x.server_port}"})
    assert poll_compliance.run(store, settings) == poll_compliance.PollResult(), "no token, no job"
    settings = settings.model_copy(update={"x_bearer_token": type(settings.x_bearer_token)("secret")})
    with owner.begin() as connection:
        connection.execute(text("INSERT INTO ingests (source) VALUES ('x')"))
        connection.execute(
            text(
                "INSERT INTO tweets (tweet_id, text, created_at, ingest_id, synthetic) "
                "SELECT :first + n, 'late', now(), 1, n = 3 FROM generate_series(0, 3) n"
            ),
            {"first": FIRST},
        )
    assert poll_compliance.run(store, settings).uploaded == 3
    assert x.uploads == [[str(FIRST), str(FIRST + 1), str(FIRST + 2)]]
    job = x.jobs[-1]
    assert poll_compliance.run(store, settings).waiting == job["id"]
    job["status"], x.results = "complete", [result(FIRST + 1), result(FIRST + 2, "scrub_geo")]
    done = poll_compliance.run(store, settings)
    assert (done.reasons, done.uploaded) == ({"deleted": 1, "scrub_geo": 1}, 3)
    with store.begin() as connection:
        request = erasure_requests.by_id(connection, done.request_id)
        (entry,) = ledger.genuine_entries(connection, ("compliance_job",))
    assert (request.named, request.requested_by, request.kind) == (1, "x", "compliance")
    assert entry.facts()["job"] == job["id"]
    x.jobs[-1]["status"], x.results = "complete", [result(FIRST)]
    run_until(poll_compliance, "_record", lambda: poll_compliance.run(store, settings), monkeypatch)
    assert poll_compliance.run(store, settings).request_id == done.request_id + 1, "not a second time"
    assert requests_of(store) == [done.request_id, done.request_id + 1]
    x.jobs[-1]["status"], x.results = "complete", []
    assert poll_compliance.run(store, settings).request_id is None, "nothing to forget, and the next job has begun"
    assert len(x.uploads) == 4


def test_a_job_of_a_killed_process_is_uploaded_to_and_a_refusal_names_no_address(store, settings, x):
    settings = settings.model_copy(
        update={
            "x_url": f"http://127.0.0.1:{x.server_port}",
            "x_bearer_token": type(settings.x_bearer_token)("secret"),
        }
    )
    jobs = poll_compliance.ComplianceJobs(token="secret", host=settings.x_url)
    jobs.create()
    jobs.close()
    assert poll_compliance.run(store, settings).uploaded == 0
    assert len(x.jobs) == 2
    x.jobs[-1]["status"] = "created"
    x.jobs[-1]["upload_expires_at"] = "2020-01-01T00:00:00.000Z"
    assert poll_compliance.run(store, settings).waiting == x.jobs[-1]["id"], "X lets it expire"
    refused = settings.model_copy(update={"x_bearer_token": type(settings.x_bearer_token)("other")})
    with pytest.raises(BadSource, match="401") as error:
        poll_compliance.run(store, refused)
    assert "127.0.0.1" not in str(error.value)
