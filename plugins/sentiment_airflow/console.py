"""The console inside Airflow: pages behind Airflow's sign-in, actions only for users who may run DAGs.

Every Airflow process imports this module, but only the api-server serves pages: the app is built on the first request.
"""

from __future__ import annotations

import asyncio
from typing import Any


class Console:
    """An ASGI app that builds the real one on its first request."""

    def __init__(self) -> None:
        self._app: Any = None
        self._building = asyncio.Lock()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request."""
        if self._app is None:
            async with self._building:
                if self._app is None:
                    from sentiment_airflow.console_app import create

                    self._app = await asyncio.to_thread(create)
        await self._app(scope, receive, send)


APP = {"app": Console(), "url_prefix": "/sentiment", "name": "Sentiment console"}
ICON = "/sentiment/static/mark.svg"
#: A menu entry, and a tab on the page of every DAG, run and task instance: Airflow cannot limit tabs to some DAGs.
VIEWS = [
    {
        "name": "Sentiment",
        "href": "/sentiment/",
        "destination": "nav",
        "url_route": "sentiment",
        "category": None,
        "icon": ICON,
    },
    {
        "name": "Sentiment",
        "href": "/sentiment/dags/{DAG_ID}",
        "destination": "dag",
        "url_route": "sentiment-dag",
        "icon": ICON,
    },
    {
        "name": "Sentiment",
        "href": "/sentiment/dags/{DAG_ID}/runs/{RUN_ID}",
        "destination": "dag_run",
        "url_route": "sentiment-run",
        "icon": ICON,
    },
    {
        "name": "Sentiment",
        "href": "/sentiment/dags/{DAG_ID}/runs/{RUN_ID}",
        "destination": "task_instance",
        "url_route": "sentiment-task",
        "icon": ICON,
    },
]
