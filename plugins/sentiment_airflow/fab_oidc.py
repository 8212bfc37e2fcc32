"""OpenID Connect for Airflow's FAB auth manager: the provider, roles by group, and who may not sign in by it.

Imported by webserver_config.py when OIDC_ISSUER is set.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from airflow.providers.fab.auth_manager.security_manager.override import FabAirflowSecurityManagerOverride

from sentiment_lib.errors import BadSetting

#: Name of the provider in FAB's login page and callback: /auth/oauth-authorized/oidc.
PROVIDER = "oidc"


def provider(environment: Mapping[str, str]) -> dict[str, Any]:
    """FAB's description of the provider. Raises BadSetting without client id or secret."""
    for name in ("OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET"):
        if not environment.get(name):
            raise BadSetting(setting=name, problem="is empty, and OIDC_ISSUER is set")
    return {
        "name": PROVIDER,
        "icon": "fa-key",
        "token_key": "access_token",
        "remote_app": {
            "client_id": environment["OIDC_CLIENT_ID"],
            "client_secret": environment["OIDC_CLIENT_SECRET"],
            "server_metadata_url": environment["OIDC_ISSUER"].rstrip("/") + "/.well-known/openid-configuration",
            "client_kwargs": {"scope": "openid email profile", "code_challenge_method": "S256"},
        },
    }


def role_mapping(text: str) -> dict[str, list[str]]:
    """Airflow's roles by group, from "sentiment-approvers:Approver,sentiment-viewers:Viewer"; raises BadSetting."""
    roles: dict[str, list[str]] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        group, _, role = entry.rpartition(":")
        if not group or not role:
            raise BadSetting(setting="OIDC_ROLES", problem=f"{entry!r} is not GROUP:ROLE")
        roles.setdefault(group, []).append(role)
    return roles


def local_accounts(environment: Mapping[str, str]) -> frozenset[str]:
    """Names of the accounts with a password, in lower case, as FAB compares them."""
    entries = environment.get("AIRFLOW_USERS", "").split(",")
    return frozenset(entry.partition(":")[0].strip().lower() for entry in entries if entry.strip())


class OidcSecurityManager(FabAirflowSecurityManagerOverride):
    """FAB's security manager that refuses people who sign in under the name of a local account.

    FAB finds an account by the provider's `preferred_username`. Whoever can choose that name would otherwise become the
    administrator or the platform itself.
    """

    def get_oauth_user_info(self, provider: str, resp: dict[str, Any]) -> dict[str, Any]:
        """Name, address and groups of the person; empty, which FAB refuses, for the name of a local account."""
        person: dict[str, Any] = super().get_oauth_user_info(provider, resp)
        return accepted(person, local_accounts(os.environ))


def accepted(person: dict[str, Any], local: frozenset[str]) -> dict[str, Any]:
    """The person; an empty name for one without a name or with the name of a local account."""
    name = str(person.get("username") or "").strip()
    return {**person, "username": "" if name.lower() in local else name}
