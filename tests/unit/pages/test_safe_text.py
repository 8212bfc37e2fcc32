"""What cannot be seen is named, and what can be read stays readable."""

from __future__ import annotations

import pytest

from sentiment_lib.pages.safe_text import visible


@pytest.mark.parametrize("letter", ["\u202e", "\u2066", "\x07", "\u200b", "\ufeff", "\U000e0041", "\ud800"])
def test_what_cannot_be_seen_is_named(letter):
    shown = visible(f"a{letter}b")
    assert letter not in shown
    assert f"U+{ord(letter):04X}" in shown


def test_words_of_other_scripts_emoji_and_markup_stay_readable():
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    assert visible(f"مرحبا {family} café") == f"مرحبا {family} café"
    assert visible("<b>&") == "&lt;b&gt;&amp;"
    assert len(visible("z" + "\u0301" * 500)) < 10, "a tower of marks is cut"
