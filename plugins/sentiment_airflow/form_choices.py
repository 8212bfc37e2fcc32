"""What the trigger forms of the DAGs let people choose: families, and versions to roll back to."""

from __future__ import annotations

import json
from typing import Any

from airflow.sdk import Param

from sentiment_airflow import defaults
from sentiment_lib.families.names import NAMES
from sentiment_lib.settings import load_settings

#: Written by sentiment_lib/steps/deployment/rollback_choices.py.
ROLLBACK_CHOICES = "cache/rollback-choices.json"
EARLIER = "an earlier champion; the page Models of the console compares them"


def families() -> Param:
    """The families of one retrain, chosen from the catalogue; the policy's by default."""
    return Param(
        list(defaults.policy().retrain.families),
        type="array",
        items={"type": "string", "enum": list(NAMES)},
        examples=list(NAMES),
        minItems=1,
        uniqueItems=True,
        description="families to train; each is compared with the champion",
    )


def family() -> Param:
    """One family, by default the first of the policy."""
    return Param(
        defaults.policy().retrain.families[0],
        type="string",
        enum=list(NAMES),
        description="family that every training of the replay has",
    )


def rollback_version() -> Param:
    """The version to roll back to, chosen from the earlier champions; a number while there is no list of them."""
    choices = _rollback_choices()
    if not choices:
        return Param(type="integer", minimum=1, description=EARLIER)
    numbers = [int(version) for version in choices]
    return Param(numbers[0], type="integer", enum=numbers, values_display=choices, description=EARLIER)


def _rollback_choices() -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((load_settings().home / ROLLBACK_CHOICES).read_text())
    except (OSError, ValueError):
        return {}
    return found
