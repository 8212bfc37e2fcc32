"""Creates Airflow's tables and the training pools: `python -m sentiment_airflow.setup [ROLES]`.

One process runs all of Airflow's commands, because starting one takes longer than its work. The policy names the pools
(retrain.pool, retrain.fine_tuning_pool); a task of a pool that does not exist waits forever.
"""

from __future__ import annotations

import sys
from pathlib import Path

#: Slots and description of each pool. More trainings at once would oversubscribe a small machine, and two networks its
#: memory; a family that trains in seconds need not wait for one that takes minutes.
POOLS = {
    "training": (2, "One slot for each family that is trained"),
    "fine_tuning": (1, "One slot for each family that fine-tunes a network"),
}
COMMANDS = (
    ("db", "migrate"),
    *(("pools", "set", name, str(slots), description) for name, (slots, description) in POOLS.items()),
)


def main() -> None:
    """Migrate Airflow's tables and set the pools; with a file of roles also FAB's roles and accounts. Idempotent."""
    from airflow.__main__ import main as airflow  # the entry point of the command `airflow`

    roles = sys.argv[1:]
    for command in COMMANDS:
        sys.argv = ["airflow", *command]
        airflow()
    if roles:
        from sentiment_airflow import fab_accounts

        fab_accounts.synchronise(Path(roles[0]))


if __name__ == "__main__":
    main()
