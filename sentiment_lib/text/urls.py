"""URLs in a text, parsed as X does: what follows one without a space (Japanese, a dash, a bracket) is not part of it.

After twitter-text, the parser that X publishes: t.co links end at the first character that is no letter or digit, and
paths hold Latin and Cyrillic letters, digits and some punctuation, but do not end in punctuation.
"""

from __future__ import annotations

import re

_LETTERS = r"A-Za-z0-9\u00c0-\u024f\u0400-\u04ff"
_PATH = rf"[{_LETTERS}!*';:=+,.$/%#\[\]_~@|&\-]"
_QUERY = rf"(?:[?#](?:{_PATH}|[?()])*(?<=[{_LETTERS}_&=#/\-?]))?"
_REST = rf"(?:/(?:{_PATH}|\({_PATH}*\))*(?<=[{_LETTERS}=_#/+\-)]))?{_QUERY}"
_HOST = rf"[{_LETTERS}._~%@:\-]*[{_LETTERS}]"
#: A host in letters of another script, such as Japanese.
_OTHER_HOST = r"[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,24}(?![A-Za-z0-9])"
_AFTER_SCHEME = rf"(?:t\.co/[A-Za-z0-9]+{_QUERY}|(?:{_HOST}|{_OTHER_HOST}){_REST})"

#: With its scheme in lower case: begins with a literal, which the engine finds fast.
USUAL_URL = re.compile(rf"https?://{_AFTER_SCHEME}")
URL = re.compile(rf"(?:https?://{_AFTER_SCHEME}|(?<![A-Za-z0-9@.])www\.{_HOST}{_REST})", re.IGNORECASE)
