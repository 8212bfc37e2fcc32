"""What Prometheus reads. One registry an app, so that two apps in one process do not share counts."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """Counts, times and states of one app."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "sentiment_requests_total", "Requests answered", ["route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "sentiment_request_seconds", "Time to answer", ["route"], buckets=SECONDS, registry=self.registry
        )
        self.predictions = Counter(
            "sentiment_predictions_total", "Texts predicted", ["version", "label"], registry=self.registry
        )
        self.feedback = Counter("sentiment_feedback_total", "Answers of people", ["right"], registry=self.registry)
        self.champion = Gauge("sentiment_champion_version", "Version that serves", registry=self.registry)
        self.champion_look = Gauge(
            "sentiment_champion_look_age_seconds",
            "Time since the database last named the champion",
            registry=self.registry,
        )
        self.spool = Gauge("sentiment_spool_bytes", "Predictions that wait for the database", registry=self.registry)

    def page(self) -> bytes:
        """The text that Prometheus scrapes."""
        return generate_latest(self.registry)
