"""Every page of the console: pictures in both widths and both schemes, and what axe-core finds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

#: Kept by CI.
PICTURES = Path(__file__).parents[2] / "build" / "pictures"
WIDTHS, SCHEMES = (1400, 390), ("light", "dark")
#: Labels of tables that must be scrolled sideways; a model card's have none, and may be as wide as their text.
CUT = """[...document.querySelectorAll('.scroll[aria-label]')]
    .filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.getAttribute('aria-label'))"""
#: Impacts of axe-core that fail a test.
GRAVE = {"serious", "critical"}


def photograph(page: Any, name: str) -> list[str]:
    """Pictures of the page as it is; returns where it, or one of its tables, is wider than the window."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    wide = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            page.wait_for_timeout(150)  # Plotly draws again
            page.screenshot(path=PICTURES / f"{name}-{width}-{scheme}.png", full_page=True)
        if page.evaluate("document.documentElement.scrollWidth") > width:
            wide.append(f"{name} at {width}")
        wide += [f"{name} at {width}: table {label}" for label in page.evaluate(CUT)]
    page.set_viewport_size({"width": WIDTHS[0], "height": 900})
    return wide


def audit(page: Any, name: str) -> list[str]:
    """Serious issues of the page in both schemes."""
    from axe_playwright_python.sync_playwright import Axe

    found = []
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        for issue in Axe().run(page).response["violations"]:
            if issue["impact"] in GRAVE:
                found.append(f"{name} ({scheme}): {issue['id']}: {issue['nodes'][0]['html'][:200]}")
    return found
