"""`sentiment decision followed`: what decisions promised, and what later labels say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sentiment_lib.cli.common import Json, Limit, newest, open_store, show
from sentiment_lib.cli.terminal import table

if TYPE_CHECKING:
    from sentiment_lib.steps.decisions.outcome import Outcome

HEADER = ("decision", "verdict", "candidate", "champion", "promised", "realised", "loss promoting", "loss waiting")


def register(group: typer.Typer) -> None:
    """Add the command to the group of decisions."""
    group.command()(followed)


def followed(
    decision_id: Annotated[int | None, typer.Argument(help="Decision id; all decisions without it.")] = None,
    limit: Limit = 20,
    as_json: Json = False,
) -> None:
    """Compare the promised gain of decisions with the gain on labels that came later, refused candidates too.

    Expected losses use the prices of the policy (`prices`), per 1,000 tweets: of later labels where there are enough,
    otherwise of the decision's holdout (in brackets).
    """
    from sentiment_lib.steps.decisions import outcome
    from sentiment_lib.storage import decisions

    with open_store() as (store, settings), store.begin() as connection:
        if decision_id is not None:
            found = outcome.run(connection, decisions.full_record(connection, decision_id), settings.policy)
            show(found.as_dict(), as_json, describe(found))
            return
        shown = newest(decisions.newest(connection, limit + 1), limit)
        outcomes, unreadable = outcome.run_newest(connection, settings.policy, len(shown))
    lines = [table.draw(HEADER, [_row(found) for found in outcomes]) or "No decisions"]
    lines += [f"Decision {number}: its evidence was changed; run `sentiment verify`" for number in unreadable]
    show([found.as_dict() for found in outcomes], as_json, "\n".join(lines))


def describe(found: Outcome) -> str:
    """One decision, in lines."""
    from sentiment_lib.evaluation import outcome_text

    promised, later = found.promised, found.realised.cost
    kind = ", corrected for selection" if promised.is_corrected else ""
    state = "promoted" if found.is_promoted else "not promoted"
    lines = [
        f"Decision {found.decision_id}: {found.verdict}, version {found.candidate} {state} against {found.champion}",
        f"promised: {outcome_text.points(promised.estimate, promised.low, promised.high)} "
        f"({100 * promised.confidence:.4g} % interval{kind})",
        f"realised: {outcome_text.realised(found.realised)}",
        f"cost on the holdout: {outcome_text.costs(found.cost_promised)}",
        *([f"cost on later labels: {outcome_text.costs(later)}"] if later else []),
    ]
    return "\n".join(lines)


def _row(found: Outcome) -> tuple[str, ...]:
    from sentiment_lib.evaluation import outcome_text

    promised, later = found.promised, found.realised.cost
    losses = later or found.cost_promised
    shown = (f"{loss:.0f}" if later else f"({loss:.0f})" for loss in (losses.promoting, losses.waiting))
    return (
        str(found.decision_id),
        found.verdict,
        f"{found.candidate}{' (promoted)' if found.is_promoted else ''}",
        str(found.champion),
        outcome_text.points(promised.estimate, promised.low, promised.high),
        outcome_text.realised(found.realised),
        *shown,
    )
