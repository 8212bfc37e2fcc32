"""The experiment and the registered model in MLflow: created on first use, with a description for its readers."""

from __future__ import annotations

from typing import Any

MODEL_DESCRIPTION = (
    "Sentiment of tweets about airlines. The alias champion is the version that serves. Promote with an approval in "
    "Airflow, not here: an alias that is moved by hand is moved back."
)
#: Tag by which MLflow's page opens an experiment: this value is the table of runs, not the view of traces.
KIND = "mlflow.experimentKind"
TAGS = {
    KIND: "custom_model_development",
    "mlflow.note.content": "Trainings of tweet sentiment models, one run each; trials of a search are nested. "
    "A version is promoted by an approval in Airflow; `sentiment reconcile` takes back an alias that is moved here.",
}
#: Id of the platform's experiment on a server of its own: the first after MLflow's Default.
FIRST_ID = "1"


def runs_address(uri: str, experiment_id: str = FIRST_ID) -> str:
    """Address of the page that lists the training runs; without the parameter MLflow opens its view of GenAI apps."""
    return f"{uri.rstrip('/')}/#/experiments/{experiment_id}?workflowType=machine_learning"


def find_or_create(client: Any, name: str, artifact_location: str | None) -> str:
    """Id of the experiment of all training runs."""
    existing = client.get_experiment_by_name(name)
    if existing is None:
        return str(client.create_experiment(name, artifact_location, TAGS))
    if KIND not in existing.tags:
        client.set_experiment_tag(existing.experiment_id, KIND, TAGS[KIND])
    return str(existing.experiment_id)


def ensure_registered_model(client: Any, name: str) -> None:
    """Create the registered model when it does not exist."""
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name, description=MODEL_DESCRIPTION)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
