"""What roles of the database can do beside their tables, which `verify` names: settings of their own, large objects."""

from __future__ import annotations

from sqlalchemy import Connection, text

from sentiment_lib.storage.grants import ROLES, SESSION_LIMITS


def unexpected(connection: Connection) -> list[str]:
    """Settings of the platform's roles, in this database or in all, that are not those of SESSION_LIMITS."""
    rows = connection.execute(
        text(
            "SELECT r.rolname, s.setting FROM pg_db_role_setting d JOIN pg_roles r ON r.oid = d.setrole, "
            "unnest(d.setconfig) s(setting) WHERE r.rolname = ANY(:roles) "
            "AND d.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database())) ORDER BY 1, 2"
        ),
        {"roles": list(ROLES)},
    )
    problems = []
    for role, setting in rows:
        name, _, value = setting.partition("=")
        if SESSION_LIMITS.get(role, {}).get(name) != value:
            problems.append(
                f"the database role {role} has the setting {name} = {value}, which the platform did not give"
            )
    return problems


def large_objects(connection: Connection) -> list[str]:
    """Roles that made large objects, which the platform does not use."""
    rows = connection.execute(
        text("SELECT pg_get_userbyid(lomowner) AS role, count(*) AS made FROM pg_largeobject_metadata GROUP BY 1")
    )
    return [f"the database role {row.role} made {row.made} large objects, which the platform does not" for row in rows]
