"""The rules that the stack was started with, and the Airflow that knows its people: a signed row of the ledger.

They act, whatever the environment says. The rules that request a retrain are the environment's; where it names none,
those of an adopted proposal act (`policy_proposals`).

Only the owner of the database appends such a row, at the start of the stack. Without one, as in an installation that
was never started as a stack, the settings of each process decide.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, text

from sentiment_lib.errors import BadSetting
from sentiment_lib.policy import Policy, Section
from sentiment_lib.settings import PREFIX, Settings
from sentiment_lib.storage import ledger, policy_proposals
from sentiment_lib.storage.engine import Store

#: Kind of the ledger row.
KIND = "policy"
#: Sections that decide what is promoted, by whom, and what is rolled back.
GUARDED = ("approval", "gate", "promotion_watch", "label")
#: Settings that decide whom commands believe about a person's name.
IDENTITY = ("airflow_url", "airflow_user")


def record(connection: Connection, settings: Settings) -> None:
    """Append the guarded sections and the identity, unless the newest row says the same."""
    facts = settings.policy.model_dump(mode="json", include=set(GUARDED))
    facts["identity"] = {name: getattr(settings, name) for name in IDENTITY}
    if _recorded(connection) != facts:
        ledger.append(connection, KIND, facts)


def in_force(store: Store, settings: Settings) -> Settings:
    """The settings with the guarded sections that the stack was started with, if a row says so and may be read.

    Rules of an adopted proposal act where the settings do not name them.
    """
    with store.begin() as connection:
        if not _is_readable(connection):
            return settings
        recorded = _recorded(connection) or {}
        adopted = policy_proposals.adopted(connection)
    policy = settings.policy if adopted is None else policy_proposals.adopt(settings.policy, adopted.rules)
    changed = {name: _parse(getattr(policy, name), recorded[name]) for name in GUARDED if name in recorded}
    return settings.model_copy(update={"policy": policy.model_copy(update=changed)})


def require_same(store: Store, own: Policy) -> None:
    """Raise BadSetting where a setting of this process contradicts a guarded rule that the stack was started with."""
    with store.begin() as connection:
        recorded = _recorded(connection) or {}
    for name in GUARDED:
        section: Section = getattr(own, name)
        said = section.model_dump(mode="json", include=section.model_fields_set)
        for rule, value in said.items():
            if recorded.get(name, {}).get(rule, value) != value:
                raise BadSetting(
                    setting=f"{PREFIX}POLICY__{name}__{rule}".upper(),
                    problem="the stack was started with another value, and only that acts: change policy.env and "
                    "start the stack again",
                )


def require_same_identity(store: Store, settings: Settings) -> None:
    """Raise BadSetting where this process would ask another Airflow, or none, who somebody is."""
    with store.begin() as connection:
        recorded = (_recorded(connection) or {}).get("identity", {})
    for name in IDENTITY:
        if recorded.get(name, getattr(settings, name)) != getattr(settings, name):
            problem = f"the stack was started with {recorded[name] or 'none'}, and only that decides who people are"
            raise BadSetting(setting=f"{PREFIX}{name}".upper(), problem=problem)


def _recorded(connection: Connection) -> Mapping[str, Any] | None:
    """The newest signed row; None without one, or where there is no ledger that this role may read."""
    if not _is_readable(connection):
        return None
    entry = ledger.find_genuine(connection, KIND, {})
    return entry.facts() if entry else None


def _is_readable(connection: Connection) -> bool:
    # NULL in a database without tables
    return bool(connection.scalar(text("SELECT has_table_privilege(to_regclass('ledger'), 'SELECT')")))


def _parse(own: Section, recorded: Mapping[str, Any]) -> Section:
    """A recorded section; rules that another release had and this one has not are left out."""
    known = {rule: value for rule, value in recorded.items() if rule in type(own).model_fields}
    return type(own).model_validate(known)
