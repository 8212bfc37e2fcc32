"""Routes of the console. No postponed annotations here: FastAPI reads Airflow's dependencies from them."""

import json
from typing import Annotated

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagDetails
from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from fastapi import Depends, FastAPI, HTTPException, Path, Query, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse

from sentiment_airflow.xcom import returned
from sentiment_lib.console import decisions, drift, lineage, models, of_dag, overview
from sentiment_lib.console.pages import BASE, draw, files
from sentiment_lib.errors import NotFound
from sentiment_lib.pages.assets import CACHE_CONTROL
from sentiment_lib.pages.same_origin import is_same_origin
from sentiment_lib.pages.templates import content_security_policy
from sentiment_lib.registry.mlflow_registry import Registry
from sentiment_lib.settings import load_settings
from sentiment_lib.steps.ingestion import check_quality
from sentiment_lib.storage import alerts
from sentiment_lib.storage.engine import Store

#: Whoever may see this DAG may read; whoever may run it may act.
DAG = "retrain"
READ, ACT = Depends(requires_access_dag("GET", param_dag_id=DAG)), Depends(requires_access_dag("PUT", param_dag_id=DAG))

#: What Postgres can hold as an id.
LARGEST = 2**63 - 1
Id = Annotated[int, Path(ge=1, le=LARGEST)]
#: Evidently's scripts are inline: its pages run in a sandbox, where they are no pages of ours.
SANDBOX = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'unsafe-inline'; img-src data: blob:; font-src data:"
)


def create() -> FastAPI:
    """The app, on the database of the settings."""
    settings = load_settings()
    store = Store.open(settings)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.middleware("http")
    async def headers(request: Request, call_next):
        response = await call_next(request)
        response.headers.setdefault("Content-Security-Policy", content_security_policy("self"))
        response.headers["X-Frame-Options"] = "SAMEORIGIN"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    @app.exception_handler(NotFound)
    async def missing(request: Request, error: NotFound):
        return Response(str(error), status_code=404, media_type="text/plain")

    def page(template: str, here: str, **values) -> HTMLResponse:
        return HTMLResponse(draw(template, here, **values))

    def lead(address: str | None, dag_id: str) -> Response:
        if address is None:
            return page("other_dag.html", "/dags", dag_id=dag_id)
        return RedirectResponse(f"{BASE}{address}", status_code=303)

    def sandboxed(path) -> FileResponse:
        return FileResponse(path, media_type="text/html", headers={"Content-Security-Policy": SANDBOX})

    @app.get("/static/{name}")
    def static(name: str):
        content, media_type = files().content(name)
        return Response(content, media_type=media_type, headers={"Cache-Control": CACHE_CONTROL})

    @app.get("/", dependencies=[READ])
    def show_overview():
        with store.begin() as connection:
            return page("overview.html", "/", **overview.view(connection))

    @app.get("/decisions", dependencies=[READ])
    def list_decisions(run: str = Query("", max_length=250)):
        with store.begin() as connection:
            return page("decisions.html", "/decisions", run=run, rows=decisions.rows(connection, run))

    @app.get("/decisions/{decision_id}", dependencies=[READ])
    def show_decision(decision_id: Id):
        with store.begin() as connection:
            return page("decision.html", "/decisions/one", **decisions.view(connection, decision_id))

    @app.get("/dags/{dag_id}", dependencies=[READ])
    def show_on_dag(dag_id: str):
        return lead(of_dag.of_dag(dag_id), dag_id)

    @app.get("/dags/{dag_id}/runs/{run_id:path}", dependencies=[READ])
    def show_on_run(dag_id: str, run_id: str, session: SessionDep):
        checked = returned(session, dag_id, run_id, "check") if dag_id == "check_drift" else None
        with store.begin() as connection:
            return lead(of_dag.of_run(connection, dag_id, run_id, checked), dag_id)

    @app.get("/drift", dependencies=[READ])
    def list_reports():
        with store.begin() as connection:
            return page("drift.html", "/drift", rows=drift.rows(connection))

    @app.get("/drift/{report_id}", dependencies=[READ])
    def show_report(report_id: Id):
        with store.begin() as connection:
            report = drift.view(connection, report_id)
        details = json.dumps(report.details, indent=2, ensure_ascii=False)
        return page("drift_report.html", "/drift/one", report=report, details=details)

    @app.get("/drift/{report_id}/evidently", dependencies=[READ])
    def show_evidently(report_id: Id):
        with store.begin() as connection:
            path = drift.page(connection, settings, report_id)
        return sandboxed(path)

    @app.get("/quality", dependencies=[READ])
    def show_quality():
        return sandboxed(drift.kept_page(settings, check_quality.PAGE, of="check of new tweets"))

    @app.get("/alerts", dependencies=[READ])
    def list_alerts(user: GetUserDep, state: str = "unresolved"):
        if state not in alerts.STATES:
            raise HTTPException(422, f"state is one of {', '.join(alerts.STATES)}")
        may_act = get_auth_manager().is_authorized_dag(method="PUT", details=DagDetails(id=DAG), user=user)
        with store.begin() as connection:
            rows = alerts.list_alerts(connection, state)
        return page("alerts.html", "/alerts", rows=rows, state=state, states=tuple(alerts.STATES), may_act=may_act)

    @app.post("/alerts/{alert_id}/{action}", dependencies=[ACT])
    def act(alert_id: Id, action: str, request: Request, user: GetUserDep):
        if not is_same_origin(request.headers):
            raise HTTPException(403, "this request comes from another site")
        if action not in ("acknowledge", "resolve"):
            raise HTTPException(404, "there is no such action")
        with store.begin() as connection:
            if action == "acknowledge":
                alerts.acknowledge(connection, alert_id, user.get_name())
            else:
                alerts.resolve_alert(connection, alert_id, user.get_name())
        return RedirectResponse(f"{BASE}/alerts", status_code=303)

    @app.get("/models", dependencies=[READ])
    def list_models():
        with store.begin() as connection:
            return page("models.html", "/models", **models.view(connection))

    @app.get("/models/{version}", dependencies=[READ])
    def show_card(version: Id):
        return page("card.html", "/models/one", version=version, card=Registry(settings).card(version))

    @app.get("/lineage", dependencies=[READ])
    def show_lineage(tweet: str = Query("", pattern="^[0-9]{0,19}$")):
        found, missing = None, bool(tweet)
        if tweet and int(tweet) <= LARGEST:
            try:
                with store.begin() as connection:
                    found = lineage.view(connection, int(tweet))
                missing = False
            except NotFound:
                found = None
        with store.begin() as connection:
            newest = [] if tweet else lineage.newest(connection)
        return page("lineage.html", "/lineage", asked=tweet, found=found, missing=missing, newest=newest)

    return app
