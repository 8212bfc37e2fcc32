"""Our n-gram counts equal scikit-learn's."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer

from sentiment_lib.families.bag_of_words.ngram_counts import NgramCounts
from sentiment_lib.text.tokens import FEATURE_PATTERN

TEXTS = st.lists(
    st.lists(st.sampled_from(["a", "b", "it's", "@delta", "😀", "!", "Lost", "lost", "bag", "&amp;", "İ", "é"])).map(
        " ".join
    )
)


def vectoriser(**settings):
    return CountVectorizer(token_pattern=FEATURE_PATTERN, ngram_range=(1, 2), **settings)


@given(TEXTS.filter(any), TEXTS)
def test_as_scikit_learn(known, asked):
    theirs = vectoriser().fit(known)
    ours = NgramCounts(theirs.vocabulary_).matrix(asked)
    assert ours.shape == (len(asked), len(theirs.vocabulary_))
    assert (ours.toarray() == theirs.transform(asked).toarray()).all()


def test_a_pair_whose_words_are_not_known_by_themselves():
    theirs = vectoriser(vocabulary={"lost bag": 0, "bag": 1})
    assert (NgramCounts(theirs.vocabulary).matrix(["lost bag lost bag"]).toarray() == [[2, 2]]).all()
