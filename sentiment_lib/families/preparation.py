"""What a checkpoint wants done to a text after the one normaliser."""

from __future__ import annotations

from sentiment_lib.text.normalise import normalise


def prepared(text: str, way: str) -> str:
    """The normalised text; for way "user_http" with every mention as "@user" and every link as "http".

    The second is how the tweets were prepared that twitter-roberta-base was trained on (Barbieri et al., TweetEval,
    Findings of EMNLP 2020).
    """
    text = normalise(text)
    if way == "plain":
        return text
    return " ".join(_masked(word) for word in text.split(" "))


def _masked(word: str) -> str:
    if word.startswith("@") and len(word) > 1:
        return "@user"
    return "http" if word.startswith("http") else word
