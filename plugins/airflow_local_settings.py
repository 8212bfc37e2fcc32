"""Read by each Airflow process as it starts: processes that fork for tasks import the large libraries once.

A task of the platform needs pandas, SciPy, scikit-learn and MLflow: about four seconds of processor time, more than
most steps take. Forked tasks find them imported, in memory that they share. The platform's own code is not among
them: a task goes by the code that is installed when it starts.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module

#: Airflow takes every public name of this module for a setting.
__all__: list[str] = []

_LIBRARIES = (
    "pandas",
    "scipy.stats",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sklearn.linear_model",
    "sklearn.pipeline",
    "mlflow.pyfunc",
)


def _forks_for_tasks() -> bool:
    """Whether this process is a Celery worker, or a scheduler that runs tasks itself, as it does by default."""
    if sys.argv[1:3] == ["celery", "worker"]:
        return True
    return sys.argv[1:2] == ["scheduler"] and "Local" in os.environ.get("AIRFLOW__CORE__EXECUTOR", "LocalExecutor")


def _seed_numpy() -> None:
    """NumPy's global generator differs from task to task again, as Python's own does after a fork."""
    import_module("numpy").random.seed()


if _forks_for_tasks():
    for _name in _LIBRARIES:
        import_module(_name)
    os.register_at_fork(after_in_child=_seed_numpy)
