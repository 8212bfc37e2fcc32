"""Nobody gets a second voice: by a token for somebody with a right, or by somebody else's delegation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sentiment_lib.errors import BadInput
from sentiment_lib.policy import ApprovalPolicy, Policy
from sentiment_lib.settings import Settings
from sentiment_lib.steps.decisions import delegate
from sentiment_lib.steps.operations import sign_in
from sentiment_lib.steps.replay import respond_to_proposal
from sentiment_lib.storage.policy_proposals import PolicyProposal

DAY = timedelta(days=1)


@pytest.fixture
def settings(tmp_path):
    approval = ApprovalPolicy(approvers=("admin", "mlops"), escalate_to=("chief",))
    return Settings(home=tmp_path, airflow_user="sentiment", policy=Policy(approval=approval))


@pytest.fixture
def issue(store, settings):
    """A token for `name`, issued by the owner of another one."""

    def token(name, by):
        alone = settings.model_copy(update={"airflow_user": ""})
        issuer = sign_in.verify_token(store, sign_in.add_person(store, alone, name=by, lifetime=DAY, issuer=None)[0])
        return sign_in.add_person(store, settings, name=name, lifetime=DAY, issuer=issuer)

    return token


def hand_over(store, principal, to):
    return delegate.run(
        store, person=principal, delegate=to, until=datetime.now(UTC) + DAY, provenance={"channel": "command line"}
    )


@pytest.mark.parametrize("name", ["admin", "chief"])
def test_no_approver_issues_a_token_for_somebody_who_may_answer(issue, name):
    with pytest.raises(BadInput, match=f"mlops may not issue it; {name} signs in"):
        issue(name, by="mlops")


def test_nor_for_a_delegate(store, issue):
    hand_over(store, "admin", "deputy")
    with pytest.raises(BadInput, match="mlops may not issue it; deputy signs in"):
        issue("deputy", by="mlops")


def test_nobody_with_a_token_of_another_becomes_a_delegate(store, issue):
    issue("deputy", by="mlops")
    with pytest.raises(BadInput, match="mlops issued a token of deputy: revoke it first"):
        hand_over(store, "admin", "deputy")
    sign_in.revoke_person(store, "deputy")
    assert hand_over(store, "admin", "deputy").delegate == "deputy"


def test_who_issued_the_proposer_s_token_does_not_approve_the_proposal(store, settings, issue):
    issue("bob", by="mlops")
    now = datetime.now(UTC)
    proposal = PolicyProposal(
        proposal_id=1,
        title="always",
        rules={},
        history="a history",
        conclusion="always is cheapest",
        evidence_hash="0" * 64,
        proposed_by="bob",
        proposed_at=now,
        response=None,
    )
    with store.begin() as connection:
        found = {
            person: respond_to_proposal.refusal(connection, settings, proposal, "approved", person, None, now)
            for person in ("mlops", "admin", "bob")
        }
    assert found["mlops"] == "who proposes a policy may not approve it"
    assert "replay is missing" in found["admin"]
    assert found["bob"] == "bob is no approver"
