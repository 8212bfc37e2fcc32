"""API keys: shown once, stored as a hash, with roles and a rate limit."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from dataclasses import dataclass

from sqlalchemy.exc import OperationalError

from sentiment_lib.errors import BadInput, NotFound
from sentiment_lib.storage import api_keys as storage
from sentiment_lib.storage.api_keys import ApiKey
from sentiment_lib.storage.engine import Store

ROLES = ("predict", "feedback", "admin")
#: How long a key that was just checked is believed, so that a revoked one dies within this many seconds.
BELIEVED_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who is calling: the key's name and what it may do."""

    name: str
    roles: frozenset[str]

    def may(self, role: str) -> bool:
        """True when the caller has the role; admin may do everything."""
        return role in self.roles or "admin" in self.roles


def digest_of(key: str) -> bytes:
    """What is kept of a key, and what it is found by."""
    # a key is 256 random bits, so a fast hash is as safe as a slow one
    return hashlib.sha256(key.encode()).digest()


def create(store: Store, name: str, roles: tuple[str, ...]) -> str:
    """Make a key and return it; only its hash is stored."""
    if unknown := set(roles) - set(ROLES):
        raise BadInput(what=f"role {', '.join(sorted(unknown))}", problem=f"choose from {', '.join(ROLES)}")
    if not roles:
        raise BadInput(what="an API key without a role", problem=f"choose from {', '.join(ROLES)}")
    key = f"sk_{secrets.token_urlsafe(32)}"
    with store.begin() as connection:
        inserted = storage.insert_key(connection, name, roles, digest_of(key))
    if not inserted:
        raise BadInput(what=f"API key name {name!r}", problem="a key of this name is in use; revoke it first")
    return key


def revoke(store: Store, name: str) -> None:
    """End a key; NotFound when no key of that name is in use."""
    with store.begin() as connection:
        revoked = storage.revoke_key(connection, name)
    if not revoked:
        raise NotFound(what="API key in use named", key=name)


def in_use(store: Store) -> list[ApiKey]:
    """Every key that is not revoked, by name."""
    with store.begin() as connection:
        return storage.list_keys(connection)


class KeyRing:
    """Looks keys up, and remembers the answer for a few seconds; survives a database that is away."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[bytes, tuple[float, Caller | None]] = {}
        self._lock = threading.Lock()

    def caller(self, key: str) -> Caller | None:
        """The caller, or None for an unknown or revoked key."""
        return self.by_digest(digest_of(key))

    def believed(self, digest: bytes) -> tuple[Caller | None] | None:
        """The answer that still holds, in a tuple; None when the database must be asked."""
        known = self._known.get(digest)
        return (known[1],) if known is not None and time.monotonic() - known[0] < BELIEVED_SECONDS else None

    def by_digest(self, digest: bytes) -> Caller | None:
        """The caller by the key's hash. With the database away, the last answer stands for a caller that was known."""
        if (still := self.believed(digest)) is not None:
            return still[0]
        known = self._known.get(digest)
        now = time.monotonic()
        try:
            with self._store.begin() as connection:
                stored = storage.find_key(connection, digest)
        except OperationalError:
            if known is None or known[1] is None:
                raise
            self._known[digest] = (now, known[1])  # not asked again for each request
            return known[1]
        caller = None if stored is None else Caller(name=stored.name, roles=frozenset(stored.roles))
        with self._lock:
            if len(self._known) > 10_000:  # guesses must not fill the memory
                self._known.clear()
            self._known[digest] = (now, caller)
        return caller


class RateLimit:
    """Token bucket for each caller: `per_second` on average, `burst` at once."""

    def __init__(self, per_second: float, burst: float) -> None:
        self._rate = per_second
        self._burst = burst
        self._buckets: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def wait_needed(self, name: str, cost: float = 1.0) -> float:
        """Take `cost` tokens and return 0, or return the seconds until they would be there."""
        now = time.monotonic()
        with self._lock:
            tokens, then = self._buckets.get(name, (self._burst, now))
            tokens = min(self._burst, tokens + (now - then) * self._rate)
            if tokens >= min(cost, self._burst):
                self._buckets[name] = (tokens - cost, now)
                return 0.0
            self._buckets[name] = (tokens, now)
            return (min(cost, self._burst) - tokens) / self._rate
