"""Text of strangers, shown safely: what cannot be seen, or turns its surroundings around, is named instead.

The characters that Trojan Source (Boucher and Anderson 2023) names are among them. Emoji keep their joiners.
"""

from __future__ import annotations

import unicodedata

from markupsafe import Markup, escape

#: Joins emoji into one; without it a family falls into its members.
JOINER = "\u200d"
#: Marks on one letter that are still a word; more of them are a tower that covers the lines above.
MOST_MARKS = 4
BOX = Markup('<span class="unseen" title="{}">{}</span>')


def unseen(character: str) -> bool:
    """Whether a character is a control, a format character, a surrogate or unassigned: no glyph of its own."""
    if character in "\n\t" or character == JOINER:
        return False
    category = unicodedata.category(character)
    return category in ("Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp")


def name_of(character: str) -> str:
    """Code point and name, such as 'U+202E RIGHT-TO-LEFT OVERRIDE'."""
    return f"U+{ord(character):04X} {unicodedata.name(character, '')}".rstrip()


def plain(text: str) -> str:
    """For titles, attributes and files: each unseen character as its code point in brackets."""
    return "".join(f"[U+{ord(letter):04X}]" if unseen(letter) else letter for letter in text)


def visible(text: str) -> Markup:
    """Escaped text in which each unseen character is a small box that names it."""
    parts: list[Markup] = []
    marks = 0
    for letter in text:
        marks = marks + 1 if unicodedata.combining(letter) else 0
        if marks > MOST_MARKS:
            continue
        if unseen(letter):
            parts.append(BOX.format(name_of(letter), f"{ord(letter):04X}"))
        else:
            parts.append(escape(letter))
    return Markup("").join(parts)
