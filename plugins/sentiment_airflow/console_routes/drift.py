"""Routes of drift reports, of the check of new tweets, and of replays.

No postponed annotations: FastAPI reads Airflow's dependencies from them.
"""

import json

from fastapi import FastAPI
from fastapi.responses import FileResponse, HTMLResponse

from sentiment_airflow.console_routes.access import READ, Before, Digest, Id
from sentiment_airflow.console_routes.rendering import draw_with, sandboxed
from sentiment_lib.console import drift, kept_pages
from sentiment_lib.settings import Settings
from sentiment_lib.storage.engine import Store


def add_drift(app: FastAPI, store: Store, settings: Settings) -> None:
    """Drift reports and the check of new tweets."""
    page = draw_with(store)

    @app.get("/drift", dependencies=[READ])
    def list_reports(before: Before = None) -> HTMLResponse:
        with store.begin() as connection:
            return page("drift.html", "/drift", **drift.list_view(connection, before))

    @app.get("/drift/{report_id}", dependencies=[READ])
    def show_report(report_id: Id) -> HTMLResponse:
        with store.begin() as connection:
            report = drift.view(connection, report_id)
        details = json.dumps(drift.figures(report), indent=2, ensure_ascii=False)
        return page("drift_report.html", "/drift/one", **drift.values(report, settings.policy.drift), details=details)

    @app.get("/drift/{report_id}/evidently", dependencies=[READ])
    def show_evidently(report_id: Id) -> HTMLResponse:
        with store.begin() as connection:
            drift.page(connection, settings, report_id)
            frame = kept_pages.evidently_frame(drift.view(connection, report_id))
        return page("framed.html", "/drift/one", **frame)

    @app.get("/drift/{report_id}/evidently/page", dependencies=[READ])
    def show_evidently_page(report_id: Id) -> FileResponse:
        with store.begin() as connection:
            path = drift.page(connection, settings, report_id)
        return sandboxed(path)

    @app.get("/quality", dependencies=[READ])
    def show_quality() -> HTMLResponse:
        return page("framed.html", "/quality", **kept_pages.quality_frame(settings))

    @app.get("/quality/page", dependencies=[READ])
    def show_quality_page() -> FileResponse:
        return sandboxed(kept_pages.quality_path(settings))


def add_replays(app: FastAPI, store: Store, settings: Settings) -> None:
    """Pages of replays, each a file without scripts."""
    page = draw_with(store)

    @app.get("/replays/{digest}", dependencies=[READ])
    def show_replay(digest: Digest) -> HTMLResponse:
        return page("framed.html", "/replays/one", **kept_pages.replay_frame(settings, digest))

    @app.get("/replays/{digest}/page", dependencies=[READ])
    def show_replay_page(digest: Digest) -> FileResponse:
        policy = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
        return FileResponse(kept_pages.replay_path(settings, digest), media_type="text/html", headers=policy)
