"""HTML pages that steps have written into the reports folder, each shown inside the console's frame."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from sentiment_lib.errors import NotFound
from sentiment_lib.pages import formatting
from sentiment_lib.settings import Settings
from sentiment_lib.steps.ingestion import check_quality
from sentiment_lib.storage.drift_reports import StoredReport


def path(settings: Settings, name: str | None, *, of: str) -> Path:
    """Path of a page in the reports folder. Raises NotFound for a path outside it or a missing file."""
    folder = settings.reports.resolve()
    try:
        found = (folder / (name or "")).resolve()
    except (OSError, RuntimeError) as error:  # links in a circle
        raise NotFound(what="kept page of", key=of) from error
    if not found.is_relative_to(folder) or not found.is_file():
        raise NotFound(what="kept page of", key=of)
    return found


def quality_path(settings: Settings) -> Path:
    """Path of the newest check of new tweets. Raises NotFound before the first one."""
    return path(settings, check_quality.PAGE, of="check of new tweets")


def replay_path(settings: Settings, digest: str) -> Path:
    """Path of the page of a replay, by the hash of its evidence. Raises NotFound for an unknown one."""
    return path(settings, f"replays/{digest}.html", of="replay")


def evidently_frame(report: StoredReport) -> dict[str, str]:
    """Template values of the frame around Evidently's page of a drift report."""
    current = f"{formatting.utc(report.current_start)} to {formatting.utc(report.current_end)}"
    reference = f"{formatting.utc(report.reference_start)} to {formatting.utc(report.reference_end)}"
    address = f"/drift/{report.report_id}"
    return {
        "heading": "Evidently report",
        "about": f"{current}, against the reference from {reference}; predictions of version {report.model_version}. "
        "Pictures and figures of every column; the platform's own verdict is on the report's page.",
        "back": address,
        "back_words": f"Back to drift report {report.report_id}",
        "source": f"{address}/evidently/page",
    }


def quality_frame(settings: Settings) -> dict[str, str]:
    """Template values of the frame around the newest check of new tweets; without a page to frame before the first."""
    back = {"heading": "Data quality", "back": "/alerts", "back_words": "Alerts"}
    try:
        path_of_newest = quality_path(settings)
    except NotFound:
        return back | {"about": "New tweets are checked after each ingest.", "missing": "No check of new tweets yet"}
    return back | {
        "about": f"The newest check of new tweets, of {_written(path_of_newest)}: a sample of what the last "
        "ingest stored, with the result of each test. A failed test opens an alert; the next good ingest resolves it.",
        "source": "/quality/page",
    }


def replay_frame(settings: Settings, digest: str) -> dict[str, str]:
    """Template values of the frame around the page of a replay. Raises NotFound for an unknown one."""
    written = _written(replay_path(settings, digest))
    return {
        "heading": "Replay",
        "about": f"Policies of retraining compared on this platform's own history, of {written}. "
        f"Evidence {digest[:12]}.",
        "back": "/retraining",
        "back_words": "Retraining",
        "source": f"/replays/{digest}/page",
    }


def _written(file: Path) -> str:
    """When the page was written."""
    return formatting.utc(datetime.fromtimestamp(file.stat().st_mtime, UTC))
