"""A card says what is known, and says so when something is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sentiment_lib.evaluation.cost import Cost
from sentiment_lib.families import catalog
from sentiment_lib.registry.model_card import HIDDEN_QUALITY, Facts, HoldoutQuality, card, publish_quality
from sentiment_lib.training_record import TrainingInputs, TrainingRecord, VersionReference

SHARES = {"negative": 0.6, "neutral": 0.25, "positive": 0.15}
KNOWN = Facts(
    family="bert",
    digest="d" * 64,
    training=TrainingRecord(
        family="bert",
        seed=3,
        options={"epochs": 2},
        snapshot_hash="f" * 64,
        revision="abc+",
        inputs=TrainingInputs(start=VersionReference(version=7, digest="e")),
    ),
    normaliser="1",
    parts={"train": (1234, "2015-02-17 07:36", "2015-02-22 23:59", SHARES)},
    sources={"dataset": 1200, "audit": 34},
    notes={"ece_before": 0.061, "ece_after": 0.018, "calibration_rows": 99},
    cost=Cost(train_seconds=412.5, p99_ms=4.9),
)


def untrained(family, **options):
    return TrainingRecord(family=family, seed=0, options=options, snapshot_hash=None, revision="r")


def test_a_card_names_data_quality_calibration_cost_licence_and_how_to_load():
    text = card(KNOWN, model="airline-sentiment")
    assert "| train | 1,234 | 2015-02-17 07:36 to 2015-02-22 23:59 | 60.0 % | 25.0 % | 15.0 % |" in text
    assert "dataset (1,200), audit (34)" in text
    assert "99 later training rows: 6.1 % before, 1.8 % after" in text
    assert "| training, wall | 412.5 s |" in text
    assert "version 7" in text
    assert catalog.family("bert").licence in text
    assert 'load(version, "' in text
    assert "models:/airline-sentiment/{version}" in text


def test_metrics_on_the_holdout_replace_the_note_that_they_are_hidden():
    facts = replace(KNOWN, parts={**KNOWN.parts, "holdout": (300, "2015-02-23 00:00", "2015-02-24 00:00", SHARES)})
    hidden = card(facts, model="m")
    assert HIDDEN_QUALITY in hidden
    quality = HoldoutQuality(
        metrics={"macro_f1": (0.79, 0.77, 0.81), "calibration_error": (0.02, 0.01, 0.03)},
        slices={"negation": (321, {"macro_f1": (0.7, 0.65, 0.75)})},
    )
    text = publish_quality(hidden, quality)
    assert HIDDEN_QUALITY not in text
    assert "| macro F1 | 79.0 % | 77.0 to 81.0 % |" in text
    assert "| calibration error | 2.0 % | 1.0 to 3.0 % |" in text
    assert "| negation | 321 | 70.0 % (65.0 to 75.0 %) |" in text


def test_what_was_not_measured_is_said_and_not_made_up():
    text = card(
        Facts(family="vader", digest="d", training=untrained("vader"), normaliser="1"),
        model="m",
    )
    assert "Nothing was learned" in text
    assert "Not measured: there was no holdout" in text
    assert "not calibrated" in text


def test_the_licence_of_a_checkpoint_that_was_given_is_left_to_its_reader():
    text = card(
        Facts(
            family="bert",
            digest="d",
            training=untrained("bert", checkpoint="someone/their-bert"),
            normaliser="1",
        ),
        model="m",
    )
    assert "someone/their-bert has its own licence" in text


@pytest.mark.parametrize("name", sorted(catalog.CATALOG))
def test_every_family_has_a_licence_on_its_card(name):
    facts = replace(KNOWN, family=name, training=untrained(name), notes={})
    assert f"- `{name}`: {catalog.family(name).licence}\n" in card(facts, model="m")
