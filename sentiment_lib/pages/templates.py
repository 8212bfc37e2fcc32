"""Jinja environments of the pages: always escaped, strict about names, with the shared filters."""

from __future__ import annotations

from pathlib import Path

import jinja2

from sentiment_lib.pages import formatting
from sentiment_lib.pages.assets import Assets
from sentiment_lib.pages.markdown import html
from sentiment_lib.pages.safe_text import plain, visible

FOLDER = Path(__file__).with_name("templates")


def content_security_policy(framed_by: str) -> str:
    """For every page; `framed_by`: 'self' or 'none', as the policy writes it.

    Plotly writes style elements; nothing else may be inline, and nothing comes from elsewhere.
    """
    return (
        "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        f"object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors '{framed_by}'"
    )


def environment(*folders: Path, assets: Assets | None = None, static_base: str = "static") -> jinja2.Environment:
    """Templates of these folders before the shared ones. `static_base`: address under which `assets` are served."""
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader([*folders, FOLDER]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(
        utc=formatting.utc,
        ago=formatting.ago,
        number=formatting.number,
        figure=formatting.figure,
        signed=formatting.signed,
        percent=formatting.percent,
        interval=formatting.interval,
        size=formatting.size,
        measured=formatting.measured,
        chance=formatting.chance,
        markdown=html,
        visible=visible,
        plain=plain,
    )
    files = assets or Assets()
    found.globals["static"] = lambda name: f"{static_base}/{files.versioned(name)}"
    # nav: (words, address, is this page); theme: "light" or "dark" where the surroundings decide, else ""
    found.globals.update(nav=(), theme="", product="Airline sentiment")
    return found
