"""Request a retrain, by a rule and with a reason; the next retrain run claims every open request."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from sentiment_lib import clock
from sentiment_lib.families.catalog import family
from sentiment_lib.settings import Settings
from sentiment_lib.steps.training import family_selection
from sentiment_lib.steps.training.rules import catalog, new_labels
from sentiment_lib.storage import drift_reports, holdout_looks, retrain_requests, snapshots
from sentiment_lib.storage import labels as stored_labels
from sentiment_lib.storage.engine import Store, lock
from sentiment_lib.storage.retrain_requests import RetrainRequest

CALENDAR, PERSON = "schedule", "person"


def request_retrain(
    store: Store, settings: Settings, *, rule: str, reason: str, at: datetime | None = None
) -> RetrainRequest | None:
    """Store a request; None during the policy's cool-down after the last snapshot, or with too few new labels.

    An open request of the same rule is returned instead of a second one, so that a killed and repeated task
    still starts the retrain.
    """
    with store.begin() as connection:
        lock(connection, "snapshot")
        return _request(connection, settings, rule=rule, reason=reason, at=at or clock.now())


def request_by_rules(store: Store, settings: Settings, *, at: datetime | None = None) -> RetrainRequest | None:
    """Evaluate `rules.catalog.RULES` in order, and store a request of the first that has a reason and is allowed."""
    moment = at or clock.now()
    with store.begin() as connection:
        lock(connection, "snapshot")
        for rule in catalog.RULES:
            if reason := rule.reason(connection, settings.policy.retrain, moment):
                request = _request(connection, settings, rule=rule.name, reason=reason, at=moment)
                if request is not None:
                    return request
    return None


def request_for_drift(
    store: Store, settings: Settings, *, report_id: int, at: datetime | None = None
) -> RetrainRequest | None:
    """Request a retrain after this drift report, if enough of its version's last checks wanted one as well."""
    policy = settings.policy.retrain
    with store.begin() as connection:
        lock(connection, "snapshot")
        wanting = drift_reports.wanting(connection, report_id, last=policy.drift_checks)
        if wanting < policy.drift_confirmed:
            return None
        reason = f"drift report {report_id}"
        if policy.drift_checks > 1:
            reason += f", {wanting} of the last {policy.drift_checks} checks"
        return _request(connection, settings, rule="drift", reason=reason, at=at or clock.now())


def claim_requests(
    store: Store,
    settings: Settings,
    *,
    run_id: str,
    otherwise: str = CALENDAR,
    families: Sequence[str] | None = None,
) -> list[RetrainRequest]:
    """Claim all open requests for this run; if there is none, store one of the rule `otherwise`.

    A run that only recalibrates leaves the open requests to a retrain.
    Returns an empty list when that is the calendar and it is off, or there are too few new labels or judging ones.
    Repeated for the same run, it returns the same requests. Raises UnknownFamily or BadInput for families that cannot
    be trained, before anything is claimed.
    """
    selected = family_selection.select_families(settings, families)
    claim = retrain_requests.claim_open
    if all(family(name).recalibrates for name in selected):
        claim = retrain_requests.claimed_by
    with store.begin() as connection:
        lock(connection, "snapshot")
        claimed = claim(connection, run_id)
        is_due = settings.policy.retrain.calendar and _enough(connection, settings)
        if not claimed and (otherwise != CALENDAR or is_due):
            reason = f"asked by {run_id}"
            claimed = [retrain_requests.insert_request(connection, rule=otherwise, reason=reason, run_id=run_id)]
        return claimed


def _request(
    connection: Connection, settings: Settings, *, rule: str, reason: str, at: datetime
) -> RetrainRequest | None:
    policy = settings.policy.retrain
    if (existing := retrain_requests.find_open(connection, rule)) is not None:
        return existing
    last, new = _new_labels(connection)
    if last and (at - last < policy.cool_down or (rule != PERSON and new < policy.minimum_new_labels)):
        return None
    if rule == new_labels.NewLabels.name and not _worth_a_look(connection, settings):
        return None
    return retrain_requests.insert_request(connection, rule=rule, reason=reason)


def _enough(connection: Connection, settings: Settings) -> bool:
    """Whether enough labels were stored since the last snapshot, and enough judging ones since the last look."""
    last, new = _new_labels(connection)
    if last is None:
        return True
    return new >= settings.policy.retrain.minimum_new_labels and _worth_a_look(connection, settings)


def _worth_a_look(connection: Connection, settings: Settings) -> bool:
    """Whether the next look has enough new rows: many small looks decide later than few large ones."""
    last = holdout_looks.last_snapshot(connection)
    if last is None:
        return True
    new = stored_labels.count_judging_since(connection, last.created_at)
    return new >= settings.policy.retrain.new_judged_share * last.holdout_rows


def _new_labels(connection: Connection) -> tuple[datetime | None, int]:
    """When the last snapshot was frozen, and how many labels were stored since."""
    last = snapshots.last_created_at(connection)
    return last, stored_labels.count_stored_since(connection, last)
