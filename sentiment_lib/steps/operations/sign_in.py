"""Authentication on the command line: person tokens, issued by a login or by hand and verified at each use.

Every issued token and every command has a row in the ledger, with the person's name and the operating-system user.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from sentiment_lib import clock
from sentiment_lib.errors import BadInput, LoginRefused, NotFound, NotSignedIn
from sentiment_lib.machine import os_user
from sentiment_lib.records import NOBODY, UNKNOWN
from sentiment_lib.settings import Settings
from sentiment_lib.storage import approval_votes, ledger, people, person_tokens
from sentiment_lib.storage.engine import Store
from sentiment_lib.storage.person_tokens import PersonToken
from sentiment_lib.text.look_alikes import look_alike, why_no_name

#: How a person was identified before a token was issued.
AIRFLOW, BY_HAND = "airflow", "people add"
#: Lifetime of a token issued by a login.
LOGIN_LIFETIME = timedelta(hours=12)
LONGEST_NAME = 80
#: Names under which the platform records what nobody, or it itself, did.
RESERVED = frozenset({NOBODY, UNKNOWN, "auto_rollback", "reconcile", people.LANDING})


@dataclass(frozen=True, kw_only=True)
class Person:
    """The verified author of a command."""

    name: str
    token_id: int
    #: how the person was identified: AIRFLOW or BY_HAND
    issued_by: str
    #: who runs the process, from the operating system
    os_user: str

    @property
    def provenance(self) -> dict[str, object]:
        """Where a response by this person came from, for the ledger."""
        return {
            "channel": "command line",
            "token_id": self.token_id,
            "issued_by": self.issued_by,
            "os_user": self.os_user,
        }


def login(store: Store, settings: Settings, *, user: str, password: str) -> tuple[str, PersonToken]:
    """Issue a token to a user whom Airflow authenticates by password; returns the token and its record.

    Its person is the account by the name that Airflow has for it, however the user was typed: Airflow's administrators
    answer for accounts whose names look alike.

    Raises LoginRefused for a wrong password, and when Airflow cannot be reached.
    """
    import httpx

    from sentiment_lib.airflow_client import AirflowClient

    try:
        name = AirflowClient(settings.airflow_url, user, password).account_name()
    except httpx.HTTPStatusError as error:
        problem = f"Airflow refuses user and password ({error.response.status_code}); `sentiment logins` shows them"
        raise LoginRefused(problem=problem) from error
    except httpx.TransportError as error:
        problem = f"Airflow at {settings.airflow_url} cannot be reached; `sentiment status` shows what runs"
        raise LoginRefused(problem=problem) from error
    return _issue(store, name, AIRFLOW, LOGIN_LIFETIME, None)


def add_person(
    store: Store, settings: Settings, *, name: str, lifetime: timedelta, issuer: Person | None
) -> tuple[str, PersonToken]:
    """A new token for scripts, or for an installation without Airflow, and its record.

    With Airflow, people may issue tokens for themselves, and approvers for people without any right of the policy or of
    a delegation: nobody can obtain a second voice, or one under a name that looks like another person's. Raises
    NotSignedIn with Airflow and no issuer, BadInput for a person to whom the issuer may not give a token or an invalid
    name.
    """
    approvers = settings.policy.approval.approvers
    if problem := why_no_name(name):
        raise BadInput(what=f"the name {name!r}", problem=problem)
    with store.begin() as connection:
        known = {*people.known_names(connection), *people.named_in(settings.policy), *RESERVED}
        delegates = {one.delegate for one in approval_votes.active_delegations(connection, clock.now())}
    if other := look_alike(name, sorted(known | ({issuer.name} if issuer else set()))):
        raise BadInput(
            what=f"the name {name!r}", problem=f"it looks like {other!r}, who is somebody else: take another"
        )
    if settings.airflow_user:
        if issuer is None:
            raise NotSignedIn(problem="with Airflow, sign in before you issue a token")
        has_rights = name in people.named_in(settings.policy) | delegates
        if name != issuer.name and (has_rights or issuer.name not in approvers):
            raise BadInput(what=f"a token for {name}", problem=f"{issuer.name} may not issue it; {name} signs in")
    return _issue(store, name, BY_HAND, lifetime, issuer)


def verify_token(store: Store, token: str) -> Person:
    """The owner of a valid token. Raises NotSignedIn when it is empty, unknown, expired or revoked."""
    if not token:
        raise NotSignedIn(problem="there is no token")
    with store.begin() as connection:
        record = person_tokens.find_token(connection, _hash(token))
    if record is None:
        raise NotSignedIn(problem="the token is unknown, expired or revoked")
    return Person(name=record.name, token_id=record.token_id, issued_by=record.issued_by, os_user=os_user())


def authorise(store: Store, token: str, command: str, *, allowed: Collection[str] | None = None) -> Person:
    """Authorise a command and record it in the ledger; returns the owner of the token.

    Raises NotSignedIn for an invalid token, BadInput for a person who is not in `allowed`.
    """
    person = verify_token(store, token)
    if allowed is not None and person.name not in allowed:
        raise BadInput(what=f"`{command}` by {person.name}", problem="only approvers may do this")
    with store.begin() as connection:
        ledger.append(connection, "command", {"command": command, "person": person.name, **person.provenance})
    return person


def revoke_person(store: Store, name: str) -> int:
    """Revoke every token of this person; returns their number. Raises NotFound without one."""
    with store.begin() as connection:
        revoked = person_tokens.revoke_tokens(connection, name)
        if revoked:
            ledger.append(connection, "token_revoked", {"name": name, "tokens": revoked, "os_user": os_user()})
    if not revoked:
        raise NotFound(what="token in use of", key=name)
    return revoked


def logout(store: Store, token: str) -> None:
    """Revoke this token. Raises NotSignedIn when it is not in use."""
    person = verify_token(store, token)
    with store.begin() as connection:
        person_tokens.revoke_token(connection, person.token_id)


def tokens(store: Store) -> list[PersonToken]:
    """Every token in use, by name."""
    with store.begin() as connection:
        return person_tokens.list_tokens(connection)


def _issue(
    store: Store, name: str, issued_by: str, lifetime: timedelta, issuer: Person | None
) -> tuple[str, PersonToken]:
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise BadInput(what="name", problem=f"1 to {LONGEST_NAME} printable characters")
    if "/" in name or name in RESERVED:
        raise BadInput(what="name", problem=f"{name} is what the platform calls runs, or itself: take another")
    token, now = f"st_{secrets.token_urlsafe(32)}", clock.now()
    draft = PersonToken(
        token_id=0, name=name, issued_by=issued_by, os_user=os_user(), created_at=now, expires_at=now + lifetime
    )
    with store.begin() as connection:
        record = person_tokens.insert_token(connection, draft, _hash(token))
        facts = {"token_id": record.token_id, "name": name, "issued_by": issued_by, "os_user": record.os_user}
        facts["token_hash"] = person_tokens.recorded_hash(_hash(token))
        if issuer:
            facts |= {"issuer": issuer.name, "issuer_token_id": issuer.token_id}
        ledger.append(connection, "token_issued", {**facts, "expires_at": record.expires_at})
    return token, record


def _hash(token: str) -> bytes:
    # a token has 256 random bits, so a fast hash is as safe as a password hash
    return hashlib.sha256(token.encode()).digest()
