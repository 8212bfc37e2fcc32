"""Run models with the version of the normaliser that they were trained with."""

from __future__ import annotations

from functools import wraps
from typing import Any, cast

from sentiment_lib.families.base import Model
from sentiment_lib.text.normalise import NORMALISER_VERSION, normaliser


def with_normaliser(model: Model, version: str) -> Model:
    """Wrap the model so that its methods normalise texts with this version. Raises BadInput for an unknown version."""
    return model if version == NORMALISER_VERSION else cast("Model", _OlderModel(model, version))


class _OlderModel:
    """Delegates everything to the model; methods run inside `normaliser(version)`."""

    def __init__(self, model: Model, version: str) -> None:
        self._model = model
        self.normaliser = version

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._model, name)
        if not callable(attribute):
            return attribute

        @wraps(attribute)
        def call(*args: Any, **options: Any) -> Any:
            with normaliser(self.normaliser):
                return attribute(*args, **options)

        return call
