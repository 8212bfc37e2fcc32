"""The real app under uvicorn, and a real headless Chromium."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import pytest
from sqlalchemy import text

from benchmarks import small_models
from sentiment_lib.serving import api_keys
from sentiment_lib.settings import Settings
from tests.browser.console_pages import PICTURES
from tests.serving.listening import listening

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def chromium():
    """The system's Chromium, headless."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("these tests need Chromium: apt-get install chromium")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def kept():
    """Keeps a picture of a page as it is, under a name: for people, no test reads it."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    return lambda page, name: page.screenshot(path=PICTURES / f"{name}.png")


@pytest.fixture(scope="session")
def packaged(tmp_path_factory):
    """A tf-idf version in a package cache."""
    cache = tmp_path_factory.mktemp("packages")
    (version,) = small_models.packaged(cache, "tfidf_logreg")
    return SimpleNamespace(cache=cache, digest=version.digest)


@pytest.fixture
def settings(tmp_path, database_url, packaged):
    """Settings of an installation whose champion is in its cache."""
    shutil.copytree(packaged.cache, tmp_path / "cache" / "models")
    return Settings(
        home=tmp_path, database_url=database_url, author_key="key of the tests", mlflow_uri="http://127.0.0.1:9"
    )


@pytest.fixture
def scored(store, packaged):
    """Version 1 is the champion and has scored 30 tweets: half of them drawn for the audit, half uncertain."""
    small_models.enter(store, 1, "tfidf_logreg", packaged.digest)
    small_models.deploy(store, 1, "bootstrap")
    with store.begin() as connection:
        connection.execute(text("INSERT INTO ingests (source) VALUES ('test')"))
        connection.execute(
            text(
                "INSERT INTO tweets (tweet_id, text, airline, created_at, ingest_id) "
                "SELECT n, 'tweet ' || n || ': @user <b>late</b> again', 'united', now(), 1 "
                "FROM generate_series(1, 30) n"
            )
        )
        connection.execute(
            text(
                "INSERT INTO predictions (tweet_id, model_version, label, p_negative, p_neutral, p_positive) "
                "SELECT n, 1, 'negative', 0.4, 0.35, 0.25 FROM generate_series(1, 30) n"
            )
        )
        connection.execute(
            text(
                "INSERT INTO audit_sample (tweet_id, model_version, inclusion_probability) "
                "SELECT tweet_id, model_version, 0.5 FROM predictions WHERE tweet_id <= 15"
            )
        )
    return store


@pytest.fixture
def address(scored, settings):
    """Address of the running app."""
    with listening(settings) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def open_page(chromium, address):
    """Opens a browser of its own; what its console says of errors or of the content policy fails the test."""
    contexts, complaints = [], []

    def opened(**options):
        context = chromium.new_context(base_url=address, **options)
        context.set_default_timeout(20_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def key(scored):
    """A key for the test page and for labelling."""
    return api_keys.create(scored, "ann", ("predict", "feedback", "label"))


@pytest.fixture
def signed_in(open_page, address, key):
    """Opens a browser and signs it in on the way to a page."""

    def opened(path, **options):
        page = open_page(**options)
        page.goto(path)
        page.get_by_label("API key").fill(key)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{address}{path}")
        return page

    return opened
