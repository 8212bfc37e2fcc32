"""The token of a login, in a file that only its owner reads; and the person of a command."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sentiment_lib.settings import Settings
    from sentiment_lib.steps.operations.sign_in import Person
    from sentiment_lib.storage.engine import Store


def token_file(settings: Settings) -> Path:
    """The file of this user for this installation, below XDG_STATE_HOME (default ~/.local/state)."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    installation = hashlib.sha256(str(settings.home).encode()).hexdigest()[:12]
    return Path(state) / "airline-sentiment" / f"{installation}.token"


def write_token(settings: Settings, token: str) -> Path:
    """Store the token of a login, mode 0600 in a folder of mode 0700."""
    from sentiment_lib.files import write_atomically

    path = token_file(settings)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    write_atomically(path, token, mode=0o600)
    return path


def read_token(settings: Settings) -> str:
    """SENTIMENT_TOKEN, or the token of the last login; empty without either."""
    if token := settings.token.get_secret_value():
        return token
    try:
        return token_file(settings).read_text().strip()
    except FileNotFoundError:
        return ""


def authorise(store: Store, settings: Settings, command: str, *, approver: bool = False) -> Person:
    """The signed-in person, verified, with a row in the ledger for the command.

    Raises NotSignedIn; with `approver`, BadInput for a person who may not approve; BadSetting when a setting
    contradicts the policy that the stack was started with.
    """
    from sentiment_lib.settings import load_settings
    from sentiment_lib.steps.operations import sign_in
    from sentiment_lib.storage import stack_policy

    stack_policy.require_same(store, load_settings().policy)
    allowed = settings.policy.approval.approvers if approver else None
    return sign_in.authorise(store, read_token(settings), command, allowed=allowed)
