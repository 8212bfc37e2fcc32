"""Sign-in by OpenID Connect to its end: Airflow's server with FAB and our settings, against a provider on loopback."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey
from sentiment_airflow.failed_logins import FAILURES

from tests.security.stack import openid_provider
from tests.security.stack.openid_provider import CLIENT, new_key

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[3]
PASSWORD = "a password at the provider"
ROLES = "sentiment-viewers:Viewer,sentiment-operators:Operator,sentiment-approvers:Approver,sentiment-admins:Admin"


@pytest.fixture(scope="module")
def provider():
    """The provider and its people."""
    with openid_provider.serving() as opened:
        for name, groups in {
            "ann": ["sentiment-approvers"],
            "vera": ["sentiment-viewers"],
            "olga": ["sentiment-operators"],
            "guest": ["of another department"],
            "admin": ["sentiment-admins"],
        }.items():
            claims = {"sub": f"id of {name}", "preferred_username": name, "email": f"{name}@x.test", "groups": groups}
            opened.people[name] = PASSWORD, claims
        yield opened


@pytest.fixture(scope="module")
def airflow(provider):
    """Address of Airflow's server as the container stack configures it, with one local account."""
    home = Path(tempfile.mkdtemp(prefix="openid-"))
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}",
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(home / "plugins"),
        "AIRFLOW__CORE__AUTH_MANAGER": "sentiment_airflow.fab_auth_manager.SentimentFabAuthManager",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "AIRFLOW__FAB__CACHE_TTL": "0",  # a person's roles are read at each request
        "AIRFLOW__FAB__CONFIG_FILE": str(ROOT / "docker/airflow/webserver_config.py"),
        "AIRFLOW_USERS": "admin:Admin",
        "ADMIN_PASSWORD": "password of the local account",
        "SENTIMENT_HOME": str(home / "platform"),
        "SENTIMENT_POLICY__APPROVAL__APPROVERS": '["admin"]',
        "OIDC_ISSUER": provider.issuer,
        "OIDC_CLIENT_ID": CLIENT[0],
        "OIDC_CLIENT_SECRET": CLIENT[1],
        "OIDC_ROLES": ROLES,
    }
    log = (home / "log").open("w+")
    more = {"env": environment, "cwd": home, "stdout": log, "stderr": subprocess.STDOUT}
    roles = str(ROOT / "docker/airflow/roles.json")
    subprocess.run([sys.executable, "-m", "sentiment_airflow.setup", roles], check=True, **more)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    words = [sys.executable, "-m", "airflow", "api-server", "--host", "127.0.0.1", "--port", str(port)]
    server = subprocess.Popen(words, **more)
    try:
        until = time.monotonic() + 120
        while not answers(f"{url}/api/v2/version"):
            assert server.poll() is None, (home / "log").read_text()
            assert time.monotonic() < until, "Airflow does not answer"
            time.sleep(0.2)
        yield url
    finally:
        server.terminate()
        server.wait(30)
        log.close()
        shutil.rmtree(home)


def answers(url):
    try:
        return httpx.get(url, timeout=5).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture
def browser(airflow):
    """Makes a browser, which keeps its cookies."""
    opened = []

    def start():
        opened.append(httpx.Client(base_url=airflow, timeout=30))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


def callback(browser, name):
    """Address to which the provider sends this browser back after the person has signed in there."""
    begun = browser.get("/auth/login/oidc")
    returned = httpx.get(begun.headers["location"], auth=(name, PASSWORD))
    assert returned.status_code == 302
    return returned.headers["location"]


def sign_in(browser, name):
    """The whole way; statuses of reading and of pausing a DAG that does not exist."""
    browser.get(callback(browser, name), follow_redirects=True)
    return may(browser)


def may(browser):
    read = browser.get("/api/v2/dags")
    pause = browser.patch("/api/v2/dags/none", json={"is_paused": True})
    return read.status_code, pause.status_code


STRANGER = (401, 401)


def test_a_person_has_the_role_of_the_group_and_without_a_group_none(browser, provider):
    assert may(browser()) == STRANGER
    assert sign_in(browser(), "vera") == (200, 403)
    assert sign_in(browser(), "olga") == (200, 404)
    assert sign_in(browser(), "guest") == (403, 403)

    provider.people["olga"][1]["groups"] = []
    assert sign_in(browser(), "olga") == (403, 403), "roles are those of the last login"


def test_a_local_account_is_not_taken_over_by_its_name(browser):
    assert sign_in(browser(), "admin") == STRANGER


def without_signature(provider, claims):
    parts = ({"alg": "none", "kid": "tests"}, claims)
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts) + "."


def by_the_client_secret(provider, claims):
    key = OctKey.import_key(CLIENT[1])
    return jwt.encode({"alg": "HS256", "kid": "tests"}, claims, key)


#: What the ID token is in place of the provider's own.
FORGERIES = {
    "no ID token": lambda provider, claims: None,
    "no signature": without_signature,
    "another key under the same id": lambda provider, claims: jwt.encode(
        {"alg": "RS256", "kid": "tests"}, claims, new_key()
    ),
    "signed by the client's secret": by_the_client_secret,
    "for another client": lambda provider, claims: provider.sign({**claims, "aud": "another client"}),
    "by another issuer": lambda provider, claims: provider.sign({**claims, "iss": "https://example.org"}),
    "expired": lambda provider, claims: provider.sign(
        {**claims, "iat": claims["iat"] - 7200, "exp": claims["exp"] - 3600}
    ),
    "of another login": lambda provider, claims: provider.sign({**claims, "nonce": "another"}),
    "of another person": lambda provider, claims: provider.sign({**claims, "sub": "id of ann"}),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_an_id_token_that_is_not_the_providers_own_is_refused(browser, provider, monkeypatch, forgery):
    monkeypatch.setattr(provider, "identify", lambda claims: FORGERIES[forgery](provider, claims))
    assert sign_in(browser(), "vera") == STRANGER
    monkeypatch.undo()
    assert sign_in(browser(), "vera") == (200, 403)


def test_an_answer_of_the_provider_counts_once_and_in_the_browser_that_asked(browser):
    one, another = browser(), browser()
    address = callback(one, "vera")
    another.get("/auth/login/oidc")
    another.get(address, follow_redirects=True)
    assert may(another) == STRANGER, "a login that somebody else began"
    changed = httpx.URL(address).copy_set_param("state", "made up")
    one.get(changed, follow_redirects=True)
    assert may(one) == STRANGER
    one.get(address, follow_redirects=True)
    assert may(one) == (200, 403)

    one.cookies.clear()
    one.get(address, follow_redirects=True)
    assert may(one) == STRANGER, "the same answer again"


def test_passwords_of_local_accounts_are_not_guessed(airflow):
    """The last test here: it uses up this address's failed logins."""

    def token(password):
        body = {"username": "admin", "password": password}
        return httpx.post(f"{airflow}/auth/token", json=body, timeout=30)

    assert token("password of the local account").status_code == 201
    statuses = [token(f"guess {number}").status_code for number in range(FAILURES + 1)]
    assert statuses == [401] * FAILURES + [429]
