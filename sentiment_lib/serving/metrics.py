"""Prometheus metrics. One registry per app, so that two apps in one process do not share counts."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

#: Upper bounds of the latency histogram, in seconds.
BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """Counters, histogram and gauges of one app."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter("sentiment_requests_total", "Requests", ["route", "status"], registry=self.registry)
        self.seconds = Histogram(
            "sentiment_request_seconds", "Latency of requests", ["route"], buckets=BUCKETS, registry=self.registry
        )
        self.predictions = Counter(
            "sentiment_predictions_total", "Texts predicted", ["version", "label"], registry=self.registry
        )
        self.feedback = Counter(
            "sentiment_feedback_total", "Predictions confirmed or corrected", ["right"], registry=self.registry
        )
        self.champion = Gauge("sentiment_champion_version", "Version that serves", registry=self.registry)
        self.champion_poll = Gauge(
            "sentiment_champion_poll_age_seconds",
            "Time since the last successful poll for the champion",
            registry=self.registry,
        )
        self.spool = Gauge("sentiment_spool_bytes", "Bytes that wait for the database", registry=self.registry)
        self.tables = Gauge(
            "sentiment_table_bytes", "Size of a table with its indexes", ["table"], registry=self.registry
        )
        self.folders = Gauge(
            "sentiment_folder_bytes",
            "Size of the files in a folder of SENTIMENT_HOME, as retention last measured it",
            ["folder"],
            registry=self.registry,
        )
        self.connections = Gauge("sentiment_connections", "Open connections", registry=self.registry)
        self.connections_refused = Gauge(
            "sentiment_connections_refused", "Connections closed or refused over a limit", registry=self.registry
        )

    def exposition(self) -> bytes:
        """All metrics in Prometheus text format."""
        return generate_latest(self.registry)
