"""A family as docs/adding-a-family.md has it: one file and one line, and the platform can do everything with it."""

from __future__ import annotations

import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest

from sentiment_lib.errors import BadInput
from sentiment_lib.families import catalog
from sentiment_lib.registry.mlflow_registry import Registry
from sentiment_lib.registry.requirements import COMMON, requirements
from sentiment_lib.steps.training import snapshot, snapshot_files, train
from sentiment_lib.storage import model_versions
from sentiment_lib.training_record import TrainingOrder
from tests.unit.families import test_conformance as conformance
from tests.unit.families.made_up import made_up

DOCUMENT = Path(__file__).parents[2] / "docs" / "adding-a-family.md"
NAME = "naive_bayes"


@pytest.fixture
def family(monkeypatch, tmp_path):
    """The document's family, from a file of its own, listed in the catalogue."""
    code = re.search(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    path = tmp_path / "naive_bayes.py"
    path.write_text(code.group(1), encoding="utf-8")
    spec = spec_from_file_location(NAME, path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setitem(catalog.CATALOG, NAME, module.NaiveBayesFamily())
    return catalog.family(NAME)


def no_options(_):
    return {}


def test_it_passes_the_conformance_suite(family, tmp_path):
    texts, labels = made_up(300)
    for index, odd in enumerate(conformance.ODD):
        texts.insert(20 * index, odd)
        labels.insert(20 * index, "neutral")
    model = catalog.train(NAME, texts, labels, seed=3)
    conformance.test_probabilities_sum_to_one_and_are_finite_for_any_text(model)
    conformance.test_no_texts_give_no_rows(model)
    conformance.test_order_and_batch_size_do_not_matter(model)
    conformance.test_a_text_that_comes_again_has_the_same_row(model)
    conformance.test_it_learned_what_the_words_say(model)
    conformance.test_two_threads_agree(model)
    conformance.test_saved_and_read_again_it_gives_the_same_probabilities(model, tmp_path / "saved")
    conformance.test_the_memory_it_keeps_is_stated(model, tmp_path / "memory")
    conformance.test_the_same_seed_gives_the_same_package(NAME, tmp_path / "seed", no_options)
    conformance.test_a_missing_label_is_refused_and_named(NAME, no_options)
    conformance.test_progress_is_reported_and_can_cancel_at_every_report(NAME, no_options)
    with pytest.raises(BadInput, match="option smoothnig of naive_bayes is not valid: known are smoothing"):
        catalog.train(NAME, texts, labels, seed=0, smoothnig=1)


def test_it_is_searched_trained_registered_and_has_a_card(family, store, changed, tweets):
    settings = changed(retrain={"search_trials": 4, "minimum_rows": 100})
    frozen = snapshot.run(store, settings)
    order = TrainingOrder(snapshot_id=frozen.snapshot_id, family=NAME, run_key="retrain/1", seed=0, options={})
    version = train.run(store, settings, order)
    assert version.family == NAME
    with store.begin() as connection:
        training = model_versions.training_of(connection, version.version)[0]
    assert training.search.configurations == 4, "the default and the three of its search space"
    registry = Registry(settings)
    card = registry.card(version.version)
    assert f"- `{NAME}`: {family.licence}" in card
    assert "4 configurations" in card
    model = registry.load(version.version, version.digest)
    rows = snapshot_files.read(store, settings, frozen)
    holdout = rows[rows["part"] == "holdout"]
    predicted = model.predict_proba(holdout["text"].tolist()).argmax(axis=1)
    truth = np.array([["negative", "neutral", "positive"].index(label) for label in holdout["label"]])
    assert (predicted == truth).mean() > 0.8
    assert {line.split("==")[0] for line in requirements(model)} == set(COMMON)
