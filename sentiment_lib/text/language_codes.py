"""Language codes of tweets: whatever a source writes becomes an ISO 639-1 code, or is unknown."""

from __future__ import annotations

from functools import lru_cache

#: ISO 639-1
_ALL = (
    "aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en "
    "eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja "
    "jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb "
    "nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq "
    "sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu"
)
CODES = frozenset(_ALL.split(" "))
#: Codes that X and others still use.
_OLD = {"in": "id", "iw": "he", "ji": "yi", "mo": "ro", "sh": "sr", "jw": "jv", "msa": "ms", "fil": "tl"}
#: ISO 639-2 and 639-3, English and own names.
_NAMES = {
    "ar": "ara arabic العربية",
    "bn": "ben bengali bangla",
    "ca": "cat catalan català",
    "cs": "ces cze czech čeština",
    "da": "dan danish dansk",
    "de": "deu ger german deutsch",
    "el": "ell gre greek ελληνικά",
    "en": "eng english",
    "es": "spa spanish español castellano castilian",
    "et": "est estonian",
    "fa": "fas per persian farsi",
    "fi": "fin finnish suomi",
    "fr": "fra fre french français francais",
    "he": "heb hebrew",
    "hi": "hin hindi",
    "hu": "hun hungarian magyar",
    "id": "ind indonesian",
    "it": "ita italian italiano",
    "ja": "jpn japanese 日本語",
    "ko": "kor korean 한국어",
    "nl": "nld dut dutch nederlands",
    "no": "nor norwegian norsk",
    "pl": "pol polish polski",
    "pt": "por portuguese português portugues",
    "ro": "ron rum romanian",
    "ru": "rus russian русский",
    "sv": "swe swedish svenska",
    "ta": "tam tamil",
    "th": "tha thai",
    "tl": "tgl tagalog filipino",
    "tr": "tur turkish türkçe",
    "uk": "ukr ukrainian",
    "ur": "urd urdu",
    "vi": "vie vietnamese",
    "zh": "zho chi chinese mandarin 中文",
}
_BY_NAME = {name: code for code, names in _NAMES.items() for name in names.split()}


@lru_cache(maxsize=4096)
def language_code(written: str) -> str | None:
    """The code for en, EN, en-US, eng or English; None for und, zxx, qme and whatever else is no language."""
    name = written.strip().casefold()
    primary = name.replace("_", "-").partition("-")[0].partition(" ")[0].partition("(")[0]
    for spelling in (name, primary):
        if spelling in _OLD:
            return _OLD[spelling]
        if spelling in CODES:
            return spelling
        if spelling in _BY_NAME:
            return _BY_NAME[spelling]
    return None
