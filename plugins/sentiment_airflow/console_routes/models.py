"""Routes of model versions, of what retraining brought, and of lineage.

No postponed annotations: FastAPI reads Airflow's dependencies from them.
"""

from typing import Annotated

from fastapi import FastAPI, Query, Response
from fastapi.responses import HTMLResponse

from sentiment_airflow.console_routes.access import MAX_ID, READ, Before, Id
from sentiment_airflow.console_routes.rendering import draw_with
from sentiment_lib.console import lineage, models, retraining, version_comparison
from sentiment_lib.errors import NotFound
from sentiment_lib.registry.mlflow_registry import Registry
from sentiment_lib.settings import Settings
from sentiment_lib.storage.engine import Store


def add_models(app: FastAPI, store: Store, settings: Settings) -> None:
    """Model versions, their cards, and the lineage of a tweet."""
    page = draw_with(store)

    @app.get("/models", dependencies=[READ])
    def list_models(before: Before = None) -> HTMLResponse:
        with store.begin() as connection:
            return page("models.html", "/models", **models.view(connection, before))

    @app.get("/models/compare", dependencies=[READ])
    def compare_models(
        one: Annotated[int | None, Query(ge=1, le=MAX_ID)] = None,
        other: Annotated[int | None, Query(ge=1, le=MAX_ID)] = None,
    ) -> HTMLResponse:
        with store.begin() as connection:
            if one is None or other is None:
                chosen = version_comparison.choice(connection, one, other)
                return page("compare_choice.html", "/models/compare", **chosen)
            values = version_comparison.view(connection, settings.policy, one, other)
        return page("compare.html", "/models/compare", **values)

    @app.get("/models/{version}", dependencies=[READ])
    def show_card(version: Id) -> HTMLResponse:
        registry = Registry(settings)
        with store.begin() as connection:
            answer = models.describe(connection, version)
        card, plots = registry.card(version), registry.plots(version)
        return page("card.html", "/models/one", version=version, answer=answer, card=card, plots=plots)

    @app.get("/models/{version}/plots/{name}", dependencies=[READ])
    def show_plot(version: Id, name: str) -> Response:
        return Response(Registry(settings).plot(version, name), media_type="image/png")

    @app.get("/retraining", dependencies=[READ])
    def show_retraining() -> HTMLResponse:
        with store.begin() as connection:
            return page("retraining.html", "/retraining", **retraining.view(connection, settings.policy))

    @app.get("/lineage", dependencies=[READ])
    def show_lineage(tweet: str = Query("", pattern="^[0-9]{0,19}$")) -> HTMLResponse:
        tweet_lineage, missing = None, bool(tweet)
        if tweet and int(tweet) <= MAX_ID:
            try:
                with store.begin() as connection:
                    tweet_lineage = lineage.view(connection, int(tweet))
                missing = False
            except NotFound:
                tweet_lineage = None
        with store.begin() as connection:
            newest = [] if tweet else lineage.newest(connection)
        return page("lineage.html", "/lineage", asked=tweet, found=tweet_lineage, missing=missing, newest=newest)
