"""Cells: dates, ids, labels and confidences in the spellings that people have."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from sentiment_lib.sources.rounded_ids import find_rounded
from sentiment_lib.sources.values import parse_confidence, parse_label, parse_moment, parse_tweet_id, why_no_date

MOMENT = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    [
        "2026-02-03T04:05:06Z",
        "2026-02-03 04:05:06+00",
        " 2026-02-03 04:05:06 +0000 ",
        "2026-02-03 04:05:06 UTC",
        "2026-02-03 04:05:06 GMT",
        "2026-02-03T04:05:06.000000000+00:00",
        "20260203T040506Z",
        "2026/02/03 04:05:06+00:00",
        "2026-02-03T04:05:06 Z",
        "2026-W06-2T04:05:06Z",
        "Tue Feb 03 04:05:06 +0000 2026",
        "Tue Feb 03 04:05:06 UTC 2026",
        "Tue, 03 Feb 2026 04:05:06 GMT",
        "3 Feb 2026 04:05:06 +0000",
        "2026-02-02T20:05:06-08:00",
    ],
)
def test_dates_with_one_meaning_are_read(written):
    assert parse_moment(written) == MOMENT


def test_midnight_at_the_end_of_a_day_is_that_of_the_next():
    assert parse_moment("2026-02-28T24:00:00Z") == datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize("written", ["2026-02-03 04:05:06", "2026-02-03"])
def test_a_date_without_a_zone_stays_without_one(written):
    assert parse_moment(written).tzinfo is None


@pytest.mark.parametrize("written", ["2/3/2026 4:05", "1770091506", "2026-02-03 04:05:06 PST", "yesterday", "Tue"])
def test_dates_with_several_meanings_are_refused_with_the_option(written):
    with pytest.raises(ValueError):
        parse_moment(written)
    assert "--date-format" in why_no_date(written, "date")


@pytest.mark.parametrize("written", ["570306133677760513", "'570306133677760513", '="570306133677760513"'])
def test_guards_are_taken_off_ids(written):
    assert parse_tweet_id(written)[0] == parse_tweet_id(f"\u200b{written}.0"[: len(written) + 1])[0]
    assert parse_tweet_id(written)[0] == 570306133677760513


@pytest.mark.parametrize("written", ["5.7E+17", "5,7E17", "5.70306133677760500e+17"])
def test_ids_as_floats_are_refused_by_that_name(written):
    number, reason = parse_tweet_id(written)
    assert number is None
    assert "a spreadsheet or a float type has rounded it" in reason


@pytest.mark.parametrize("written", ["", "0", "-1", "1.5", "ID_5", "1" * 20, "٣", "5 6", None])
def test_what_is_no_id_is_refused(written):
    assert parse_tweet_id(written)[0] is None


def test_labels_and_confidences():
    assert [parse_label(one)[0] for one in ("NEGATIVE", " Neutral\u00a0", "neutral\u200b", "nan", None)] == [
        "negative",
        "neutral",
        "neutral",
        None,
        None,
    ]
    assert parse_label("neg")[1] == "the label 'neg' is none of negative, neutral, positive"
    assert [parse_confidence(one) for one in ("0.5", "", "NaN", "n/a")] == [(0.5, None), *[(None, None)] * 3]
    assert all(parse_confidence(one)[1] for one in ("0,87", "87%", "87", "1.0000001", "inf"))


RANDOM = np.random.default_rng(5).integers(1 << 60, 1 << 61, 400).tolist()
SNOWFLAKES = [(one >> 22 << 22) + one % 4 for one in RANDOM]


@pytest.mark.parametrize("ids", [RANDOM, SNOWFLAKES])
def test_ids_of_x_are_not_taken_for_rounded_ones(ids):
    assert not any(find_rounded(ids[at : at + 6]).any() for at in range(0, 400, 6))
    assert not find_rounded(ids).any()


@pytest.mark.parametrize("digits", [15, 16])
def test_ids_with_their_last_digits_lost_are_found(digits):
    cut = [int(str(one)[:digits].ljust(19, "0")) for one in RANDOM]
    assert find_rounded(cut[:4]).all()
    assert find_rounded(cut).all()


def test_ids_that_went_through_a_float_are_found():
    assert find_rounded([int(float(one)) for one in RANDOM[:5]]).all()
    shortest = [int(f"{float(one)!r}".replace(".", "").partition("e")[0].ljust(19, "0")) for one in RANDOM[:5]]
    assert find_rounded(shortest).all()


def test_one_or_two_ids_prove_nothing_unless_others_did():
    cut = [int(str(one)[:15].ljust(19, "0")) for one in RANDOM[:2]]
    assert not find_rounded(cut).any()
    assert find_rounded(cut, already=True).all()
    assert not find_rounded([]).any()
