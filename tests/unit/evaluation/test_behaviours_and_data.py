import numpy as np
import pytest

from sentiment_lib.errors import BadInput
from sentiment_lib.evaluation import checklist, data_checks
from sentiment_lib.evaluation.checklist_cases import BAD, COMPLAINTS, GOOD, PRAISE, cases, mistyped
from sentiment_lib.evaluation.slices import slices, word_counts

GLAD = {*GOOD, "thank", "thanks", "love", "best", "awesome", "happy", "smooth"}
CROSS = {*BAD, "lost", "worst", "delayed", "hold", "dirty", "broken", "refund", "never"}


def reader(texts, blind_to_not=False, hates=None):
    """A small honest lexicon model, or one with a known fault."""
    rows = []
    for text in texts:
        words = text.lower().replace(".", " ").replace("!", " ").replace(",", " ").split()
        glad, cross = sum(word in GLAD for word in words), 2 * sum(word in CROSS for word in words)
        if "not" in words and not blind_to_not:
            glad, cross = 0, cross + glad
        if hates and hates.lower() in words:
            cross += 5
        rows.append(np.exp([cross, 0.5, glad]))
    return np.array(rows) / np.sum(rows, axis=1, keepdims=True)


def test_several_hundred_cases_are_the_same_every_time():
    assert len(cases()) > 500
    assert cases() == cases()
    assert len(set(cases())) == len(cases())


def test_an_honest_reader_passes_nearly_everything():
    found = checklist.run(reader)
    for kind in ("minimum functionality", "invariance", "direction"):
        assert found.share(kind) > 0.9, found.as_dict()


def test_a_reader_that_is_blind_to_not_fails_the_negations_and_says_which():
    found = checklist.run(lambda texts: reader(texts, blind_to_not=True))
    assert found.counts["direction"]["negation"][0] == 0
    assert " not " in found.failures["negation"][0]


def test_a_reader_that_hates_one_airline_fails_the_change_of_airlines():
    honest, partial = checklist.run(reader), checklist.run(lambda texts: reader(texts, hates="@united"))
    assert partial.counts["invariance"]["airline"][0] < honest.counts["invariance"]["airline"][0]


def test_a_model_that_always_says_negative_is_found_out():
    found = checklist.run(lambda texts: [[1.0, 0.0, 0.0]] * len(texts))
    assert found.share("minimum functionality") < 0.4
    assert found.share("invariance") == 1


def test_a_model_that_answers_with_too_few_rows_is_refused():
    with pytest.raises(BadInput):
        checklist.run(lambda texts: [[1.0, 0.0, 0.0]])


def test_a_typo_changes_a_text_by_two_letters_only():
    for text in (*PRAISE, *COMPLAINTS):
        changed = mistyped(text)
        assert changed != text
        assert sorted(changed) == sorted(text)


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


def test_slices_find_negation_emoji_short_and_rare_words():
    texts = ["the flight wasn't good at all, sadly for us", "great \U0001f600", "the flight was good and on time"]
    found = slices(
        texts,
        airlines=["United", None, "Delta"],
        languages=["en", "en", None],
        train_counts=word_counts(["the flight was good and on time"] * 3),
    )
    assert {name: mask.tolist() for name, mask in found.items()} == {
        "negation": [True, False, False],
        "emoji": [False, True, False],
        "short": [False, True, False],
        "rare words": [True, True, False],
        "airline United": [True, False, False],
        "airline Delta": [False, False, True],
        "language en": [True, True, False],
    }


def test_a_url_is_no_emoji_and_a_slice_that_nobody_is_in_is_left_out():
    assert "emoji" not in slices(["see http://t.co/abc and call us at 10:30 please, friends"])
