"""Exploratory profile of labelled tweets: one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from sentiment_lib import clock
from sentiment_lib.drift import profiling
from sentiment_lib.errors import BadInput, BadSource, NotFound
from sentiment_lib.files import write_atomically
from sentiment_lib.pages.templates import environment
from sentiment_lib.settings import Settings
from sentiment_lib.sources.files import FileSource
from sentiment_lib.sources.presets import PRESETS, Preset
from sentiment_lib.sources.presets import preset as preset_named
from sentiment_lib.sources.values import is_absent, parse_label, parse_moment, parse_tweet_id
from sentiment_lib.text import privacy
from sentiment_lib.text.airlines import airline_name
from sentiment_lib.text.language_codes import language_code

#: Presets tried on a file; the one that finds the most columns is used.
READINGS = tuple(
    replace(preset, columns={**preset.columns, "label": label}, required=("text", "label"))
    for preset, label in (
        *((PRESETS[name], PRESETS[name].columns["label"]) for name in ("plain", "airline", "semeval", "sentiment140")),
        (PRESETS["plain"], "sentiment"),
        (PRESETS["plain"], "true_label"),
    )
)
COLOURS = {"negative": "#c0392b", "neutral": "#95a5a6", "positive": "#27ae60"}
#: Maximum number of characters shown of a doubtful tweet.
SHOWN = 160


def run(
    settings: Settings, *, what: str, to: Path, preset: str | None = None, columns: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Write the profile of a snapshot (by its id) or of a file; returns the page's path and the main figures.

    A file is read as ingestion reads it with the preset, by default the one that finds the most columns; `columns`:
    field → column, where the names differ. Raises NotFound, BadSource for a file that cannot be read, and BadInput for
    an unknown preset, and for a file without texts and labels or without a folder for the page.
    """
    if not to.absolute().parent.is_dir():  # before minutes of work
        raise BadInput(what=f"the page {to}", problem=f"there is no folder {to.parent}")
    frame = _masked(_read(settings, what, _readings(preset), columns or {}, to))
    doubtful = profiling.find_doubtful_labels(frame)
    facts = profiling.count_duplicates(frame) | {"doubtful labels": doubtful.attrs.get("all", 0)}
    lengths = profiling.length_quantiles(frame)
    words = profiling.characteristic_words(frame)
    page = environment().get_template("explore.html")
    text = page.render(
        tweets=len(frame),
        source=f"snapshot {what}" if _is_snapshot(what) else Path(what).name,
        profiled=f"{clock.now():%Y-%m-%d %H:%M} UTC",
        colours=COLOURS,
        facts=[(name, f"{number:,}") for name, number in facts.items()],
        shares={name: _share_rows(table) for name, table in profiling.label_tables(frame).items()},
        lengths=[(label, *row) for label, row in zip(lengths.index, lengths.to_numpy().tolist(), strict=True)],
        words={
            label: [(word, f"{share:.1%}", f"{elsewhere:.1%}") for word, share, elsewhere in rows]
            for label, rows in words.items()
        },
        doubtful=[
            (str(frame["text"].iloc[int(row)])[:SHOWN], label, suggested, f"{doubt:.2f}")
            for row, label, suggested, doubt in doubtful.to_numpy()
        ],
    )
    write_atomically(to, text)
    return {"page": str(to), "tweets": len(frame), **facts}


def _readings(name: str | None) -> Sequence[Preset]:
    if name is None:
        return READINGS
    chosen = preset_named(name)
    return (replace(chosen, required=("text", "label")),)


def _read(
    settings: Settings, what: str, readings: Sequence[Preset], columns: Mapping[str, str], to: Path
) -> pd.DataFrame:
    path = Path(what)
    if _is_snapshot(what):
        return _snapshot(settings, int(what), to)
    if not path.is_file():
        raise NotFound(what="file or snapshot", key=what)
    return _file(path, readings, columns)


def _is_snapshot(what: str) -> bool:
    return what.isdigit() and not Path(what).exists()


def _file(path: Path, readings: Sequence[Preset], columns: Mapping[str, str]) -> pd.DataFrame:
    """Rows of a file parsed as in ingestion, without those that cannot be parsed."""
    best = _best_reading(path, readings, columns)
    rows = [row for row in best.rows() if row.problem is None]
    frame = pd.DataFrame(
        {
            "tweet_id": [parse_tweet_id(row.tweet_id)[0] for row in rows],
            "text": [None if is_absent(row.text) else row.text for row in rows],
            "true_label": [parse_label(row.label)[0] for row in rows],
            "airline": [airline_name(row.airline) if row.airline else None for row in rows],
            "language": [language_code(row.language) if row.language else None for row in rows],
            "created_at": pd.Series([_moment(row.created_at) for row in rows], dtype="datetime64[us, UTC]"),
        }
    )
    return frame.dropna(axis="columns", how="all") if rows else frame


def _best_reading(path: Path, readings: Sequence[Preset], columns: Mapping[str, str]) -> FileSource:
    sources, errors = [], []
    for reading in readings:
        source = FileSource(path, replace(reading, columns={**reading.columns, **columns}))
        try:
            first = next(source.rows(), None)
        except BadSource as error:
            errors.append(error)
        else:
            sources.append((sum(value is not None for value in first or ()), source))
    if not sources:
        problem = str(errors[0].details["problem"]).replace("its columns are:", "it has")
        if "no column" in problem or "not like column names" in problem:
            raise BadInput(what="The file", problem=problem)
        raise errors[0]
    return max(sources, key=lambda pair: pair[0])[1]


def _moment(written: str | None) -> datetime | None:
    """The date, if it has a time zone; else None."""
    try:
        moment = parse_moment(written or "")
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def _snapshot(settings: Settings, snapshot_id: int, to: Path) -> pd.DataFrame:
    """Rows of a snapshot; that its page is written is recorded, since it shows tweets."""
    from sentiment_lib.storage import exports, snapshots
    from sentiment_lib.storage.engine import Store

    with closing(Store.open(settings)) as store, store.begin() as connection:
        rows = snapshots.labelled_tweets(connection, snapshot_id)
        exports.record(connection, exports.on_this_machine("profile", to))
        return rows


def _masked(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows with a text and a known label, with mentions and URLs masked."""
    for name, in_file in (("text", "text"), ("true_label", "label")):
        if name not in frame:
            raise BadInput(what="The file", problem=f"it has no column '{in_file}'; it has {', '.join(frame.columns)}")
    labelled = frame[frame["text"].notna() & frame["true_label"].isin(profiling.NAMES)].reset_index(drop=True)
    if labelled.empty:
        raise BadInput(what="The file", problem="no row has a text and one of the labels negative, neutral, positive")
    return labelled.assign(text=[privacy.mask(str(text)) for text in labelled["text"]])


def _share_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {"name": name, "tweets": int(row["tweets"]), "shares": {label: float(row[label]) for label in COLOURS}}
        for name, row in table.iterrows()
    ]
