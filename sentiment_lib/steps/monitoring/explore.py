"""Profile of labelled tweets for a first look: one self-contained HTML page."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd

from sentiment_lib.drift import profiling
from sentiment_lib.errors import BadInput, BadSource, NotFound
from sentiment_lib.files import write_atomically
from sentiment_lib.pages.templates import environment
from sentiment_lib.settings import Settings
from sentiment_lib.text import privacy

#: Column names in files, and ours.
NAMES = {
    "airline_sentiment": "true_label",
    "sentiment": "true_label",
    "label": "true_label",
    "tweet_created": "created_at",
    "created_at_utc": "created_at",
    "id": "tweet_id",
}
COLOURS = {"negative": "#c0392b", "neutral": "#95a5a6", "positive": "#27ae60"}
#: Characters of a doubtful tweet that are shown.
SHOWN = 160


def run(settings: Settings, *, what: str, to: Path) -> dict[str, Any]:
    """Write the profile of a snapshot (by its id) or of a file; returns the page's path and the main figures.

    Raises NotFound, BadSource for a file that cannot be read, and BadInput for one without texts and labels.
    """
    frame = _masked(_read(settings, what))
    doubtful = profiling.find_doubtful_labels(frame)
    facts = profiling.count_duplicates(frame) | {"doubtful labels": doubtful.attrs.get("all", 0)}
    lengths = profiling.length_quantiles(frame)
    words = profiling.characteristic_words(frame)
    page = environment().get_template("explore.html")
    text = page.render(
        tweets=len(frame),
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


def _read(settings: Settings, what: str) -> pd.DataFrame:
    path = Path(what)
    if what.isdigit() and not path.exists():
        return _snapshot(settings, int(what))
    if not path.is_file():
        raise NotFound(what="file or snapshot", key=what)
    try:
        frame = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    except (ValueError, OSError) as error:
        raise BadSource(source=what, problem=str(error).splitlines()[0]) from error
    return frame.rename(columns={old: new for old, new in NAMES.items() if old in frame and new not in frame})


def _snapshot(settings: Settings, snapshot_id: int) -> pd.DataFrame:
    from sentiment_lib.storage import snapshots
    from sentiment_lib.storage.engine import Store

    with closing(Store.open(settings)) as store, store.begin() as connection:
        return snapshots.labelled_tweets(connection, snapshot_id)


def _masked(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows with a text and a known label, with mentions and URLs masked."""
    for name, in_file in (("text", "text"), ("true_label", "label")):
        if name not in frame:
            raise BadInput(what="The file", problem=f"it has no column '{in_file}'; it has {', '.join(frame.columns)}")
    kept = frame[frame["text"].notna() & frame["true_label"].isin(profiling.NAMES)].reset_index(drop=True)
    if kept.empty:
        raise BadInput(what="The file", problem="no row has a text and one of the labels negative, neutral, positive")
    return kept.assign(text=[privacy.mask(str(text)) for text in kept["text"]])


def _share_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {"name": name, "tweets": int(row["tweets"]), "shares": {label: float(row[label]) for label in COLOURS}}
        for name, row in table.iterrows()
    ]
