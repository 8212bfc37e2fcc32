"""The steps of text normalisation, each removable, and candidate steps that are not in use."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib import import_module
from unittest.mock import patch

from sentiment_lib.text import normalise as normaliser
from sentiment_lib.text.entities import decode
from sentiment_lib.text.privacy import mask_decoded

Step = Callable[[str], str]
_HASHTAG = re.compile(r"#(\w+)")
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_CAPITALS = re.compile(r"\b[A-Z]{3,}\b")
_NEGATED = re.compile(r"(?i)\b(?:not|no|never|cannot|\w+n't)\b[^.,;:!?]*")
#: In the order in which `normalise` takes them; every one of them is in.
STEPS: dict[str, Step] = {
    "HTML entities": decode,
    "Unicode NFC": lambda text: unicodedata.normalize("NFC", text),
    "invisible characters": normaliser.remove_invisible,
    "apostrophes": normaliser.straighten_apostrophes,
    "control characters": lambda text: normaliser.CONTROL.sub(" ", text),
    "elongation": lambda text: normaliser.ELONGATED.sub(r"\1\1\1", text),
    "masks": mask_decoded,
}


def _parted(tag: re.Match[str]) -> str:
    parts = _PARTS.findall(tag.group(1))
    return f"{tag.group()} {' '.join(parts)}" if len(parts) > 1 else tag.group()


def _named(text: str) -> str:
    """Each symbol beyond ASCII with its Unicode name beside it."""
    return "".join(
        f" {one} {unicodedata.name(one, '').lower()} " if unicodedata.category(one) == "So" else one for one in text
    )


def _negated(text: str) -> str:
    """Up to three words after a negation with a mark."""

    def marked(found: re.Match[str]) -> str:
        first, *words = found.group().split(" ")
        return " ".join([first, *(f"not_{word}" if word and place < 3 else word for place, word in enumerate(words))])

    return _NEGATED.sub(marked, text)


#: Steps that are not in, after all others.
CANDIDATES: dict[str, Step] = {
    "hashtags split": lambda text: _HASHTAG.sub(_parted, text),
    "emoji as words": _named,
    "capitals marked": lambda text: _CAPITALS.sub(lambda found: f"{found.group()} allcaps", text),
    "negation marked": _negated,
}


def variant(without: str = "", more: str = "") -> Step:
    """`normalise` without one of STEPS, or with one of CANDIDATES."""
    chosen = [step for name, step in STEPS.items() if name != without]
    if more:
        chosen.append(CANDIDATES[more])

    def changed(text: str) -> str:
        text = text[: normaliser.MAXIMUM_CHARACTERS]
        for step in chosen:
            text = step(text)
        return " ".join(text.split())

    return changed


@contextmanager
def in_use(step: Step) -> Iterator[None]:
    """Families normalise by `step` inside the block."""

    def all_of(texts: Sequence[str]) -> list[str]:
        return [step(text) for text in texts]

    with ExitStack() as stack:
        for name in (
            "bag_of_words.family",
            "bag_of_words.model",
            "embeddings.family",
            "fasttext",
            "text_preparation",
            "lexicon",
        ):
            module = import_module(f"sentiment_lib.families.{name}")
            for function, other in (("normalise", step), ("normalise_all", all_of)):
                if hasattr(module, function):
                    stack.enter_context(patch.object(module, function, other))
        yield
