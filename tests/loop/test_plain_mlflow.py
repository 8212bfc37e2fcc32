"""A version as someone has it who knows MLflow and its address: it loads, answers, and refuses what is no text."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sentiment_lib.errors import BadInput
from sentiment_lib.families import catalog
from sentiment_lib.registry import mlflow_runs, model_package
from sentiment_lib.registry.mlflow_registry import Registry
from tests.unit.families.made_up import made_up
from tests.unit.families.small_checkpoints import bert, roberta

TEXTS = ["@united lost my bag again", "thank you @delta", "", "✈️"]


@pytest.fixture
def registered(settings, tmp_path):
    """Register a model as a training does; gives MLflow's name of the version."""

    def register(model):
        registry, folder = Registry(settings), tmp_path / model.family
        digest = model_package.write(model, folder)
        with mlflow_runs.training_run(registry, training_key=model.family, name=model.family, parameters={}) as run_id:
            found = registry.register(
                folder, digest=digest, model=model, run_id=run_id, training_key=model.family, card="# a card"
            )
        return f"models:/{registry.name}/{found.version}"

    return register


def test_a_row_without_a_text_is_refused_by_its_number(registered):
    import mlflow

    served = mlflow.pyfunc.load_model(registered(catalog.train("vader", [], [], seed=0)))
    for wrong, named in (
        ([None], "row 0: None"),
        ([None, "a"], "row 0: None"),
        (["a", float("nan"), "b", None], "row 1: nan, row 3: None"),
        ([None] * 7, "row 4: None and 2 more"),
    ):
        with pytest.raises(BadInput, match=named):
            served.predict(pd.DataFrame({"text": wrong}))
    with pytest.raises(BadInput, match="row 1: <NA>"):
        served.predict(pd.DataFrame({"text": pd.array(["a", pd.NA], dtype="string")}))
    with pytest.raises(BadInput, match="row 1: 7"):
        served.predict(pd.DataFrame({"text": pd.Series(["a", 7], dtype=object)}))
    assert np.allclose(served.predict(pd.DataFrame({"text": ["a", ""]})).sum(axis=1), 1)


@pytest.mark.parametrize("family", ["fasttext", "sentence_encoder_logreg", "tweet_roberta"])
def test_a_version_answers_with_what_it_requires_and_the_code_that_is_stored_with_it(
    registered, settings, tmp_path, family
):
    texts, labels = made_up(90)
    small = {"tweet_roberta": roberta, "sentence_encoder_logreg": bert}
    options = {"checkpoint": str(small[family](tmp_path))} if family in small else {}
    model = catalog.train(family, texts, labels, seed=0, **options)
    script = Path(__file__).with_name("only_required.py")
    # -P: no folder of the project comes onto sys.path by the script's own place
    command = [sys.executable, "-P", str(script), settings.mlflow_uri, registered(model), json.dumps(TEXTS)]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.strip().splitlines()[-1])
    assert found["elsewhere"] == []
    assert found["modules"] > 10
    assert found["probabilities"] == pytest.approx(model.predict_proba(TEXTS), abs=1e-12)
