"""Airlines: a closed list of names, and the handles that are not masked in stored text."""

from __future__ import annotations

import re
from functools import lru_cache

#: handle (lower case, without @) → name of the airline. The normaliser depends on it: a change needs a new version.
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
#: name → IATA and ICAO codes and other spellings, besides the name and the handles
_SPELLINGS = {
    "United": "UA UAL",
    "US Airways": "US|USA|AWE|usair",
    "American": "AA AAL",
    "Southwest": "WN SWA",
    "Delta": "DL DAL",
    "Virgin America": "VX VRD",
    "JetBlue": "B6 JBU",
    "Alaska": "AS ASA",
    "Spirit": "NK NKS",
    "British Airways": "BA BAW",
    "Lufthansa": "LH DLH",
    "Ryanair": "FR RYR",
    "easyJet": "U2 EZY",
    "KLM": "KL|KLM Royal Dutch",
    "Air France": "AF AFR",
    "Emirates": "EK UAE",
    "Qantas": "QF QFA",
    "Air Canada": "AC ACA",
    "Frontier": "F9 FFT flyfrontier",
    "Hawaiian": "HA HAL hawaiianair",
    "Allegiant": "G4 AAY",
    "Sun Country": "SY SCX",
    "WestJet": "WS WJA",
    "Virgin Atlantic": "VS VIR",
    "Aer Lingus": "EI EIN",
    "Iberia": "IB IBE",
    "Vueling": "VY VLG",
    "TAP": "TP|TAP|TAP Air Portugal|tapairportugal",
    "SAS": "SK|SAS|Scandinavian",
    "Norwegian": "DY|NAX|fly_norwegian|Norwegian Air Shuttle",
    "Finnair": "AY FIN",
    "Swiss": "LX SWR flyswiss",
    "Austrian": "OS AUA",
    "Eurowings": "EW EWG",
    "Wizz Air": "W6|WZZ|wizzair|Wizz",
    "Turkish": "TK THY turkishairlines",
    "Qatar": "QR QTR qatarairways",
    "Etihad": "EY ETD etihadairways",
    "Singapore": "SQ SIA singaporeair",
    "Cathay Pacific": "CX CPA cathaypacific",
    "ANA": "NH|ANA|All Nippon",
    "JAL": "JL|JAL|Japan",
    "Korean Air": "KE|KAL|koreanair|Korean",
    "Air India": "AI AIC airindia",
    "IndiGo": "6E IGO indigo6e",
    "LATAM": "LA LAN",
    "Avianca": "AV AVA",
    "Aeromexico": "AM AMX",
    "Volaris": "Y4 VOI",
    "Air New Zealand": "NZ ANZ flyairnz",
    "Virgin Australia": "VA VOZ",
    "Jetstar": "JQ JST",
    "AirAsia": "AK AXM",
}
_SEPARATORS = re.compile(r"[\W_]+")
#: Optional last words of a name.
_SUFFIX = re.compile(r"(?<=.)(?:airlines?|airways|airline|air lines?|air)$")
_HANDLE = re.compile(r"[@\uff20\ufe6b](\w{1,20})", re.ASCII)
_CODE_LENGTH = 3


def airline_of(text: str) -> str | None:
    """The first airline that the text mentions by its handle."""
    if "@" not in text and (text.isascii() or not ("\uff20" in text or "\ufe6b" in text)):
        return None
    for handle in _HANDLE.findall(text):
        if name := HANDLES.get(handle.lower()):
            return name
    return None


@lru_cache(maxsize=4096)
def airline_name(written: str) -> str | None:
    """The airline's name for Delta, DELTA, Delta Air Lines, @delta, DL or DAL; None for what is not on the list."""
    spelling = _SEPARATORS.sub("", written.casefold())
    return _BY_SPELLING.get(spelling) or _BY_SPELLING.get(_SUFFIX.sub("", spelling))


def _by_spelling() -> dict[str, str]:
    names: dict[str, str] = {}
    for name, spellings in _SPELLINGS.items():
        for written in (name, *spellings.split("|" if "|" in spellings else " ")):
            spelling = _SEPARATORS.sub("", written.casefold())
            names[spelling] = name
            if len(spelling) > _CODE_LENGTH:
                names.setdefault(_SUFFIX.sub("", spelling), name)
    return names | HANDLES


_BY_SPELLING = _by_spelling()
