"""A prediction belongs to the key that made it; labels that measure the champion need a role, and time."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient

from sentiment_lib.serving import api_keys, app


@pytest.fixture
def headers(store):
    """Headers of a key with these roles."""

    def create(name, *roles):
        return {"Authorization": f"Bearer {api_keys.create(store, name, roles)}"}

    return create


def test_another_keys_prediction_does_not_exist(client, headers, rows):
    (made,) = client.post("/v1/predict", json={"text": "my number is 9"}).json()["predictions"]
    path = f"/v1/predictions/{made['prediction_id']}"
    stranger, admin = headers("stranger", "predict", "feedback"), headers("boss", "admin")
    feedback = {"prediction_id": made["prediction_id"], "right": True}

    def statuses():
        return [
            client.get(path).status_code,
            client.get(path, headers=stranger).status_code,
            client.post("/v1/feedback", json=feedback, headers=stranger).status_code,
            client.get(path, headers=admin).status_code,
        ]

    assert statuses() == [200, 404, 404, 200]
    until = time.monotonic() + 20
    while rows("SELECT count(*) FROM predictions WHERE api_key_id IS NOT NULL") != [(1,)]:
        assert time.monotonic() < until, "the spool does not drain"
        time.sleep(0.05)
    client.app.state.service._recent.clear()
    assert statuses() == [200, 404, 404, 200]


def test_a_rotated_key_reads_what_it_made_before(client, store):
    (made,) = client.post("/v1/predict", json={"text": "late"}).json()["predictions"]
    new = api_keys.rotate(store, "tests", overlap=timedelta(days=1))
    answer = client.get(f"/v1/predictions/{made['prediction_id']}", headers={"Authorization": f"Bearer {new}"})
    assert answer.status_code == 200


def test_reading_is_charged(client):
    limit = client.app.state.service.rate_limit
    limit._per_second, limit._burst = 0.1, 3.0
    assert [client.get("/v1/predictions/12-3").status_code for _ in range(5)] == [404, 404, 404, 429, 429]


def test_feedback_does_not_open_the_label_page(client, headers):
    assert client.get("/label", headers=headers("desk", "predict", "feedback")).status_code == 403
    assert client.get("/label", headers=headers("ann", "label")).status_code == 200


def test_labels_faster_than_a_person_reads_are_refused(settings, store):
    """One key gave 1,257 labels in 40 seconds, which rolled a promotion back."""
    headers = {"Authorization": f"Bearer {api_keys.create(store, 'ann', ('label',))}"}
    with TestClient(app.create(settings), headers=headers, follow_redirects=False) as client:
        form = {"pick_id": "1", "label": "positive"}
        statuses = [client.post("/label/answer", data=form).status_code for _ in range(100)]
    allowed = settings.policy.label.labels_per_minute
    assert statuses[:allowed] == [303] * allowed
    assert statuses[-1] == 429
    assert statuses.count(303) <= allowed + 20
