"""Airlines and their handles. A handle of an airline is no person's name: it stays readable in stored text."""

from __future__ import annotations

import re

#: handle (lower case, without @) → name of the airline
HANDLES = {
    "united": "United",
    "usairways": "US Airways",
    "americanair": "American",
    "southwestair": "Southwest",
    "delta": "Delta",
    "deltaassist": "Delta",
    "virginamerica": "Virgin America",
    "jetblue": "JetBlue",
    "alaskaair": "Alaska",
    "spiritairlines": "Spirit",
    "british_airways": "British Airways",
    "lufthansa": "Lufthansa",
    "ryanair": "Ryanair",
    "easyjet": "easyJet",
    "klm": "KLM",
    "airfrance": "Air France",
    "emirates": "Emirates",
    "qantas": "Qantas",
    "aircanada": "Air Canada",
}
_HANDLE = re.compile(r"@(\w{1,20})", re.ASCII)


def airline_of(text: str) -> str | None:
    """The first airline that the text mentions by its handle."""
    if "@" not in text:
        return None
    for handle in _HANDLE.findall(text):
        if name := HANDLES.get(handle.lower()):
            return name
    return None
