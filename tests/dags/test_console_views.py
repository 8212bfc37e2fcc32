"""The console's routes as Airflow mounts them: tabs on its pages, who may read, and what a run leads to."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def views():
    from airflow.plugins_manager import AirflowPlugin
    from sentiment_plugin import SentimentPlugin

    assert issubclass(SentimentPlugin, AirflowPlugin)
    return SentimentPlugin.external_views


@pytest.fixture
def app(monkeypatch):
    """The routes on a database that nothing here asks."""
    from sentiment_airflow import console_app

    monkeypatch.setattr(console_app, "load_settings", lambda: None)
    monkeypatch.setattr(console_app.Store, "open", lambda *_, **__: None)
    return console_app.create()


def test_airflow_takes_every_view_and_no_two_have_one_address(views):
    from airflow.api_fastapi.core_api.datamodels.plugins import ExternalViewResponse

    accepted = [ExternalViewResponse.model_validate(view) for view in views]
    assert [view.destination for view in accepted] == ["nav", "dag", "dag_run", "task_instance"]
    assert len({view.url_route for view in accepted}) == len(accepted)


def test_each_views_address_is_a_route(app, views):
    from starlette.routing import Match

    for view in views:
        # as Airflow fills it in: what stands in a run id is encoded, and decoded again by the server
        path = view["href"].removeprefix("/sentiment").replace("{DAG_ID}", "retrain").replace("{RUN_ID}", "a/b+1")
        scope = {"type": "http", "method": "GET", "path": path, "headers": []}
        assert [route for route in app.routes if route.matches(scope)[0] is Match.FULL], path


def test_every_page_asks_who_looks(app):
    from sentiment_airflow.console_routes.access import ACT, READ

    permissions = {
        (*route.methods, route.path): [dependency.dependency for dependency in route.dependencies]
        for route in app.routes
        if hasattr(route, "dependencies")
    }
    assert permissions.pop(("GET", "/static/{name}")) == []
    for path in ("/alerts/{alert_id}", "/tweets/{tweet_id}"):
        assert permissions.pop(("POST", path)) == [ACT.dependency]
    assert set(map(tuple, permissions.values())) == {(READ.dependency,)}


def test_a_stranger_is_asked_to_sign_in_and_nothing_is_looked_up(app):
    from fastapi.testclient import TestClient

    client = TestClient(app, raise_server_exceptions=False)
    for path in ("/dags/retrain", "/dags/payroll", "/dags/retrain/runs/manual__1", "/dags/check_drift/runs/x"):
        assert client.get(path, follow_redirects=False).status_code == 401, path


def test_a_reader_is_led_on_and_another_dag_says_so(app):
    from fastapi.testclient import TestClient
    from sentiment_airflow.console_routes.access import READ

    app.dependency_overrides[READ.dependency] = lambda: None
    client = TestClient(app)
    led = client.get("/dags/check_drift", follow_redirects=False)
    assert (led.status_code, led.headers["location"]) == (303, "/sentiment/drift")
    other = client.get("/dags/payroll%3Cb%3E")
    assert other.status_code == 200
    assert "payroll&lt;b&gt;" in other.text
    assert other.headers["x-frame-options"] == "SAMEORIGIN"
    assert "frame-ancestors 'self'" in other.headers["content-security-policy"]


def test_an_address_with_a_nul_is_refused_before_any_query(app):
    from fastapi.testclient import TestClient
    from sentiment_airflow.console_routes.access import READ

    app.dependency_overrides[READ.dependency] = lambda: None
    client = TestClient(app)
    for address in ("/tweets?q=a%00b", "/?airline=%00", "/decisions?run=%00", "/dags/retrain/runs/a%00b"):
        answer = client.get(address)
        assert (answer.status_code, "contains a NUL" in answer.text) == (422, True), address
        assert answer.headers["x-frame-options"] == "SAMEORIGIN"


def test_what_took_too_long_says_so(app):
    from fastapi.testclient import TestClient

    from sentiment_lib.errors import TooSlow

    @app.get("/slow")
    def slow():
        raise TooSlow

    answer = TestClient(app).get("/slow")
    assert (answer.status_code, "choose fewer days" in answer.text) == (503, True)


def test_every_error_is_a_page_in_the_frame(app):
    from fastapi.testclient import TestClient
    from sentiment_airflow.console_routes.access import READ

    @app.get("/broken")
    def broken():
        raise RuntimeError("a secret of the database")

    client = TestClient(app, raise_server_exceptions=False)
    expected = {"/broken": 500, "/nowhere": 404, "/models": 401}
    app.dependency_overrides[READ.dependency] = lambda: None
    expected_signed_in = {"/drift/abc": 422, "/models/compare?one=x": 422}
    answers = {address: client.get(address) for address in (*expected, *expected_signed_in) if address != "/models"}
    app.dependency_overrides.clear()
    answers["/models"] = client.get("/models")
    assert "is no whole number" in answers["/drift/abc"].text
    for address, status in {**expected, **expected_signed_in}.items():
        answer = answers[address]
        assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8"), address
        assert 'aria-label="Pages"' in answer.text
        assert "a secret" not in answer.text
        assert "frame-ancestors 'self'" in answer.headers["content-security-policy"]
