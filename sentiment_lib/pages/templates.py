"""The Jinja environment of the pages: autoescaped, strict about undefined names, with the shared filters."""

from __future__ import annotations

from pathlib import Path

import jinja2

from sentiment_lib.pages import formatting
from sentiment_lib.pages.assets import Assets
from sentiment_lib.pages.markdown import html
from sentiment_lib.pages.safe_text import printable, visible
from sentiment_lib.pages.titled_cells import titled

FOLDER = Path(__file__).with_name("templates")


def content_security_policy(framed_by: str) -> str:
    """The Content-Security-Policy of every page. `framed_by`: value of frame-ancestors, 'self' or 'none'.

    Inline styles are allowed because Plotly writes style elements; everything else comes from our own origin.
    """
    return (
        "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        f"object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors '{framed_by}'"
    )


def environment(*folders: Path, assets: Assets | None = None, static_base: str = "static") -> jinja2.Environment:
    """Templates of these folders take precedence over the shared ones. `static_base`: URL prefix of `assets`."""
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader([*folders, FOLDER]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters.update(
        utc=formatting.utc,
        ago=formatting.ago,
        number=formatting.number,
        decimal=formatting.decimal,
        signed=formatting.signed,
        points=formatting.points,
        points_interval=formatting.points_interval,
        percent=formatting.percent,
        interval=formatting.interval,
        percent_interval=formatting.percent_interval,
        day=formatting.day,
        duration=formatting.duration,
        size=formatting.size,
        quantity=formatting.quantity,
        p_value=formatting.p_value,
        markdown=html,
        titled=titled,
        visible=visible,
        printable=printable,
    )
    files = assets or Assets()
    templates.globals["static"] = lambda name: f"{static_base}/{files.versioned(name)}"
    # nav: (title, address, is the current page); theme: "light" or "dark" where an outer page decides, else ""
    templates.globals.update(nav=(), theme="", product="Airline sentiment")
    return templates
