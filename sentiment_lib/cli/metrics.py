"""The command metrics: figures of the loop for Prometheus, once or at each scrape."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentiment_lib.cli.common import open_store

if TYPE_CHECKING:
    from sentiment_lib.steps.operations.platform_metrics import Sample


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(metrics)


def metrics(
    port: Annotated[
        int | None, typer.Option(min=1, max=65_535, help="Answer scrapes on this port until stopped.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Print the figures of the loop in Prometheus' text format, or serve them: lags, quality, labels, backups."""
    from sentiment_lib.errors import MissingExtra

    try:
        from prometheus_client import CollectorRegistry, generate_latest, start_http_server
    except ImportError as error:
        raise MissingExtra(what="sentiment metrics", package="prometheus-client", extra="serving") from error
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector())
    if port is None:
        typer.echo(generate_latest(registry).decode(), nl=False)
        return
    start_http_server(port, addr=host, registry=registry)
    typer.echo(f"http://{host}:{port}/metrics", err=True)
    threading.Event().wait()


class _Collector:
    """Reads the platform anew at each scrape; while the database is away, only that is told."""

    def describe(self) -> Iterator[Any]:
        """Nothing: describing would read everything."""
        return iter(())

    def collect(self) -> Iterator[Any]:
        """The metrics, with whether the database could be read."""
        from prometheus_client.core import GaugeMetricFamily

        from sentiment_lib.cli.common import is_unreachable
        from sentiment_lib.steps.operations import platform_metrics

        samples: list[Sample] = []
        up = GaugeMetricFamily("sentiment_database_up", platform_metrics.HELP["sentiment_database_up"])
        try:
            with open_store() as (store, settings):
                samples = platform_metrics.run(store, settings)
            up.add_metric((), 1)
        except Exception as error:
            if not is_unreachable(error):
                raise
            up.add_metric((), 0)
        yield up
        for name in dict.fromkeys(sample.name for sample in samples):
            own = [sample for sample in samples if sample.name == name]
            labels = tuple(label for label, _ in own[0].labels)
            family = GaugeMetricFamily(name, platform_metrics.HELP[name], labels=labels)
            for sample in own:
                family.add_metric([value for _, value in sample.labels], sample.value)
            yield family
