"""Preparation of texts for a checkpoint's vocabulary."""

from __future__ import annotations

import pytest

from sentiment_lib.families.text_preparation import prepare


@pytest.mark.parametrize(
    ("tweet", "read"),
    [
        ("late again \U0001f621\U0001f621\U0001f621", "late again pouting face"),
        ("\U0001f44d\U0001f3fd thanks", "thumbs up sign thanks"),
        ("\u2764\ufe0f\u2764\ufe0f crew", "heavy black heart crew"),
        ("aa \u00e9\u00e9 \u65e5\u672c", "aa \u00e9\u00e9 \u65e5\u672c"),
        ("plain text, no symbols!!", "plain text, no symbols!!"),
        ("", ""),
    ],
)
def test_symbols_are_read_by_their_names_once_in_a_row(tweet, read):
    assert prepare(tweet, "named") == read


def test_plain_leaves_symbols_and_tweeteval_masks_people_and_links():
    assert prepare("@united \U0001f621", "plain") == "@united \U0001f621"
    assert prepare("@united see https://example.org", "user_http").startswith("@user see http")
