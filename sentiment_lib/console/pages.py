"""Render the console's templates with their navigation menu."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from sentiment_lib.pages.assets import Assets
from sentiment_lib.pages.templates import environment
from sentiment_lib.storage import synthetic_tweets
from sentiment_lib.storage.engine import Store

HERE = Path(__file__).parent
#: Path where Airflow mounts the console.
BASE = "/sentiment"
MENU = (
    ("Overview", "/"),
    ("Tweets", "/tweets"),
    ("Decisions", "/decisions"),
    ("Drift", "/drift"),
    ("Data quality", "/quality"),
    ("Alerts", "/alerts"),
    ("Models", "/models"),
    ("Retraining", "/retraining"),
    ("Erasure", "/erasure"),
)


@cache
def files() -> Assets:
    """Static files of the console and of all pages."""
    return Assets(HERE / "static")


@cache
def _templates() -> jinja2.Environment:
    return environment(HERE / "templates", assets=files(), static_base=f"{BASE}/static")


class Pages:
    """Draws pages that say whether the platform holds synthetic tweets."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def draw(self, template: str, here: str, **values: Any) -> str:
        """As the function `draw`."""
        with self._store.begin() as connection:
            synthetic = synthetic_tweets.any_stored(connection)
        return draw(template, here, synthetic_data=synthetic, **values)


def draw(template: str, here: str, **values: Any) -> str:
    """Render a template to HTML; `here` is the page's address below BASE."""
    nav = tuple(
        (words, f"{BASE}{address}", here == address or (address != "/" and here.startswith(address + "/")))
        for words, address in MENU
    )
    return _templates().get_template(template).render(nav=nav, base=BASE, **values)
