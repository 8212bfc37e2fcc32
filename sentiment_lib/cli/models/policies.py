"""Commands about proposed policies: the list, one with its evidence, and the responses of approvers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sentiment_lib.cli.common import Json, open_store, show
from sentiment_lib.cli.token_file import authorise

if TYPE_CHECKING:
    from sentiment_lib.policy import Policy
    from sentiment_lib.storage.policy_proposals import PolicyProposal

Id = Annotated[int, typer.Argument(help="Number of the proposal.")]
Reason = Annotated[str | None, typer.Option(help="Why; recorded in the ledger.")]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    group = typer.Typer(
        no_args_is_help=True, help="Rules for requesting a retrain that a replay recommended (`replay --apply`)."
    )
    group.command("list")(list_proposals)
    group.command("show")(show_proposal)
    group.command()(approve)
    group.command()(reject)
    group.command()(withdraw)
    app.add_typer(group, name="policies")


def list_proposals(as_json: Json = False) -> None:
    """List proposed policies, newest first, with their responses; the one in force is marked."""
    from sentiment_lib.storage import policy_proposals

    with open_store() as (store, _), store.begin() as connection:
        proposals = policy_proposals.all_proposals(connection)
        adopted = policy_proposals.adopted(connection)
    in_force = adopted.proposal_id if adopted else None
    lines = [_line(one) + (", in force" if one.proposal_id == in_force else "") for one in proposals]
    found = {"proposals": proposals, "in_force": in_force}
    show(found, as_json, "\n".join(lines) or "No policy was proposed; `sentiment replay --apply` proposes one")


def show_proposal(proposal_id: Id, as_json: Json = False) -> None:
    """Show what a proposal would change, and the replay that recommends it."""
    from sentiment_lib.steps.replay.propose_policy import page_path
    from sentiment_lib.storage import policy_proposals

    with open_store() as (store, settings), store.begin() as connection:
        proposal = policy_proposals.by_id(connection, proposal_id)
    changes = _changes(proposal, settings.policy)
    lines = [_line(proposal), f"Replayed: {proposal.history}. {proposal.conclusion}"]
    lines += [f"  {name}: {now} → {then}" for name, (now, then) in changes.items()] or ["It changes nothing."]
    page = page_path(settings, proposal.evidence_hash)
    lines.append(f"Page: {page}")
    show({"proposal": proposal, "changes": changes, "page": str(page)}, as_json, "\n".join(lines))


def approve(proposal_id: Id, reason: Reason = None, as_json: Json = False) -> None:
    """Put a proposed policy in force, where the settings do not name its rules. Approvers only."""
    _answer(proposal_id, "approved", reason, as_json)


def reject(proposal_id: Id, reason: Reason = None, as_json: Json = False) -> None:
    """Reject a proposed policy, with a reason. Approvers only."""
    _answer(proposal_id, "rejected", reason, as_json)


def withdraw(proposal_id: Id, reason: Reason = None, as_json: Json = False) -> None:
    """End an approved policy, with a reason: the rules of before act again. Approvers only."""
    _answer(proposal_id, "withdrawn", reason, as_json)


def _answer(proposal_id: int, response: str, reason: str | None, as_json: bool) -> None:
    from sentiment_lib.steps.replay import respond_to_proposal
    from sentiment_lib.storage.policy_proposals import Author

    with open_store() as (store, settings):
        person = authorise(store, settings, f"policies {response} {proposal_id}", approver=True)
        proposal = respond_to_proposal.run(
            store,
            settings,
            proposal_id=proposal_id,
            response=response,
            by=Author(name=person.name, provenance=person.provenance),
            reason=reason,
        )
    show(proposal, as_json, _line(proposal))


def _line(proposal: PolicyProposal) -> str:
    given = proposal.response
    state = f"{given.response} by {given.answered_by}" if given else "pending"
    return (
        f"Policy proposal {proposal.proposal_id}: “{proposal.title}”, by {proposal.proposed_by} "
        f"{proposal.proposed_at:%Y-%m-%d %H:%M} UTC: {state}"
    )


def _changes(proposal: PolicyProposal, policy: Policy) -> dict[str, tuple[object, object]]:
    """Rule -> (value that acts, proposed value) of each that differs."""
    from sentiment_lib.storage.policy_proposals import triggers

    acting = triggers(policy)
    return {
        f"{section}.{rule}": (acting[section][rule], value)
        for section, values in proposal.rules.items()
        for rule, value in values.items()
        if acting[section][rule] != value
    }
