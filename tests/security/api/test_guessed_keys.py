"""Bad keys and failed logins are throttled and logged with their address; /metrics can need a token."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from fastapi.testclient import TestClient
from pydantic import SecretStr

from sentiment_lib.alerts import api_health
from sentiment_lib.serving import app
from tests.serving.listening import listening


def test_bad_keys_are_throttled_logged_and_lock_nobody_out(client, settings, caplog):
    allowed = settings.serving.bad_keys_per_minute
    with caplog.at_level(logging.INFO, "sentiment_lib.serving.requests"):
        answers = [
            client.get("/v1/model", headers={"Authorization": f"Bearer sk_{number}"}) for number in range(allowed + 10)
        ]
    statuses = [answer.status_code for answer in answers]
    assert statuses[:allowed] == [401] * allowed
    assert statuses[-1] == 429
    assert int(answers[-1].headers["Retry-After"]) >= 1
    fields = [record.fields for record in caplog.records if "bad_key" in getattr(record, "fields", {})]
    assert len(fields) == len(answers)
    assert {one["client"] for one in fields} == {"testclient"}
    assert client.get("/v1/model").status_code == 200


def test_failed_logins_are_throttled_and_the_right_key_still_signs_in(client, settings, key):
    form = [
        client.post("/login", data={"key": f"sk_{number}"}) for number in range(settings.serving.bad_keys_per_minute)
    ]
    assert {answer.status_code for answer in form} == {401}
    statuses = [client.post("/login", data={"key": "sk_more"}).status_code for _ in range(5)]
    assert statuses[-1] == 429
    assert client.post("/login", data={"key": key}, follow_redirects=False).status_code == 303


def test_the_metrics_can_need_a_token_which_the_watcher_has(settings):
    serving = settings.serving.model_copy(update={"metrics_key": SecretStr("token of the tests")})
    closed = settings.model_copy(update={"serving": serving})
    with TestClient(app.create(closed)) as client:
        assert client.get("/metrics").status_code == 401
        assert client.get("/metrics", headers={"Authorization": "Bearer other"}).status_code == 401
        assert client.get("/metrics", headers={"Authorization": "Bearer token of the tests"}).status_code == 200
        assert client.get("/readyz").status_code == 200


def test_the_watcher_sends_the_token(settings):

    serving = settings.serving.model_copy(update={"metrics_key": SecretStr("token of the tests")})
    with listening(settings.model_copy(update={"serving": serving})) as port:
        url, now = f"http://127.0.0.1:{port}", datetime.now(UTC)
        assert api_health.probe(url, now).ready is None
        assert api_health.probe(url, now, metrics_key="token of the tests").ready is True
