"""Browsers sign in with a key; another site's page cannot make them act; a revoked key opens nothing."""

from __future__ import annotations

import time

import pytest
from fastapi import FastAPI, Request, Response
from fastapi.testclient import TestClient

from sentiment_lib.serving import api_keys, authentication
from sentiment_lib.serving import app as api


@pytest.fixture
def browser(settings, key):
    """A client that keeps cookies, on an app with a door to sign in by."""
    app: FastAPI = api.create(settings)

    @app.post("/door")
    async def door(request: Request, response: Response, key: str) -> bool:
        return await authentication.sign_in(request, response, key) is not None

    with TestClient(app) as opened:
        yield opened


def test_a_browser_signs_in_with_a_key_and_acts_is_same_origin_only(browser, key):
    assert browser.post("/door", params={"key": "sk_wrong"}).json() is False
    assert browser.get("/v1/model").status_code == 401
    assert browser.post("/door", params={"key": key}).json() is True
    assert browser.get("/v1/model").status_code == 200
    body = {"text": "late"}
    ours = {"Sec-Fetch-Site": "same-origin"}
    assert browser.post("/v1/predict", json=body, headers=ours).status_code == 200
    assert browser.post("/v1/predict", json=body, headers={"Origin": "http://testserver"}).status_code == 200
    for foreign in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}, {}):
        assert browser.post("/v1/predict", json=body, headers=foreign).status_code == 403


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(browser, key):
    cookie = browser.post("/door", params={"key": key}).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert key not in cookie


def test_a_forged_cookie_is_nobody(browser, key):
    browser.cookies.set(authentication.COOKIE, "e30.aaaa.bbbb")
    assert browser.get("/v1/model").status_code == 401


def test_a_revoked_key_ends_its_sessions_within_seconds(browser, key, store, monkeypatch):
    monkeypatch.setattr(api_keys, "CACHE_SECONDS", 0.1)
    browser.post("/door", params={"key": key})
    api_keys.revoke(store, "tests")
    time.sleep(0.15)
    assert browser.get("/v1/model").status_code == 401
