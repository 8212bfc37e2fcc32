"""Say that a retrain is wanted, by which rule and why; the retrain that starts takes every open wish."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, func, insert, select, update

from sentiment_lib.settings import Settings
from sentiment_lib.steps.training import family_selection
from sentiment_lib.storage import drift_reports
from sentiment_lib.storage.engine import Store, lock
from sentiment_lib.storage.tables import RetrainRequest, SnapshotTable, TweetLabel

CALENDAR, PERSON = "schedule", "person"


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A retrain that is wanted."""

    request_id: int
    #: "schedule", "drift", "labels", "quality", "person" or "first"
    rule: str
    reason: str


def run(store: Store, settings: Settings, *, rule: str, reason: str, at: datetime | None = None) -> Wish | None:
    """Write the wish down; None while the policy's cool-down since the last snapshot lasts, or with too few new labels.

    An open wish of the same rule is given back instead of a second one, so that a killed task that runs again still
    wakes the retrain.
    """
    with store.begin() as connection:
        lock(connection, "snapshot")
        return _wish(connection, settings, rule=rule, reason=reason, at=at or datetime.now(UTC))


def labels(store: Store, settings: Settings, *, at: datetime | None = None) -> Wish | None:
    """Wish for a retrain when the policy's number of labels was stored since the last snapshot."""
    with store.begin() as connection:
        lock(connection, "snapshot")
        last, new = _new_labels(connection)
        if new < settings.policy.retrain.new_labels:
            return None
        rule = "labels" if last else "first"
        reason = f"{new} labels since the last snapshot" if last else f"{new} labels and no snapshot yet"
        return _wish(connection, settings, rule=rule, reason=reason, at=at or datetime.now(UTC))


def drift(store: Store, settings: Settings, *, report_id: int, at: datetime | None = None) -> Wish | None:
    """Wish for a retrain after this drift report, when enough of the last checks of its version wanted one as well."""
    policy = settings.policy.retrain
    with store.begin() as connection:
        lock(connection, "snapshot")
        wanting = drift_reports.wanting(connection, report_id, last=policy.drift_checks)
        if wanting < policy.drift_confirmed:
            return None
        reason = f"drift report {report_id}"
        if policy.drift_checks > 1:
            reason += f", {wanting} of the last {policy.drift_checks} checks"
        return _wish(connection, settings, rule="drift", reason=reason, at=at or datetime.now(UTC))


def last_asked(connection: Connection, rule: str) -> datetime | None:
    """When this rule last wished for a retrain."""
    return connection.scalar(select(func.max(RetrainRequest.requested_at)).where(RetrainRequest.rule == rule))


def take(
    store: Store,
    settings: Settings,
    *,
    handled_by: str,
    otherwise: str = CALENDAR,
    families: Sequence[str] | None = None,
) -> list[Wish]:
    """All open wishes, now handled by this run; without any, the rule `otherwise` is written down as the reason.

    Nothing, when that is the calendar and too few labels are new. Run again by the same run it gives the same wishes.
    No wish is taken for families that cannot be trained: UnknownFamily or BadInput (choosing.py).
    """
    family_selection.chosen(settings, families)
    with store.begin() as connection:
        lock(connection, "snapshot")
        connection.execute(
            update(RetrainRequest).where(RetrainRequest.handled_by.is_(None)).values(handled_by=handled_by)
        )
        taken = _handled(connection, handled_by)
        if not taken and (otherwise != CALENDAR or _enough(connection, settings)):
            connection.execute(
                insert(RetrainRequest).values(rule=otherwise, reason=f"asked by {handled_by}", handled_by=handled_by)
            )
            taken = _handled(connection, handled_by)
        return taken


def _handled(connection: Connection, handled_by: str) -> list[Wish]:
    rows = connection.execute(
        select(RetrainRequest.request_id, RetrainRequest.rule, RetrainRequest.reason)
        .where(RetrainRequest.handled_by == handled_by)
        .order_by(RetrainRequest.request_id)
    )
    return [Wish(request_id=row.request_id, rule=row.rule, reason=row.reason) for row in rows]


def _wish(connection: Connection, settings: Settings, *, rule: str, reason: str, at: datetime) -> Wish | None:
    policy = settings.policy.retrain
    open_wish = connection.execute(
        select(RetrainRequest.request_id, RetrainRequest.reason)
        .where(RetrainRequest.handled_by.is_(None), RetrainRequest.rule == rule)
        .order_by(RetrainRequest.request_id)
        .limit(1)
    ).one_or_none()
    if open_wish:
        return Wish(request_id=open_wish.request_id, rule=rule, reason=open_wish.reason)
    last, new = _new_labels(connection)
    if last and (at - last < policy.cool_down or (rule != PERSON and new < policy.fewest_labels)):
        return None
    request_id = connection.execute(
        insert(RetrainRequest).values(rule=rule, reason=reason).returning(RetrainRequest.request_id)
    ).scalar_one()
    return Wish(request_id=request_id, rule=rule, reason=reason)


def _enough(connection: Connection, settings: Settings) -> bool:
    """Whether there is something to learn that the last snapshot does not hold."""
    last, new = _new_labels(connection)
    return last is None or new >= settings.policy.retrain.fewest_labels


def _new_labels(connection: Connection) -> tuple[datetime | None, int]:
    """When the last snapshot was frozen, and how many labels were stored since."""
    last = connection.scalar(select(func.max(SnapshotTable.created_at)))
    count = select(func.count()).select_from(TweetLabel)
    return last, connection.scalar(count.where(TweetLabel.stored_at > last) if last else count) or 0
