"""Tf-idf without scikit-learn's input checks equals scikit-learn's, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import hstack

from sentiment_lib.families import catalog
from sentiment_lib.families.bag_of_words.features import tfidf_matrix
from tests.unit.families.made_up import made_up

WORDS = ["late", "Flight", "thanks", "@united", "never", "zzz", "\U0001f621", "日本", "!!"]


@pytest.fixture(scope="module")
def vectorisers():
    texts, labels = made_up(300)
    return catalog.train("tfidf_logreg", texts, labels, seed=0)._vectorisers


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join), st.text(max_size=30))))
def test_the_same_bits_as_scikit_learns_transform(vectorisers, texts):
    if not texts:
        return
    theirs = hstack([vectoriser.transform(texts) for vectoriser in vectorisers], format="csr")
    ours = tfidf_matrix(vectorisers, texts)
    for matrix in (ours, theirs):
        matrix.sort_indices()
    assert np.array_equal(ours.indptr, theirs.indptr)
    assert np.array_equal(ours.indices, theirs.indices)
    assert ours.data.tobytes() == theirs.data.tobytes()
