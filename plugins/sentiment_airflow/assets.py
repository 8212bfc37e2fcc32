"""Assets that connect the DAGs: a DAG that updates one triggers the DAGs scheduled on it."""

from __future__ import annotations

from airflow.sdk import Asset

#: New tweets are stored.
TWEETS = Asset("tweets")
#: New predictions are stored.
PREDICTIONS = Asset("predictions")
#: A retrain is requested because of drift.
DRIFT = Asset("drift")
#: A retrain is requested because of labels.
LABELS = Asset("labels")
#: The champion alias has moved.
CHAMPION = Asset("champion")
