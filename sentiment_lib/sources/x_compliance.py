"""X's batch compliance: upload ids of tweets, and learn which were deleted, protected or withheld since.

A job is created, the ids are uploaded to its signed address, and its results are downloaded when it is complete. X
allows one job at a time; addresses expire after 15 minutes and a week.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from tempfile import TemporaryFile
from typing import Any

import httpx

from sentiment_lib.errors import BadSource

#: Name of our jobs: others of the same account are left alone.
NAME = "airline-sentiment"
#: Seconds for a request, and for an upload or a download.
SECONDS, TRANSFER_SECONDS = 30.0, 600.0


@dataclass(frozen=True, kw_only=True)
class ComplianceJob:
    """A job and how far it is."""

    job_id: str
    #: "created", "in_progress", "complete", "failed" or "expired"
    status: str
    created_at: datetime
    upload_url: str
    download_url: str
    upload_expires_at: datetime | None


class ComplianceJobs:
    """The jobs of one account. Raises BadSource whenever X refuses or does not respond."""

    def __init__(self, *, token: str, host: str) -> None:
        self._client = httpx.Client(base_url=host, headers={"Authorization": f"Bearer {token}"}, timeout=SECONDS)

    def newest(self) -> ComplianceJob | None:
        """Our newest job; None without any."""
        body = self._request("GET", "/2/compliance/jobs", params={"type": "tweets"})
        ours = [_job(job) for job in body.get("data", ()) if job.get("name") == NAME]
        return max(ours, key=lambda job: job.created_at, default=None)

    def create(self) -> ComplianceJob:
        """A new job, which waits for its upload."""
        return _job(self._request("POST", "/2/compliance/jobs", json={"type": "tweets", "name": NAME})["data"])

    def upload(self, job: ComplianceJob, tweet_ids: Iterable[int]) -> int:
        """Upload ids, one a line; returns their number."""
        with TemporaryFile() as file:  # a signed address wants to know the length
            count = 0
            for tweet_id in tweet_ids:
                file.write(b"%d\n" % tweet_id)
                count += 1
            file.seek(0)
            headers = {"Content-Type": "text/plain"}
            # signed: our token stays with X
            response = _checked(
                lambda: httpx.put(job.upload_url, content=file, headers=headers, timeout=TRANSFER_SECONDS)
            )
            response.close()
        return count

    def results(self, job: ComplianceJob) -> Iterator[str]:
        """Lines of JSON, one for each tweet on which X asks to act."""
        try:
            with httpx.stream("GET", job.download_url, timeout=TRANSFER_SECONDS) as response:
                response.raise_for_status()
                yield from response.iter_lines()
        except httpx.HTTPError as error:
            raise BadSource(source="X's batch compliance", problem=_why(error)) from error

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _request(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        response = _checked(lambda: self._client.request(method, path, **options))
        body: dict[str, Any] = response.json()
        return body


def _checked(send: Any) -> httpx.Response:
    try:
        response: httpx.Response = send()
        return response.raise_for_status()
    except httpx.HTTPError as error:
        raise BadSource(source="X's batch compliance", problem=_why(error)) from error


def _why(error: httpx.HTTPError) -> str:
    """The problem without the address, which is signed."""
    if isinstance(error, httpx.HTTPStatusError):
        return f"it responds with {error.response.status_code}"
    return type(error).__name__


def _job(body: dict[str, Any]) -> ComplianceJob:
    expires = body.get("upload_expires_at")
    return ComplianceJob(
        job_id=str(body["id"]),
        status=str(body["status"]),
        created_at=datetime.fromisoformat(body["created_at"]),
        upload_url=body.get("upload_url", ""),
        download_url=body.get("download_url", ""),
        upload_expires_at=datetime.fromisoformat(expires) if expires else None,
    )
