"""Untrusted text, displayed safely: invisible and bidirectional control characters are shown as their code points.

This covers the characters of Trojan Source (Boucher and Anderson 2023). Emoji keep their zero-width joiners.
"""

from __future__ import annotations

import unicodedata

from markupsafe import Markup, escape

#: Zero-width joiner: without it a family emoji falls into its members.
JOINER = "\u200d"
#: Combining marks kept per letter; a longer stack ("Zalgo text") would cover the lines above.
MAX_MARKS = 4
_BOX = Markup('<span class="unseen" title="{}">{}</span>')


def is_invisible(character: str) -> bool:
    """True for control, format, surrogate, private-use and unassigned characters: they have no glyph of their own."""
    if character in "\n\t" or character == JOINER:
        return False
    category = unicodedata.category(character)
    return category in ("Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp")


def character_name(character: str) -> str:
    """Code point and name, such as 'U+202E RIGHT-TO-LEFT OVERRIDE'."""
    return f"U+{ord(character):04X} {unicodedata.name(character, '')}".rstrip()


def printable(text: str) -> str:
    """Plain text for titles, attributes and files: each invisible character as its code point in brackets."""
    return "".join(f"[U+{ord(letter):04X}]" if is_invisible(letter) else letter for letter in text)


def visible(text: str) -> Markup:
    """Escaped HTML in which each invisible character is a small box with its code point."""
    if text.isascii() and text.replace("\n", "").replace("\t", "").isprintable():
        return escape(text)  # most texts, at a hundredth of the cost
    parts: list[Markup] = []
    marks = 0
    for letter in text:
        marks = marks + 1 if unicodedata.combining(letter) else 0
        if marks > MAX_MARKS:
            continue
        if is_invisible(letter):
            parts.append(_BOX.format(character_name(letter), f"{ord(letter):04X}"))
        else:
            parts.append(escape(letter))
    return Markup("").join(parts)
