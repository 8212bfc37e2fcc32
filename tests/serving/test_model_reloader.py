"""Another champion is served within seconds; what is away is told, and does not end the serving."""

from __future__ import annotations

import json
import shutil
import threading
import time

import numpy as np
import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from sentiment_lib.families.base import check_probabilities
from sentiment_lib.serving import app

TEXTS = ["@united rude and late", "great crew, thank you", "when is boarding", "😡😡", "x" * 5000, "كانت الرحلة سيئة"]


def wait_for(condition, seconds=10):
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up, "it did not happen in time"
        time.sleep(0.01)


def version(client):
    return client.get("/v1/model").json()["version"]


def test_a_promotion_and_a_rollback_are_served_without_a_restart(client, deploy):
    assert version(client) == 1
    deploy(2)
    wait_for(lambda: version(client) == 2, seconds=5)
    deploy(1)
    wait_for(lambda: version(client) == 1, seconds=5)


def test_under_load_no_request_fails_and_none_is_answered_by_two_versions(client, deploy, packaged):
    right = {one.version: np.asarray(one.model.predict_proba(TEXTS)) for one in packaged.versions}
    stop, wrong, versions, failed = threading.Event(), [], set(), []

    def ask():
        while not stop.is_set():
            answer = client.post("/v1/predict", json={"texts": TEXTS * 30})
            if answer.status_code != 200:
                failed.append(answer.status_code)
                continue
            body = answer.json()
            versions.add(body["model_version"])
            given = [list(one["probabilities"].values()) for one in body["predictions"]]
            if np.abs(np.array(given) - np.tile(right[body["model_version"]], (30, 1))).max() > 1e-6:
                wrong.append(body["model_version"])

    callers = [threading.Thread(target=ask) for _ in range(3)]
    for caller in callers:
        caller.start()
    for number in range(20):
        deploy(2 - number % 2)
        time.sleep(0.1)
    stop.set()
    for caller in callers:
        caller.join()
    assert (failed, wrong) == ([], [])
    assert versions == {1, 2}


@pytest.mark.parametrize("number", [0, 1])
def test_the_api_and_batch_scoring_give_the_same_probabilities(client, deploy, packaged, number):
    one = packaged.versions[number]
    deploy(one.version)
    wait_for(lambda: version(client) == one.version)
    answer = client.post("/v1/predict", json={"texts": TEXTS}).json()
    given = np.array([list(row["probabilities"].values()) for row in answer["predictions"]])
    masked = [row["text"] for row in answer["predictions"]]
    assert (given == check_probabilities(one.model, masked).round(7)).all()


def test_a_version_whose_package_was_changed_is_not_served_and_the_old_one_goes_on(client, deploy, settings, packaged):
    (settings.home / "cache" / "models" / packaged.versions[1].digest / "manifest.json").write_text("{}")
    deploy(2)
    wait_for(lambda: client.get("/readyz").json()["warnings"])
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["model_version"] == 1
    assert client.post("/v1/predict", json={"text": "late"}).json()["model_version"] == 1


def away(settings):
    return settings.model_copy(
        update={"database_url": SecretStr("postgresql+psycopg://nobody@127.0.0.1:9/none?connect_timeout=1")}
    )


def test_started_without_a_database_the_last_champion_serves_but_no_key_can_be_checked(client, settings):
    assert version(client) == 1
    assert json.loads((settings.home / "cache" / "champion.json").read_text())["version"] == 1
    with TestClient(app.create(away(settings))) as lonely:
        ready = lonely.get("/readyz")
        assert (ready.status_code, ready.json()["model_version"]) == (200, 1)
        assert "cannot be looked up" in ready.json()["warnings"][0]
        answer = lonely.post("/v1/predict", json={"text": "a"}, headers={"X-API-Key": "sk_new"})
        assert answer.status_code == 503
        assert "Retry-After" in answer.headers


def test_before_the_first_champion_the_answer_is_not_yet(settings, store):
    from sqlalchemy import text

    with store.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("DELETE FROM deployments; DELETE FROM ledger"))
    shutil.rmtree(settings.home / "cache")
    with TestClient(app.create(settings)) as early:
        assert early.get("/healthz").status_code == 200
        ready = early.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["warnings"] == ["there is no champion yet"]
