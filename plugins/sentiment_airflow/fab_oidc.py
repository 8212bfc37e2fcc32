"""OpenID Connect for Airflow's FAB auth manager: the provider, roles by group, and who may not sign in by it.

Imported by webserver_config.py when OIDC_ISSUER is set.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Any

import jwt
from airflow.providers.fab.auth_manager.security_manager.override import FabAirflowSecurityManagerOverride

from sentiment_lib.errors import BadSetting

log = logging.getLogger(__name__)

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
    """FAB's security manager with what FAB and Authlib leave open: who has no signed ID token, and names.

    FAB takes the person from the userinfo endpoint alone. It finds an account by `preferred_username`; whoever can
    choose that name would otherwise become the administrator or the platform itself.
    """

    def get_oauth_user_info(self, provider: str, resp: dict[str, Any]) -> dict[str, Any]:
        """Name, address and groups of the person; empty, which FAB refuses, for one whom `accepted` refuses."""
        claims: dict[str, Any] = self.oauth_remotes[provider].userinfo()
        if not same_person(resp, claims):
            log.warning("refused: the ID token is absent, unsigned, or not of the person of the userinfo endpoint")
            return {}
        return accepted(claims, local_accounts(os.environ))


def same_person(tokens: Mapping[str, Any], claims: Mapping[str, Any]) -> bool:
    """Whether the token response holds a signed ID token of the person in the claims of the userinfo endpoint.

    Authlib puts the ID token's claims into `userinfo` after it has checked signature, issuer, audience, time and nonce.
    It takes a response without an ID token, and an unsigned one from a provider that lists `none` as an algorithm.
    OpenID Connect Core 5.3.2 demands the same `sub`.
    """
    identity = tokens.get("userinfo")
    if not identity or jwt.get_unverified_header(tokens["id_token"]).get("alg", "none") == "none":
        return False
    return bool(claims.get("sub")) and claims["sub"] == identity["sub"]


def accepted(claims: Mapping[str, Any], local: frozenset[str]) -> dict[str, Any]:
    """The person, as FAB describes one; without a name, or with the name of a local account, the name is empty."""
    name = str(claims.get("preferred_username") or "").strip()
    return {
        "username": "" if name.lower() in local else name,
        "first_name": claims.get("given_name", ""),
        "last_name": claims.get("family_name", ""),
        "email": claims.get("email", ""),
        "role_keys": claims.get("groups", []),
    }
