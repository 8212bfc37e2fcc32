"""Sign-in of Airflow's FAB auth manager: accounts with passwords, and OpenID Connect where OIDC_ISSUER is set."""

import os

from flask_appbuilder.const import AUTH_DB, AUTH_OAUTH

AUTH_TYPE = AUTH_DB
WTF_CSRF_ENABLED = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"

if os.environ.get("OIDC_ISSUER"):
    from sentiment_airflow import fab_oidc

    AUTH_TYPE = AUTH_OAUTH
    # an account is created at the first login; its roles are those of the person's groups at the last login
    AUTH_USER_REGISTRATION = True
    AUTH_USER_REGISTRATION_ROLE = "Public"
    AUTH_ROLES_SYNC_AT_LOGIN = True
    AUTH_ROLES_MAPPING = fab_oidc.role_mapping(os.environ.get("OIDC_ROLES", ""))
    OAUTH_PROVIDERS = [fab_oidc.provider(os.environ)]
    SECURITY_MANAGER_CLASS = fab_oidc.OidcSecurityManager
