"""MLflow pyfunc model (models from code, without pickle), used when a version is loaded through MLflow itself.

The platform's own steps verify the digest and read the package directly (`Registry.load`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow
import pandas as pd

from sentiment_lib.errors import BadInput
from sentiment_lib.records import LABELS

#: Maximum number of rows listed in an error.
NAMED = 5


class PackagedModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc, name-defined]
    """Column `text` in, one probability column per label out."""

    def load_context(self, context: Any) -> None:
        """Verify the package against the digest of its version, then load it."""
        from sentiment_lib.registry import model_package

        self.model = model_package.read(Path(context.artifacts["package"]), context.model_config["digest"])

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:  # noqa: ARG002
        """Probabilities (n, 3), columns p_negative, p_neutral, p_positive. Raises BadInput for rows without a text."""
        proba = self.model.predict_proba(texts_of(model_input["text"]))
        return pd.DataFrame(proba, columns=[f"p_{label}" for label in LABELS])


def texts_of(column: pd.Series[Any]) -> list[str]:
    """The texts; an empty string is a valid text.

    Raises BadInput for missing values and values that are not strings, which MLflow's signature check accepts.
    """
    texts = column.tolist()
    wrong = [(row, text) for row, text in enumerate(texts) if not isinstance(text, str)]
    if wrong:
        named = ", ".join(f"row {row}: {text!r}" for row, text in wrong[:NAMED])
        more = f" and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
        raise BadInput(what="column text", problem=f"every row must be a string, but of {len(texts)} {named}{more}")
    return texts


mlflow.models.set_model(PackagedModel())
