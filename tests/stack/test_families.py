"""Every family goes the whole way: trained by the DAG, registered, found by its alias in a fresh process, served."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from urllib.request import Request, urlopen

import pytest

from sentiment_lib.families.catalog import CATALOG
from sentiment_lib.records import LABELS
from sentiment_lib.registry.mlflow_registry import Registry
from tests.unit.families.small_checkpoints import mpnet, roberta

pytestmark = [pytest.mark.stack, pytest.mark.timeout(2400)]

#: What a training of minutes is cut down to; the way is the same.
SHORT = {"bert": {"max_steps": 40}, "stack": {"members": ["tfidf_logreg", "fasttext"], "folds": 2}}
VERSIONS = "SELECT family, max(version) AS version FROM model_versions WHERE snapshot_id IS NOT NULL GROUP BY family"
DECIDED = "SELECT candidate_version FROM decisions JOIN evaluations USING (evaluation_id)"
TWEETS = ["@united lost my bag again, worst airline", "thank you @delta, lovely crew", "which gate is it"]
#: As someone would who has MLflow and the platform's address, and nothing else of it.
BY_ALIAS = """
import json, mlflow, pandas, sys
mlflow.set_tracking_uri(sys.argv[1]); mlflow.set_registry_uri(sys.argv[1])
model = mlflow.pyfunc.load_model(sys.argv[2])
print(model.predict(pandas.DataFrame({"text": json.loads(sys.argv[3])})).to_json(orient="records", double_precision=15))
"""


def test_every_family_is_trained_by_the_dag_registered_found_by_alias_and_served(stack_with, tmp_path):
    for name in ("mpnet", "roberta"):
        (tmp_path / name).mkdir()
    # they begin with random weights, and would not be taken if they never gave one of the answers
    learning = {"rate": 5e-4, "epochs": 4, "batch": 16, "balance": 1.0, "consistency": 0.0}
    options = SHORT | {
        "mpnet": {"checkpoint": str(mpnet(tmp_path / "mpnet")), **learning},
        "tweet_roberta": {"checkpoint": str(roberta(tmp_path / "roberta")), "fine_tune": True, **learning},
    }
    stack = stack_with(
        SENTIMENT_POLICY__RETRAIN__FAMILIES=json.dumps(sorted(CATALOG)),
        SENTIMENT_POLICY__RETRAIN__OPTIONS=json.dumps(options),
        SENTIMENT_POLICY__APPROVAL__OUT_OF_BAND="adopt",
    )
    stack.up(sample=True)
    person = stack.airflow("mlops")
    person.until(person.waiting, seconds=1500, what="a question in the UI", every=5)

    versions = {row["family"]: row["version"] for row in stack.rows(VERSIONS)}
    assert not set(CATALOG) - set(versions), "these were not registered"
    assert {row["candidate_version"] for row in stack.rows(DECIDED)} >= set(versions.values()), "each was judged"
    admin = stack.airflow("admin")
    for family, version in versions.items():
        _made_champion(stack, version)
        loaded = _by_alias(stack)
        served = admin.until(lambda v=version: _answers(stack, v), seconds=60, what=f"answers of {family}")
        for own, other in zip(loaded, served, strict=True):
            assert own == pytest.approx([other["probabilities"][label] for label in LABELS], abs=1e-6), family


def _made_champion(stack, version):
    """By hand, as an out-of-band move that the policy adopts: the gate need not like a family to show its way."""
    Registry(stack.settings).set_alias("champion", version)
    stack.sentiment("reconcile")


def _by_alias(stack):
    """Probabilities of each tweet, by MLflow in a process of its own."""
    settings = stack.settings
    command = [sys.executable, "-c", BY_ALIAS, settings.mlflow_uri, f"models:/{Registry(settings).name}@champion"]
    reader = dict(zip(("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"), stack.mlflow_reader(), strict=True))
    done = subprocess.run(
        [*command, json.dumps(TWEETS)],
        env={**os.environ, **reader},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return [[row[f"p_{label}"] for label in LABELS] for row in json.loads(done.stdout.strip().splitlines()[-1])]


def _answers(stack, version):
    """What the API answers, once it answers by this version."""
    key = (stack.home / "secrets" / "api-key").read_text().strip()
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
    body = json.dumps({"texts": TWEETS}).encode()
    request = Request(f"{stack.settings.api_url}/v1/predict", data=body, headers=headers, method="POST")
    with urlopen(request, timeout=60) as response:
        answer = json.loads(response.read())
    return answer["predictions"] if answer["model_version"] == version else None
