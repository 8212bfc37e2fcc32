"""Roles and accounts of Airflow's FAB auth manager, from configuration; idempotent.

Roles come from a JSON file, accounts from the environment: AIRFLOW_USERS names them with their roles
("mlops:Approver,platform:Viewer"), and NAME_PASSWORD holds the password of each.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentiment_airflow.fab_auth_manager import ANSWER
from sentiment_lib.errors import BadSetting

log = logging.getLogger(__name__)

#: Action and resource, in FAB's words.
Permission = tuple[str, str]
#: Role of the platform's own account, whose password is set at each start; a person's counts once.
PLATFORM_ROLE = "Platform"


@dataclass(frozen=True)
class Account:
    """A user of Airflow."""

    name: str
    role: str
    password: str


def read_accounts(environment: Mapping[str, str]) -> list[Account]:
    """The accounts of AIRFLOW_USERS. Raises BadSetting for one without role or password."""
    accounts = []
    for entry in filter(None, environment.get("AIRFLOW_USERS", "").replace(" ", "").split(",")):
        name, _, role = entry.partition(":")
        variable = f"{name.upper().replace('-', '_').replace('.', '_')}_PASSWORD"
        if not name or not role:
            raise BadSetting(setting="AIRFLOW_USERS", problem=f"{entry!r} is not NAME:ROLE")
        if not environment.get(variable):
            raise BadSetting(setting=variable, problem=f"is empty: account {name} of AIRFLOW_USERS needs a password")
        accounts.append(Account(name, role, environment[variable]))
    return accounts


def read_roles(path: Path) -> dict[str, tuple[str | None, set[Permission]]]:
    """Each role of the file: the built-in role that it extends, if any, and its own permissions."""
    document: dict[str, dict[str, Any]] = json.loads(path.read_text())
    return {
        name: (
            role.get("extends"),
            {(action, resource) for resource, actions in role["permissions"].items() for action in actions},
        )
        for name, role in document.items()
    }


def check_approvers(approvers: Collection[str], answering: Collection[str]) -> None:
    """Raises BadSetting for an approver of the policy without an account that may answer."""
    missing = sorted(set(approvers) - set(answering))
    if missing:
        problem = f"Airflow has no account that may answer a request for {', '.join(missing)}"
        raise BadSetting(setting="SENTIMENT_POLICY__APPROVAL__APPROVERS", problem=problem)


def synchronise(roles: Path) -> None:
    """Create or update the roles of the file and the accounts of the environment, then check the policy's approvers.

    A role's permissions become exactly those of the file. An account's role becomes the configured one; its password
    is set when it is created. With OpenID Connect people have an account from their first login on, so approvers
    without one are logged. Raises BadSetting.
    """
    from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder
    from flask_appbuilder.const import AUTH_OAUTH

    from sentiment_airflow.defaults import policy

    accounts, approvers = read_accounts(os.environ), policy().approval.approvers
    with get_application_builder() as builder:
        manager = builder.sm
        manager.sync_roles()
        for name, (extends, permissions) in read_roles(roles).items():
            _set_role(manager, name, extends, permissions)
        for account in accounts:
            _set_account(manager, account)
        answering = [
            user.username
            for user in manager.get_all_users()
            if user.is_active and any(_pair(granted) == ANSWER for role in user.roles for granted in role.permissions)
        ]
        by_oidc = manager.auth_type == AUTH_OAUTH
    try:
        check_approvers(approvers, answering)
    except BadSetting as error:
        if not by_oidc:
            raise
        log.warning("%s; an account is created when its owner signs in", error)


def _set_role(manager: Any, name: str, extends: str | None, permissions: set[Permission]) -> None:
    role = manager.add_role(name)
    inherited = {_pair(granted) for granted in _role(manager, extends).permissions} if extends else set()
    wanted = permissions | inherited | {("can_read", "Website")}
    role.permissions = [manager.create_permission(action, resource) for action, resource in sorted(wanted)]
    manager.session.commit()


def _set_account(manager: Any, account: Account) -> None:
    role, user = _role(manager, account.role), manager.find_user(username=account.name)
    if user is None:
        # FAB wants a unique address; nothing is sent to it
        address = f"{account.name}@localhost"
        manager.add_user(account.name, account.name, account.role, address, role, password=account.password)
        return
    user.roles = [role]
    manager.update_user(user)
    if account.role == PLATFORM_ROLE:
        manager.reset_password(user.id, account.password)


def _role(manager: Any, name: str) -> Any:
    role = manager.find_role(name)
    if role is None:
        raise BadSetting(setting="AIRFLOW_USERS", problem=f"there is no role {name}")
    return role


def _pair(permission: Any) -> Permission:
    return permission.action.name, permission.resource.name
