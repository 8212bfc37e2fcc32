"""API keys: shown once, stored as a hash, with roles."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.exc import OperationalError

from sentiment_lib.errors import BadInput, NotFound, did_you_mean
from sentiment_lib.storage import api_keys as storage
from sentiment_lib.storage.api_keys import ApiKey
from sentiment_lib.storage.engine import Store
from sentiment_lib.storage.people import known_names
from sentiment_lib.text.look_alikes import look_alike, why_no_name

ROLES = ("predict", "feedback", "label", "privacy", "admin")
LONGEST_NAME = 80
#: How long a looked-up key is cached: a revoked key stops working within this many seconds.
CACHE_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class Caller:
    """The authenticated caller: id, name and roles of its key."""

    key_id: int
    name: str
    roles: frozenset[str]

    def may(self, role: str) -> bool:
        """True with this role, or with admin."""
        return role in self.roles or "admin" in self.roles


def digest_of(key: str) -> bytes:
    """SHA-256 of a key: what is stored, and the lookup key."""
    # a key is 256 random bits, so a fast hash is as safe as a slow one
    return hashlib.sha256(key.encode()).digest()


def create(
    store: Store,
    name: str,
    roles: tuple[str, ...],
    *,
    lifetime: timedelta | None = None,
    people: Collection[str] = (),
) -> str:
    """Create a key and return it; only its hash is stored. `lifetime` None: it never expires.

    Labels and feedback are recorded under its name, so it may not look like that of another key, of a person who had a
    token or answered a request, or of one of `people`. Raises BadInput for such a name, one in use, or an unknown role.
    """
    problem = why_no_name(name) if 0 < len(name) <= LONGEST_NAME else f"it needs 1 to {LONGEST_NAME} characters"
    if problem:
        raise BadInput(what=f"API key name {name[:LONGEST_NAME]!r}", problem=problem)
    if unknown := sorted(set(roles) - set(ROLES)):
        problem = f"choose from {', '.join(ROLES)}.{did_you_mean(unknown[0], ROLES)}"
        raise BadInput(what=f"role {', '.join(unknown)}", problem=problem)
    if not roles:
        raise BadInput(what="an API key without a role", problem=f"choose from {', '.join(ROLES)}")
    key = _new_key()
    with store.begin() as connection:
        if other := look_alike(name, sorted({*known_names(connection), *people})):
            raise BadInput(what=f"API key name {name!r}", problem=f"it looks like {other!r}: take another")
        inserted = storage.insert_key(connection, name, roles, digest_of(key), lifetime)
    if not inserted:
        raise BadInput(what=f"API key name {name!r}", problem="a key of this name is in use; revoke it first")
    return key


def rotate(store: Store, name: str, *, overlap: timedelta, lifetime: timedelta | None = None) -> str:
    """Replace a key by a new one, which is returned; the present one works for `overlap` more.

    Raises NotFound when no key of that name is in use.
    """
    key = _new_key()
    with store.begin() as connection:
        rotated = storage.rotate_key(connection, name, digest_of(key), overlap=overlap, lifetime=lifetime)
    if not rotated:
        raise NotFound(what="API key in use named", key=name)
    return key


def revoke(store: Store, name: str) -> None:
    """Revoke a key. Raises NotFound when no key of that name is in use."""
    with store.begin() as connection:
        revoked = storage.revoke_key(connection, name)
    if not revoked:
        raise NotFound(what="API key in use named", key=name)


def in_use(store: Store) -> list[ApiKey]:
    """Every key that is not revoked, by name."""
    with store.begin() as connection:
        return storage.list_keys(connection)


def _new_key() -> str:
    return f"sk_{secrets.token_urlsafe(32)}"


class KeyRing:
    """Looks up keys, with a cache of a few seconds that also bridges an unavailable database."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._cache: dict[bytes, tuple[float, Caller | None]] = {}
        self._lock = threading.Lock()
        #: uses by key id that the database does not count yet
        self._uses: Counter[int] = Counter()

    def cached(self, digest: bytes) -> tuple[Caller | None] | None:
        """The cached result in a tuple (None inside it: no such key); None when the database must be asked."""
        entry = self._cache.get(digest)
        if entry is None or time.monotonic() - entry[0] >= CACHE_SECONDS:
            return None
        if entry[1] is not None:
            self._uses[entry[1].key_id] += 1
        return (entry[1],)

    def by_digest(self, digest: bytes) -> Caller | None:
        """The caller of this key hash; None when no such key is in use.

        Without a database a known caller keeps its cached roles; for others OperationalError is raised.
        """
        if (cached := self.cached(digest)) is not None:
            return cached[0]
        entry = self._cache.get(digest)
        now = time.monotonic()
        try:
            with self._store.begin() as connection:
                stored = storage.find_key(connection, digest)
                if stored is not None:
                    self._uses[stored.key_id] += 1
                    storage.add_uses(connection, stored.key_id, self._uses.pop(stored.key_id, 0))
        except OperationalError:
            if entry is None or entry[1] is None:
                raise
            self._cache[digest] = (now, entry[1])  # not asked again for each request
            return entry[1]
        caller = None
        if stored is not None:
            caller = Caller(key_id=stored.key_id, name=stored.name, roles=frozenset(stored.roles))
        with self._lock:
            if len(self._cache) > 10_000:  # guessed keys must not fill the memory
                self._cache.clear()
            self._cache[digest] = (now, caller)
        return caller

    def record_uses(self) -> None:
        """Write the counted uses to the database; raises OperationalError without one."""
        uses, self._uses = self._uses, Counter()
        with self._store.begin() as connection:
            for key_id, count in uses.items():
                storage.add_uses(connection, key_id, count)
