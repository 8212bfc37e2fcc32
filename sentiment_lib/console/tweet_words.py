"""The words behind the champion's prediction of a tweet, where its model is small enough to be asked here."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from sentiment_lib.errors import SentimentError
from sentiment_lib.families.attribution import attribute
from sentiment_lib.families.base import Model, check_probabilities
from sentiment_lib.families.highlighting import Span, highlight_spans
from sentiment_lib.records import LABELS
from sentiment_lib.registry.mlflow_registry import Registry
from sentiment_lib.settings import Settings
from sentiment_lib.storage import model_versions

#: Larger packages are not loaded by the web server; the API's page Try highlights their words.
LARGEST_MB = 60.0


@dataclass(frozen=True, kw_only=True)
class TweetWords:
    """The text in spans by their influence on `label`; without spans, why there are none."""

    version: int | None
    label: str = ""
    spans: tuple[Span, ...] = ()
    problem: str = ""


class WordReader:
    """Highlights texts with the champion; keeps its model until another one serves."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._loaded: tuple[str, Model] | None = None

    def view(self, connection: Connection, text: str) -> TweetWords:
        """Highlights of a text."""
        champion = model_versions.champion(connection)
        if champion is None:
            return TweetWords(version=None, problem="There is no champion yet.")
        version = champion.version
        _, cost = model_versions.training_of(connection, version)
        if (cost.artefact_mb or 0.0) > LARGEST_MB:
            problem = f"Version {version} is too large to be asked here; the page Try of the API highlights words."
            return TweetWords(version=version, problem=problem)
        try:
            model = self._load(version, champion.digest)
        except SentimentError as error:
            return TweetWords(version=version, problem=f"Version {version} cannot be loaded: {error}")
        (proba,) = check_probabilities(model, [text])
        spans = tuple(highlight_spans(text, attribute(model, text, proba)))
        return TweetWords(version=version, label=str(LABELS[int(proba.argmax())]), spans=spans)

    def _load(self, version: int, digest: str) -> Model:
        if self._loaded is None or self._loaded[0] != digest:
            self._loaded = digest, Registry(self._settings).load(version, digest)
        return self._loaded[1]
