"""Alert rules over the API, from repeated probes of its /readyz and /metrics by one process."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sentiment_lib.alerts.rule import Finding
from sentiment_lib.errors import MissingExtra
from sentiment_lib.policy import AlertPolicy
from sentiment_lib.records import Severity

KINDS = ("api_down", "api_errors", "api_slow")
#: Routes that machines poll every few seconds; a 503 of /readyz is no failed request.
POLLED_ROUTES = ("/healthz", "/readyz", "/metrics")
PREDICT_ROUTE = "/v1/predict"
REQUESTS = "sentiment_requests_total"
LATENCY_BUCKETS = "sentiment_request_seconds_bucket"
#: Bytes of /metrics that are read at most.
MAX_PAGE = 4 << 20


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One probe of the API; counts are totals since the API started."""

    at: datetime
    #: /readyz returned 200; None when the API did not respond
    ready: bool | None
    requests: float = 0
    #: responses with status 500 and above
    errors: float = 0
    #: upper bound in seconds -> predict requests that took no longer
    seconds: Mapping[float, float] = field(default_factory=dict)


def probe(url: str, at: datetime, *, timeout: float = 3, metrics_key: str = "") -> Probe:
    """Probe the API at `url`, with the token of its metrics; an unavailable API is a probe with `ready` None.

    Raises MissingExtra as `parse`.
    """
    try:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=timeout) as response:  # noqa: S310 (the URL is the installation's own setting)
                ready = response.status == 200
        except urllib.error.HTTPError:
            ready = False
        headers = {"Authorization": f"Bearer {metrics_key}"} if metrics_key else {}
        page_request = urllib.request.Request(f"{url}/metrics", headers=headers)  # noqa: S310 (as above)
        with urllib.request.urlopen(page_request, timeout=timeout) as response:  # noqa: S310 (the URL is the installation's own setting)
            page = response.read(MAX_PAGE).decode()
        return parse(page, at, ready)
    except (OSError, ValueError, KeyError):  # unavailable, or not the page of this API
        return Probe(at=at, ready=None)


def parse(page: str, at: datetime, ready: bool) -> Probe:
    """A probe from Prometheus text format.

    Raises ValueError or KeyError for any other text, MissingExtra without prometheus-client.
    """
    try:
        from prometheus_client.parser import text_string_to_metric_families
    except ImportError as error:
        raise MissingExtra(what="Alerts about the API", package="prometheus-client", extra="serving") from error
    requests = errors = 0.0
    seconds: dict[float, float] = defaultdict(float)
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            route = sample.labels.get("route", "")
            if sample.name == REQUESTS and route not in POLLED_ROUTES:
                requests += sample.value
                errors += sample.value if sample.labels["status"] >= "500" else 0
            elif sample.name == LATENCY_BUCKETS and route == PREDICT_ROUTE:
                seconds[float(sample.labels["le"])] += sample.value
    return Probe(at=at, ready=ready, requests=requests, errors=errors, seconds=dict(seconds))


class ApiHealth:
    """The probes of one process. A new process has none, so nothing fires for a while."""

    def __init__(self) -> None:
        #: those that got a response, within the policy's window
        self._probes: list[Probe] = []
        self._ready_at: datetime | None = None
        self._failing_since: datetime | None = None

    def add(self, latest: Probe, policy: AlertPolicy) -> None:
        """Record a probe; those older than the rules need are dropped."""
        if latest.ready:
            self._ready_at, self._failing_since = latest.at, None
        else:
            self._failing_since = self._failing_since or latest.at
        if latest.ready is not None:
            self._probes.append(latest)
        older = [earlier for earlier in self._probes if latest.at - earlier.at > policy.api_window]
        self._probes = self._probes[max(0, len(older) - 1) :]  # the last one before the window is its baseline

    def findings(self, policy: AlertPolicy, now: datetime, *, has_served: bool) -> Iterator[Finding]:
        """Every rule that fires at `now`. `has_served`: the API has stored a prediction before."""
        failing = self._failing_since
        if failing is not None and now - failing >= policy.api_down_after and (has_served or self._ready_at):
            yield Finding(
                kind="api_down",
                severity=Severity.CRITICAL,
                dedup_key="api_down",
                title=f"The API has not been ready since {failing:%Y-%m-%d %H:%M} UTC",
                body=f"Last ready: {f'{self._ready_at:%Y-%m-%d %H:%M} UTC' if self._ready_at else 'never'}.",
            )
        if len(self._probes) < 2:
            return
        baseline, latest = self._probes[0], self._probes[-1]
        if latest.requests < baseline.requests:  # restarted in between: its counters began at zero
            baseline = Probe(at=baseline.at, ready=None)
        requests, errors = latest.requests - baseline.requests, latest.errors - baseline.errors
        if requests >= policy.api_requests and errors / requests > policy.api_errors:
            yield Finding(
                kind="api_errors",
                severity=Severity.CRITICAL,
                dedup_key="api_errors",
                title=f"{100 * errors / requests:.1f} % of the API's responses are errors",
                body=f"{errors:.0f} of {requests:.0f} in {policy.api_window}; "
                f"allowed: {100 * policy.api_errors:.1f} %.",
            )
        slow = percentile({bound: count - baseline.seconds.get(bound, 0) for bound, count in latest.seconds.items()})
        if slow is not None and slow[1] >= policy.api_requests and slow[0] > policy.api_p99_seconds:
            yield Finding(
                kind="api_slow",
                severity=Severity.WARNING,
                dedup_key="api_slow",
                title=f"1 % of the API's predictions take longer than {policy.api_p99_seconds:g} s",
                body=f"99th percentile of {slow[1]:.0f} requests in the last {policy.api_window}: up to {slow[0]:g} s.",
            )


def percentile(cumulative: Mapping[float, float], share: float = 0.99) -> tuple[float, float] | None:
    """(upper bound in seconds of the bucket that holds the percentile, number of requests); None without requests.

    `cumulative`: counts by the upper bound of their histogram bucket, as in Prometheus.
    """
    total = cumulative.get(float("inf"), 0)
    if total <= 0:
        return None
    return next(bound for bound in sorted(cumulative) if cumulative[bound] >= share * total), total
