"""Ask X which stored tweets must be forgotten, by its batch compliance: one job after another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sentiment_lib import clock
from sentiment_lib.erasure import compliance_file
from sentiment_lib.settings import Settings
from sentiment_lib.sources.x_compliance import ComplianceJob, ComplianceJobs
from sentiment_lib.steps.erasure import request_erasure
from sentiment_lib.steps.erasure.request_erasure import ErasureOrder
from sentiment_lib.storage import ledger, tweets
from sentiment_lib.storage.engine import Store
from sentiment_lib.storage.erasure_audit import RECEIVED
from sentiment_lib.storage.erasure_requests import COMPLIANCE

#: Kind of the ledger row of a job whose results were read.
JOB = "compliance_job"


@dataclass(frozen=True, kw_only=True)
class PollResult:
    """What one poll did."""

    #: the request that the results of a job became; None when they name no tweet
    request_id: int | None = None
    #: events of the results, by reason
    reasons: dict[str, int] | None = None
    #: ids uploaded with a new job
    uploaded: int | None = None
    #: the job that X is working on
    waiting: str | None = None


def run(store: Store, settings: Settings, *, at: datetime | None = None) -> PollResult:
    """Read the results of the last job, if it is complete, and start the next one. Nothing without a token of X.

    Idempotent: a job whose results were read has a row in the ledger. A process that is killed between the creation of
    a job and its upload uploads at the next poll, or after X has let the job expire. Raises BadSource.
    """
    token = settings.x_bearer_token.get_secret_value()
    if not token:
        return PollResult()
    jobs = ComplianceJobs(token=token, host=settings.x_url)
    try:
        return _poll(store, settings, jobs, at or clock.now())
    finally:
        jobs.close()


def _poll(store: Store, settings: Settings, jobs: ComplianceJobs, now: datetime) -> PollResult:
    job = jobs.newest()
    request_id: int | None = None
    reasons: dict[str, int] | None = None
    if job is not None and job.status == "in_progress":
        return PollResult(waiting=job.job_id)
    if job is not None and job.status == "created":
        if job.upload_expires_at is not None and job.upload_expires_at < now:
            return PollResult(waiting=job.job_id)
    else:
        if job is not None and job.status == "complete" and not _is_read(store, job):
            request_id, reasons = _read(store, settings, jobs, job)
        job = jobs.create()
    return PollResult(request_id=request_id, reasons=reasons, uploaded=jobs.upload(job, _stored_ids(store)))


def _is_read(store: Store, job: ComplianceJob) -> bool:
    with store.begin() as connection:
        return ledger.find_genuine(connection, JOB, {"job": job.job_id}) is not None


def _read(
    store: Store, settings: Settings, jobs: ComplianceJobs, job: ComplianceJob
) -> tuple[int | None, dict[str, int]]:
    events = compliance_file.read(jobs.results(job), name=f"job {job.job_id}")
    with store.begin() as connection:
        # a poll that was killed before it recorded the job
        made = ledger.find_genuine(connection, RECEIVED, {"job": job.job_id, "kind": COMPLIANCE})
    request_id = None if made is None else int(made.facts()["request_id"])
    if made is None and (events.forget or events.change or events.restore):
        order = ErasureOrder(
            compliance=events, requested_by="x", channel=request_erasure.POLL, provenance={"job": job.job_id}
        )
        request_id = request_erasure.run(store, settings, order)
    _record(store, job, events.reasons, request_id)
    return request_id, dict(events.reasons)


def _record(store: Store, job: ComplianceJob, reasons: Mapping[str, int], request_id: int | None) -> None:
    facts = {"job": job.job_id, "reasons": dict(reasons), "request_id": request_id}
    with store.begin() as connection:
        ledger.append(connection, JOB, facts)


def _stored_ids(store: Store) -> list[int]:
    with store.begin() as connection:
        return tweets.collected_ids(connection)
