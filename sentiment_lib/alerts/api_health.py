"""Rules over the API, from what it says of itself: /readyz and /metrics, looked at again and again by one process."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sentiment_lib.alerts.operational_rules import Finding
from sentiment_lib.policy import AlertPolicy

KINDS = ("api_down", "api_errors", "api_slow")
#: Asked by machines every few seconds; a 503 of /readyz is no failed request.
QUIET = ("/healthz", "/readyz", "/metrics")
PREDICT = "/v1/predict"
_LINE = re.compile(r"^(sentiment_requests_total|sentiment_request_seconds_bucket)\{(.*)\} (\S+)$")
_PAIR = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True, kw_only=True)
class Look:
    """One look; counts are those since the API started."""

    at: datetime
    #: /readyz said 200; None when nothing answered
    ready: bool | None
    requests: float = 0
    #: answers of 500 and above
    errors: float = 0
    #: upper bound in seconds -> requests to predict that took no longer
    seconds: Mapping[float, float] = field(default_factory=dict)


def look(url: str, at: datetime, *, timeout: float = 3) -> Look:
    """Ask the API at `url`; an API that is away is a look as well, never an error."""
    try:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=timeout) as answer:  # noqa: S310 (the URL is the installation's own setting)
                ready = answer.status == 200
        except urllib.error.HTTPError:
            ready = False
        with urllib.request.urlopen(f"{url}/metrics", timeout=timeout) as answer:  # noqa: S310 (the URL is the installation's own setting)
            page = answer.read(4 << 20).decode()
    except (OSError, ValueError):
        return Look(at=at, ready=None)
    return parse(page, at, ready)


def parse(page: str, at: datetime, ready: bool) -> Look:
    """A look from the text that Prometheus scrapes."""
    requests = errors = 0.0
    seconds: dict[float, float] = defaultdict(float)
    for line in page.splitlines():
        if (match := _LINE.match(line)) is None:
            continue
        labels, value = dict(_PAIR.findall(match[2])), float(match[3])
        route = labels.get("route", "")
        if match[1] == "sentiment_requests_total" and route not in QUIET:
            requests += value
            errors += value if labels["status"] >= "500" else 0
        elif match[1] != "sentiment_requests_total" and route == PREDICT:
            seconds[float(labels["le"])] += value
    return Look(at=at, ready=ready, requests=requests, errors=errors, seconds=dict(seconds))


class ApiHealth:
    """What one process saw of the API. A new process knows nothing yet, so it says nothing for a while."""

    def __init__(self) -> None:
        self._looks: list[Look] = []
        self._ready_at: datetime | None = None
        self._failing_since: datetime | None = None

    def add(self, one: Look, policy: AlertPolicy) -> None:
        """Remember a look; older ones than the rules need are dropped."""
        if one.ready:
            self._ready_at, self._failing_since = one.at, None
        else:
            self._failing_since = self._failing_since or one.at
        if one.ready is not None:
            self._looks.append(one)
        older = [look for look in self._looks if one.at - look.at > policy.api_window]
        self._looks = self._looks[max(0, len(older) - 1) :]  # one before the window is its base

    def findings(self, policy: AlertPolicy, now: datetime, *, has_served: bool) -> Iterator[Finding]:
        """Every rule that fires at `now`. `has_served`: the API has answered somebody, some time."""
        failing = self._failing_since
        if failing is not None and now - failing >= policy.api_down_after and (has_served or self._ready_at):
            yield Finding(
                kind="api_down",
                severity="critical",
                dedup_key="api_down",
                title=f"The API has not been ready since {failing:%Y-%m-%d %H:%M} UTC",
                body=f"Last seen ready: {f'{self._ready_at:%Y-%m-%d %H:%M} UTC' if self._ready_at else 'never'}.",
            )
        if len(self._looks) < 2:
            return
        base, last = self._looks[0], self._looks[-1]
        if last.requests < base.requests:  # started again in between: its counts began at nothing
            base = Look(at=base.at, ready=None)
        requests, errors = last.requests - base.requests, last.errors - base.errors
        if requests >= policy.api_requests and errors / requests > policy.api_errors:
            yield Finding(
                kind="api_errors",
                severity="critical",
                dedup_key="api_errors",
                title=f"{errors / requests:.0%} of the API's answers are errors",
                body=f"{errors:.0f} of {requests:.0f} in {policy.api_window}; {policy.api_errors:.0%} is borne.",
            )
        slowest = percentile({bound: count - base.seconds.get(bound, 0) for bound, count in last.seconds.items()})
        if slowest is not None and slowest[1] >= policy.api_requests and slowest[0] > policy.api_p99_seconds:
            yield Finding(
                kind="api_slow",
                severity="warning",
                dedup_key="api_slow",
                title=f"One prediction in a hundred takes the API more than {policy.api_p99_seconds:g} s",
                body=f"99th percentile of {slowest[1]:.0f} requests in the last {policy.api_window}: "
                f"up to {slowest[0]:g} s.",
            )


def percentile(seconds: Mapping[float, float], share: float = 0.99) -> tuple[float, float] | None:
    """(bound in seconds below which `share` of the requests lie, requests); None without any."""
    total = seconds.get(float("inf"), 0)
    if total <= 0:
        return None
    return next(bound for bound in sorted(seconds) if seconds[bound] >= share * total), total
