"""Delegate an approver's right to another person until a time; it expires by itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sentiment_lib import clock
from sentiment_lib.errors import BadInput
from sentiment_lib.storage import approval_votes, person_tokens
from sentiment_lib.storage.approval_votes import Delegation
from sentiment_lib.storage.engine import Store

#: A delegation without an end in sight is a second approver, who belongs in the policy.
LONGEST = timedelta(days=92)


def run(store: Store, *, person: str, delegate: str, until: datetime, provenance: Mapping[str, Any]) -> Delegation:
    """Record that `delegate` may answer for `person`, an approver, until then; a time in the past ends it.

    Raises BadInput for a delegation to oneself, to no name, for longer than LONGEST, or to somebody with a token that
    another person issued, who could then answer in this name.
    """
    if not delegate.strip() or delegate == person:
        raise BadInput(what="the delegate", problem="name another person")
    if until > clock.now() + LONGEST:
        raise BadInput(what="the end", problem=f"it is more than {LONGEST.days} days away")
    with store.begin() as connection:
        if others := person_tokens.other_issuers(connection, delegate):
            problem = f"{others[0]} issued a token of {delegate}: revoke it first"
            raise BadInput(what="the delegate", problem=problem)
        return approval_votes.store_delegation(
            connection, principal=person, delegate=delegate, until=until, provenance=provenance
        )
