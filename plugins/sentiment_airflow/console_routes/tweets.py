"""Routes of tweets.

No postponed annotations: FastAPI reads Airflow's dependencies from them.
"""

from typing import Annotated, Any

from fastapi import FastAPI, Form, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from sentiment_airflow.airflow_internals import GetUserDep, may_run
from sentiment_airflow.console_routes.access import ACT, DAG, READ, Id, require_same_origin
from sentiment_airflow.console_routes.rendering import draw_with
from sentiment_lib.console import lineage, tweet_words, tweets
from sentiment_lib.console.pages import BASE
from sentiment_lib.errors import BadInput
from sentiment_lib.settings import Settings
from sentiment_lib.storage import exports, feedback
from sentiment_lib.storage.engine import Store


def add_tweets(app: FastAPI, store: Store, settings: Settings) -> None:
    """Search, export, and the page of a tweet, where people correct its prediction."""
    page = draw_with(store)

    @app.get("/tweets", dependencies=[READ])
    def search_tweets(request: Request) -> HTMLResponse:
        with store.begin() as connection:
            return page("tweets.html", "/tweets", **tweets.view(connection, request.query_params))

    @app.get("/tweets.csv", dependencies=[READ])
    def export_tweets(request: Request, user: GetUserDep) -> Response:
        with store.begin() as connection:
            content = tweets.export(connection, request.query_params)
            # a request to forget cannot reach it: its receipt says how many downloads there were
            download = exports.on_this_machine("tweets", None, by=user.get_name())
            exports.record(connection, download, rows=max(0, content.count("\n") - 1))
        headers = {"Content-Disposition": 'attachment; filename="tweets.csv"'}
        return Response(content, media_type="text/csv; charset=utf-8", headers=headers)

    reader = tweet_words.WordReader(settings)

    def shown(tweet_id: int, user: Any, *, words: bool = False, problem: str = "", status: int = 200) -> HTMLResponse:
        with store.begin() as connection:
            found = lineage.view(connection, tweet_id)
            spans = reader.view(connection, found.tweet.text) if words else None
        values = {"found": found, "words": spans, "may_act": may_run(DAG, user), "problem": problem}
        return page("tweet.html", "/tweets/one", **values, status=status)

    @app.get("/tweets/{tweet_id}", dependencies=[READ])
    def show_tweet(tweet_id: Id, user: GetUserDep, words: str = Query("", pattern="^(yes)?$")) -> HTMLResponse:
        return shown(tweet_id, user, words=bool(words))

    @app.post("/tweets/{tweet_id}", dependencies=[ACT])
    def correct(tweet_id: Id, request: Request, user: GetUserDep, label: Annotated[str, Form()]) -> Response:
        require_same_origin(request)
        try:
            with store.begin() as connection:
                feedback.correct(connection, tweet_id, label, by=user.get_name())
        except BadInput as error:
            return shown(tweet_id, user, problem=str(error), status=422)
        return RedirectResponse(f"{BASE}/tweets/{tweet_id}", status_code=303)
