"""A replay of the platform's own tables proposes a policy; approved by another person, it acts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from sentiment_lib.errors import BadInput, NotFound
from sentiment_lib.policy import ApprovalPolicy, Policy, RetrainPolicy
from sentiment_lib.records import LABELS
from sentiment_lib.replay.cell import Recipe
from sentiment_lib.replay.history import to_moment
from sentiment_lib.replay.simulation import Conditions
from sentiment_lib.steps.replay import propose_policy, replay_tables, respond_to_proposal
from sentiment_lib.steps.replay.run_replay import ReplayOrder
from sentiment_lib.steps.training import request_retrain
from sentiment_lib.storage import grants, ledger, policy_proposals, stack_policy
from tests.unit.replay.conftest import POLICY, small_history

DATABASE_ROLE = grants.APP
DAY = timedelta(days=1)
ORDER = ReplayOrder(
    blocks="5 blocks",
    recipe=Recipe(family="count_logreg", options={"c": 0.3}),
    conditions=Conditions(price=5),
    draws=0,
    freshness=False,
)


def author(name):
    """As the command line knows a person."""
    return policy_proposals.Author(name=name, provenance={"channel": "command line", "token_id": 1})


@pytest.fixture
def settings(settings):
    return settings.model_copy(update={"policy": POLICY})


@pytest.fixture
def labelled(store):
    """A small history in the tables: labels known an hour after the tweet; one tweet is corrected later."""
    history = small_history(1200)
    rows = [
        {
            "id": int(history.tweet_id[row]),
            "text": history.text[row],
            "at": to_moment(history.created_at[row]),
            "known": to_moment(history.created_at[row]) + timedelta(hours=1),
            "label": str(LABELS[history.label[row]]),
        }
        for row in range(history.rows)
    ]
    with store.begin() as connection:
        connection.execute(text("INSERT INTO ingests (source) VALUES ('test')"))
        connection.execute(
            text(
                "INSERT INTO tweets (tweet_id, text, created_at, language, ingest_id) VALUES (:id, :text, :at, 'en', 1)"
            ),
            rows,
        )
        connection.execute(
            text(
                "INSERT INTO labels (tweet_id, label, source, labelled_by, labelled_at, stored_at) "
                "VALUES (:id, :label, 'dataset', 'test', :at, :known)"
            ),
            rows,
        )
    return history


def replayed(store, settings, **more):
    return replay_tables.run(
        store,
        settings,
        since=datetime(2026, 1, 1, tzinfo=UTC),
        until=datetime(2026, 1, 2, tzinfo=UTC),
        order=ORDER,
        only=["never", "always", "opportunity"],
        **more,
    )


def propose(store, settings, *, by="anna", price=12.0, digest=None):
    """A proposal without a replay; its evidence is a file of its own."""
    digest = digest or propose_policy.hash_text(f"{price}")
    path = propose_policy.evidence_path(settings, digest)
    propose_policy.write_atomically(path, f"{price}")
    with store.begin() as connection:
        new = policy_proposals.NewProposal(
            title="Opportunity",
            rules={"retrain": {"price_errors": price, "calendar": False}},
            history="test",
            conclusion="It pays.",
            evidence_hash=digest,
        )
        return policy_proposals.store_proposal(connection, new, author(by))


def answer(store, settings, proposal, response="approved", by="admin", **more):
    return respond_to_proposal.run(
        store,
        settings,
        proposal_id=proposal.proposal_id,
        response=response,
        by=author(by),
        **more,
    )


def in_force(store, settings):
    return stack_policy.in_force(store, settings).policy.retrain


def test_a_replay_of_the_tables_is_that_of_its_history(store, settings, labelled):
    found = replayed(store, settings, propose_as=author("mlops"))
    result = found.result
    assert (result.rows, result.labels) == (1200, 1200)
    assert found.history == "2026-01-01 to 2026-01-02"
    served = {(one.run.policy, one.run.gated): one.run for one in result.comparison.policies}
    # a label of the last hour is not known yet when a block ends
    known = served["always", False].labels_to_train
    assert known == sum(labelled.created_at[row] + 3600 * 10**9 <= labelled.created_at[959] for row in range(1200))
    page = propose_policy.page_path(settings, found.evidence_hash)
    assert found.conclusion.split("“")[0] in page.read_text()
    proposal = policy_proposals_by_id(store, found.proposal_id)
    assert proposal.evidence_hash == propose_policy.hash_text(
        propose_policy.evidence_path(settings, found.evidence_hash).read_text()
    )
    assert proposal.title in ("Always", "Opportunity", "Never")
    again = replayed(store, settings, propose_as=author("mlops"))
    assert (again.evidence_hash, again.proposal_id) == (found.evidence_hash, found.proposal_id)
    answer(store, settings, proposal)
    assert policy_proposals.triggers(stack_policy.in_force(store, settings).policy) == proposal.rules
    adopted = stack_policy.in_force(store, settings)
    none = replayed(store, adopted, propose_as=author("mlops"))
    assert none.proposal_id is None
    assert "like this already" in none.note


def policy_proposals_by_id(store, number):
    with store.begin() as connection:
        return policy_proposals.by_id(connection, number)


def test_a_day_without_labels_is_no_history(store, settings, labelled):
    with pytest.raises(BadInput, match="300 are needed"):
        replay_tables.run(
            store,
            settings,
            since=datetime(2026, 2, 1, tzinfo=UTC),
            until=datetime(2026, 2, 2, tzinfo=UTC),
            order=ORDER,
        )


def test_an_approved_proposal_acts_until_it_is_withdrawn(store, settings):
    first = propose(store, settings)
    assert in_force(store, settings).price_errors == 25
    answered = answer(store, settings, first)
    assert (answered.response.response, answered.response.answered_by) == ("approved", "admin")
    assert answer(store, settings, first) == answered, "a repeated response changes nothing"
    assert (in_force(store, settings).price_errors, in_force(store, settings).calendar) == (12, False)
    assert request_retrain.claim_requests(store, stack_policy.in_force(store, settings), run_id="retrain/1") == []
    second = propose(store, settings, price=90)
    answer(store, settings, second)
    assert in_force(store, settings).price_errors == 90
    own = settings.model_copy(update={"policy": Policy(retrain=RetrainPolicy(price_errors=3))})
    assert (in_force(store, own).price_errors, in_force(store, own).calendar) == (3, False), "settings come first"
    with pytest.raises(BadInput, match="reason is needed"):
        answer(store, settings, second, "withdrawn")
    answer(store, settings, second, "withdrawn", by="mlops", reason="too few retrains")
    assert in_force(store, settings).price_errors == 12
    with pytest.raises(BadInput, match="withdrawn already"):
        answer(store, settings, second)


@pytest.mark.parametrize(
    ("by", "more", "problem"),
    [
        ("mlops", {}, "may not approve it"),
        ("platform", {}, "no approver"),
        ("admin", {"response": "rejected"}, "reason is needed"),
        ("admin", {"response": "withdrawn", "reason": "no good"}, "not in force"),
        ("admin", {"at": datetime.now(UTC) + 3 * DAY}, "expired"),
    ],
)
def test_a_response_that_may_not_be_given_is_refused(store, settings, by, more, problem):
    proposal = propose(store, settings, by="mlops")
    with pytest.raises(BadInput, match=problem):
        answer(store, settings, proposal, by=by, **more)
    assert policy_proposals_by_id(store, proposal.proposal_id).response is None
    alone = settings.model_copy(update={"policy": Policy(approval=ApprovalPolicy(self_approval=True))})
    assert answer(store, alone, proposal, by="mlops").response.response == "approved"


def test_modified_evidence_cannot_be_approved_and_an_unknown_proposal_is_named(store, settings):
    proposal = propose(store, settings)
    propose_policy.evidence_path(settings, proposal.evidence_hash).write_text("better")
    with pytest.raises(BadInput, match="modified"):
        answer(store, settings, proposal)
    assert answer(store, settings, proposal, "rejected", reason="not ours").response.response == "rejected"
    with pytest.raises(NotFound):
        answer(store, settings, replace(proposal, proposal_id=999))


def test_a_row_that_the_platform_did_not_sign_does_not_count(store, settings, owner):
    proposal = propose(store, settings)
    with owner.begin() as connection:
        entry = ledger.append(
            connection,
            policy_proposals.RESPONSE,
            {
                "proposal_id": proposal.proposal_id,
                "response": "approved",
                "answered_by": "admin",
                "reason": None,
                "evidence_hash": proposal.evidence_hash,
                "provenance": {},
            },
        )
        connection.execute(text("ALTER TABLE ledger DISABLE TRIGGER USER"))
        connection.execute(
            text("UPDATE ledger SET payload = replace(payload, 'provenance', 'provenancy') WHERE sequence = :n"),
            {"n": entry.sequence},
        )
        connection.execute(text("ALTER TABLE ledger ENABLE TRIGGER USER"))
    assert policy_proposals_by_id(store, proposal.proposal_id).response is None
    assert in_force(store, settings).price_errors == 25
