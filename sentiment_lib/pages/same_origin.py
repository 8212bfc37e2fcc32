"""Whether a browser's request comes from our own pages: Fetch Metadata where there is some, else Origin."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit


def from_our_pages(headers: Mapping[str, str]) -> bool:
    """`headers`: names in lower case. A request that says neither is not believed."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc == headers.get("host")
