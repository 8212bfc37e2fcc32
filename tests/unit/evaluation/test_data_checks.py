import pytest

from sentiment_lib.evaluation import data_checks


def test_copies_and_near_copies_of_training_rows_are_counted():
    train = [f"flight number {n} to Boston was delayed by {n} hours and nobody told us a thing" for n in range(50)]
    held = [
        "@someone FLIGHT number 7 to Boston was delayed by 7 hours, and nobody told us a thing!",
        "flight number 7 to Boston was delayed by 7 hours and nobody told us a thing at all",
        "thank you for the upgrade on the way to Denver",
    ]
    found = data_checks.check(train, [0] * 50, held, [0, 0, 2])
    assert (found.duplicates, found.near_duplicates) == (1, 1)
    assert found.leaked_share == pytest.approx(2 / 3)
    assert found.label_shift == pytest.approx(1 / 3)


def test_texts_that_merely_share_words_are_no_near_copies():
    train = ["my bag was lost in Denver and I am still waiting for it"]
    held = ["I am still waiting for a call about the seat that I lost in Denver"]
    assert not data_checks.near_duplicates(train, held).any()


def test_empty_and_wordless_texts_do_not_match_each_other_by_accident():
    assert not data_checks.near_duplicates(["", "@a"], ["", "!!"]).any()
