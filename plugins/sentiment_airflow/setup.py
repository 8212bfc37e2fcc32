"""The pools of the trainings, made together with Airflow's tables: `python -m sentiment_airflow.setup`.

One process runs all of Airflow's commands: starting one takes longer than its work. The policy names the pools that the
trainings use (retrain.pool, retrain.fine_tuning_pool); a task of a pool that nobody made waits for ever.
"""

from __future__ import annotations

import sys

#: Pool: slots and what they are for. More trainings at once would oversubscribe a small machine, and two networks its
#: memory; families of seconds need not wait for one of minutes.
POOLS = {
    "training": (2, "One slot for each family that is trained"),
    "fine_tuning": (1, "One slot for each family that fine-tunes a network"),
}
COMMANDS = (
    ("db", "migrate"),
    *(("pools", "set", name, str(slots), what) for name, (slots, what) in POOLS.items()),
)


def main() -> None:
    """Bring Airflow's tables to their newest form and set the pools; running it again changes nothing."""
    from airflow.__main__ import main as airflow

    for command in COMMANDS:
        sys.argv = ["airflow", *command]
        airflow()


if __name__ == "__main__":
    main()
