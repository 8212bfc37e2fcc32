"""The pool of the trainings, made together with Airflow's tables: `python -m sentiment_airflow.pools`.

One process runs both of Airflow's commands: starting one takes longer than its work. DAGs use the pool only where the
policy names it (retrain.pool), since a task of a pool that nobody made would wait for ever.
"""

from __future__ import annotations

import sys

#: More trainings at once would oversubscribe a small machine.
NAME, SLOTS = "training", 2
COMMANDS = (
    ("db", "migrate"),
    ("pools", "set", NAME, str(SLOTS), "One slot for each family that is trained"),
)


def main() -> None:
    """Bring Airflow's tables to their newest form and set the pool; running it again changes nothing."""
    from airflow.__main__ import main as airflow

    for command in COMMANDS:
        sys.argv = ["airflow", *command]
        airflow()


if __name__ == "__main__":
    main()
