"""The console inside Airflow: its pages behind Airflow's own sign-in, and actions only for those who may run DAGs.

Every process of Airflow loads this file, and only the api-server shows pages: the app is made at its first request.
"""

from __future__ import annotations

import asyncio
from typing import Any


class Console:
    """An ASGI app that makes the real one when it is first asked."""

    def __init__(self) -> None:
        self._app: Any = None
        self._making = asyncio.Lock()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        if self._app is None:
            async with self._making:
                if self._app is None:
                    from sentiment_airflow.console_app import create

                    self._app = await asyncio.to_thread(create)
        await self._app(scope, receive, send)


APP = {"app": Console(), "url_prefix": "/sentiment", "name": "Sentiment console"}
#: One entry of the menu, and a tab on the pages of every DAG, run and task of a run: Airflow has no tabs for some DAGs
#: only.
VIEWS = [
    {"name": "Sentiment", "href": "/sentiment/", "destination": "nav", "url_route": "sentiment", "category": None},
    {
        "name": "Sentiment",
        "href": "/sentiment/dags/{DAG_ID}",
        "destination": "dag",
        "url_route": "sentiment-dag",
    },
    {
        "name": "Sentiment",
        "href": "/sentiment/dags/{DAG_ID}/runs/{RUN_ID}",
        "destination": "dag_run",
        "url_route": "sentiment-run",
    },
    {
        "name": "Sentiment",
        "href": "/sentiment/dags/{DAG_ID}/runs/{RUN_ID}",
        "destination": "task_instance",
        "url_route": "sentiment-task",
    },
]
