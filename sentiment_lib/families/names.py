"""The names of the families in the catalogue, for forms that may not import the families themselves."""

from __future__ import annotations

NAMES = (
    "vader",
    "textblob",
    "count_logreg",
    "tfidf_logreg",
    "fasttext",
    "word2vec_logreg",
    "glove_logreg",
    "use_logreg",
    "sentence_encoder_logreg",
    "bert",
    "mpnet",
    "tweet_roberta",
    "stack",
)
