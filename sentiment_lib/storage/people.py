"""Names by which the platform knows people."""

from __future__ import annotations

from sqlalchemy import Connection, text

from sentiment_lib.policy import Policy

#: Author of labels that come in files of the landing folder.
LANDING = "landing folder"


def known_names(connection: Connection) -> set[str]:
    """Names of people who had a token, of those who answered a request for approval, and of API keys."""
    query = "SELECT name FROM person_tokens UNION SELECT answered_by FROM approvals UNION SELECT name FROM api_keys"
    return set(connection.execute(text(query)).scalars())


def named_in(policy: Policy) -> set[str]:
    """People to whom the policy gives a right."""
    lists = [name for members in policy.approval.lists.values() for name in members]
    return {*policy.approval.approvers, *policy.approval.escalate_to, *lists, *policy.label.auditors}
