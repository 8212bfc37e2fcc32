"""Sections of the runbook by kind of alert, and what an alert means for the quality of predictions."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from sentiment_lib.records import Severity

#: The file beside this module in an image, and in `docs` of a checkout.
PATHS = (Path(__file__).with_name("runbook.md"), Path(__file__).parents[2] / "docs" / "runbook.md")
#: Kinds whose alerts say that predictions themselves may be wrong.
ABOUT_QUALITY = frozenset({"wrong_predictions", "rolled_back"})
#: Kinds about integrity: somebody or something changed what only the platform may change.
#: What people may do, and others should know.
BY_PEOPLE = frozenset({"forced_promotion", "rolled_back_by_hand"})
ABOUT_INTEGRITY = frozenset(
    {
        "alias_moved",
        "champion_deleted",
        "unsigned_version",
        "forged_approval",
        "forged_deployment",
        "forged_record",
        "refused_run",
        "restored",
        "large_erasure",
        "tombstones_lifted",
        "verify",
    }
)
#: Kinds of a stage that stands still: what is predicted stays as good as it was, but is late or missing.
ABOUT_OPERATION = frozenset(
    {
        "no_tweets",
        "quarantine_share",
        "scoring_backlog",
        "missed_work",
        "label_backlog",
        "approval_overdue",
        "erasure_overdue",
        "approval_escalated",
        "api_down",
        "api_errors",
        "api_slow",
        "dag_failure",
        "maintain_silent",
        "rule_failed",
        "budget_used",
        "verification_overdue",
        "dag_paused",
    }
)


def section(kind: str) -> str | None:
    """Markdown of the section of this kind, without its heading; None without one or without the file."""
    return _sections().get(kind)


def impact(kind: str, severity: Severity) -> tuple[str, str]:
    """What an alert means, in a word and a sentence: "quality at risk", "can wait", …"""
    if kind == "drift" and severity is not Severity.CRITICAL:
        return (
            "no loss of quality shown",
            "The stream changed, and no loss is shown that makes drift critical. The report says if one is ruled out.",
        )
    if kind == "drift":
        return (
            "quality at risk",
            "The stream changed, and the champion is wrong more often on its newest tweets than on the earlier ones "
            "that they are compared with: look now.",
        )
    if kind in ABOUT_QUALITY:
        return "quality at risk", "Predictions may be wrong more often than at the last promotion: look now."
    if kind in BY_PEOPLE:
        return "a person's choice", "Somebody went past the gate or an approval, as they may: know who, and why."
    if kind in ABOUT_INTEGRITY:
        return "integrity at risk", "Something changed outside the platform's own steps: find out who and why."
    if kind in ABOUT_OPERATION:
        return "operation disturbed", "Predictions are as good as before, but late or missing until this is mended."
    return "can wait", "No loss of quality is shown. Look at it today."


@cache
def _sections() -> dict[str, str]:
    path = next((path for path in PATHS if path.is_file()), None)
    if path is None:
        return {}
    parts = path.read_text(encoding="utf-8").split("\n## ")
    return {title.strip(): body.strip() for title, _, body in (part.partition("\n") for part in parts[1:])}
