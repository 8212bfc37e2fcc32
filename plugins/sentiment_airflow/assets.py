"""The arrows between DAGs: a DAG that changes one of these wakes the DAGs that read it."""

from __future__ import annotations

from airflow.sdk import Asset

#: new tweets are stored
TWEETS = Asset("tweets")
#: new predictions are stored
PREDICTIONS = Asset("predictions")
#: the tweets have drifted, and the policy wants a retrain for it
DRIFT = Asset("drift")
#: enough new labels for a retrain are stored
LABELS = Asset("labels")
#: the champion has moved
CHAMPION = Asset("champion")
