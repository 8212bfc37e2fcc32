"""Carry out the requests to forget: erase, issue receipts, replace models. The DAG `forget` runs it every hour."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sentiment_lib import clock
from sentiment_lib.errors import ErasureFailed
from sentiment_lib.settings import Settings
from sentiment_lib.steps.erasure import erase, receipt, replace_models, request_erasure
from sentiment_lib.steps.erasure.request_erasure import ErasureOrder
from sentiment_lib.storage import erasure_requests, version_erasures
from sentiment_lib.storage.engine import Store
from sentiment_lib.storage.erasure_requests import ERASING, MODELS, RECEIVED

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ForgetResult:
    """What one run did, by request."""

    #: requests of which everything but the models was erased
    erased: tuple[int, ...] = ()
    #: requests that wait for the rewrite of the tables, which several share
    waiting: tuple[int, ...] = ()
    #: requests that are done
    done: tuple[int, ...] = ()
    #: versions that were trained again without forgotten tweets, and by which they are replaced
    retrained: tuple[tuple[int, int], ...] = ()
    #: versions whose packages were erased
    erased_versions: tuple[int, ...] = ()
    #: what stands in the way of a version's erasure, in sentences
    notes: tuple[str, ...] = ()


def run(
    store: Store,
    settings: Settings,
    *,
    models: bool = True,
    at: datetime | None = None,
    task_logs: Sequence[Path] = (),
) -> ForgetResult:
    """Carry on with every request that is not done. Idempotent, and safe to kill at any point.

    models=False leaves models to another run: erasing takes minutes, training may take hours. task_logs: folders of
    Airflow's task logs outside SENTIMENT_HOME. A request that fails does not stop the others: ErasureFailed names it at
    the end.
    """
    now = at or clock.now()
    _forget_by_age(store, settings, now)
    failed: dict[int, Exception] = {}
    erased, waiting = _erase(store, settings, now, task_logs, failed)
    replaced = replace_models.run(store, settings, at=now) if models else replace_models.ReplaceResult()
    done = _finish(store, settings, now)
    if failed:
        problem = "; ".join(f"request {number}: {type(error).__name__}: {error}" for number, error in failed.items())
        raise ErasureFailed(problem=problem) from next(iter(failed.values()))
    return ForgetResult(
        erased=erased,
        waiting=waiting,
        done=done,
        retrained=replaced.retrained,
        erased_versions=replaced.erased,
        notes=replaced.notes,
    )


def _forget_by_age(store: Store, settings: Settings, now: datetime) -> None:
    """A request for tweets that are older than the policy keeps them, where there are any and none is open."""
    kept: timedelta | None = settings.policy.erasure.tweets_kept
    if kept is None:
        return
    with store.begin() as connection:
        is_open = any(request.kind == erasure_requests.AGE for request in erasure_requests.unfinished(connection))
        is_due = not is_open and erasure_requests.any_created_before(connection, now - kept)
    if is_due:
        order = ErasureOrder(before=now - kept, requested_by="policy", channel=request_erasure.POLICY)
        request_erasure.run(store, settings, order, at=now)


def _erase(
    store: Store, settings: Settings, now: datetime, task_logs: Sequence[Path], failed: dict[int, Exception]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    with store.begin() as connection:
        requests = [one for one in erasure_requests.unfinished(connection) if one.state in (RECEIVED, ERASING)]
        for request in requests:
            # all others are recorded with the request
            request_erasure.record(connection, request.request_id, request_erasure.API)
    for request in requests:
        try:
            erase.run(store, settings, request, task_logs=task_logs)
        except Exception as error:
            log.exception("request %s to forget could not be carried out", request.request_id)
            failed[request.request_id] = error
    with store.begin() as connection:
        numbers = tuple(request.request_id for request in requests if request.request_id not in failed)
        requests = [erasure_requests.by_id(connection, number) for number in numbers]
    if not erase.rewrite_tables(store, settings, requests, now):
        return (), numbers
    for request in requests:
        erase.remove_ids(store, request)
        with store.begin() as connection:
            receipt.erased(connection, settings, request.request_id, at=clock.now())
    return numbers, ()


def _finish(store: Store, settings: Settings, now: datetime) -> tuple[int, ...]:
    """End the requests whose models are erased and, if they are to be, trained again."""
    done = []
    with store.begin() as connection:
        requests = [one for one in erasure_requests.unfinished(connection) if one.state == MODELS]
    for request in requests:
        with store.begin() as connection:
            versions = version_erasures.of_request(connection, request.request_id)
            if all(one.erased_at is not None and not one.retrain for one in versions):
                receipt.finished(connection, settings, request.request_id, at=max(now, clock.now()))
                done.append(request.request_id)
    return tuple(done)
