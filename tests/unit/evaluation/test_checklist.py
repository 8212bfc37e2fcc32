import numpy as np
import pytest

from sentiment_lib.errors import BadInput
from sentiment_lib.evaluation import checklist
from sentiment_lib.evaluation.checklist_cases import BAD, COMPLAINTS, GOOD, PRAISE, cases, mistyped
from sentiment_lib.text.normalise import normalise

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


def test_a_model_that_reads_apostrophes_apart_fails_their_pairs_and_a_normalised_one_passes():
    def plain(texts):
        return [[0.9, 0.05, 0.05] if "n't" in text else [0.05, 0.9, 0.05] for text in texts]

    apart = checklist.run(plain)
    normalised = checklist.run(lambda texts: plain([normalise(text) for text in texts]))
    assert apart.counts["invariance"]["apostrophe"][0] < 6
    assert normalised.counts["invariance"]["apostrophe"] == (18, 18)
