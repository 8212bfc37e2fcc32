"""A first look at labelled tweets: one self-contained page."""

from __future__ import annotations

from contextlib import closing
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from sentiment_lib.drift import profiling
from sentiment_lib.errors import BadInput, BadSource, NotFound
from sentiment_lib.settings import Settings
from sentiment_lib.text import privacy

#: Names that files give to the columns.
NAMES = {
    "airline_sentiment": "true_label",
    "sentiment": "true_label",
    "label": "true_label",
    "tweet_created": "created_at",
    "created_at_utc": "created_at",
    "id": "tweet_id",
}
COLOURS = {"negative": "#c0392b", "neutral": "#95a5a6", "positive": "#27ae60"}
STYLE = """body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:64rem;padding:0 1rem;color:#222}
h2{margin-top:2.2rem}table{border-collapse:collapse}td,th{padding:.15rem .7rem;text-align:left}
td.n{text-align:right;font-variant-numeric:tabular-nums}tr:nth-child(even){background:#f6f6f6}
.bar{display:flex;width:26rem;height:1rem}.key span{padding:0 .6rem;color:#fff;margin-right:.4rem}"""


def run(settings: Settings, *, what: str, to: Path) -> dict[str, Any]:
    """Write the page for a snapshot's id or a file; gives its path and the main figures."""
    frame = _masked(_read(settings, what))
    doubtful = profiling.find_doubtful_labels(frame)
    facts = profiling.count_duplicates(frame) | {"doubtful labels": doubtful.attrs.get("all", 0)}
    parts = [f"<h1>{len(frame):,} labelled tweets</h1><p class=key>"]
    parts += [f"<span style='background:{colour}'>{name}</span>" for name, colour in COLOURS.items()]
    parts.append("</p><h2>To know</h2>" + _table(["", "rows"], [[key, f"{n:,}"] for key, n in facts.items()]))
    for name, table in profiling.label_tables(frame).items():
        parts.append(f"<h2>Labels by {escape(name)}</h2>{_shares(table)}")
    size = profiling.length_quantiles(frame)
    rows = [
        [str(label), *(str(value) for value in row)] for label, row in zip(size.index, size.to_numpy(), strict=True)
    ]
    parts.append("<h2>Characters</h2>" + _table(["label", "5 %", "25 %", "median", "75 %", "95 %"], rows))
    for label, found in profiling.characteristic_words(frame).items():
        rows = [[word, f"{now:.1%}", f"{other:.1%}"] for word, now, other in found]
        parts.append(f"<h2>Words that tell {label}</h2>" + _table(["word", "its tweets", "others"], rows))
    rows = [
        [str(frame["text"].iloc[int(row)])[:160], str(label), str(suggested), f"{doubt:.2f}"]
        for row, label, suggested, doubt in doubtful.to_numpy()
    ]
    parts.append("<h2>Labels that a cross-validated model doubts most</h2>")
    parts.append(_table(["tweet", "label", "model", "doubt"], rows) if rows else "<p>Too few rows of a class.</p>")
    page = "".join(parts)
    to.write_text(f"<!doctype html><meta charset=utf-8><title>Tweets</title><style>{STYLE}</style>{page}")
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
    """Rows with a text and a known label; mentions and addresses of a raw file never reach the page."""
    for name, in_file in (("text", "text"), ("true_label", "label")):
        if name not in frame:
            raise BadInput(what="The file", problem=f"it has no column '{in_file}'; it has {', '.join(frame.columns)}")
    kept = frame[frame["text"].notna() & frame["true_label"].isin(profiling.NAMES)].reset_index(drop=True)
    if kept.empty:
        raise BadInput(what="The file", problem="no row has a text and one of the labels negative, neutral, positive")
    return kept.assign(text=[privacy.mask(str(text)) for text in kept["text"]])


def _shares(table: pd.DataFrame) -> str:
    rows = []
    for name, row in table.iterrows():
        bar = "".join(
            f"<span style='background:{colour};width:{100 * row[label]:.2f}%' title='{label} {row[label]:.1%}'></span>"
            for label, colour in COLOURS.items()
        )
        rows.append(
            f"<tr><td>{escape(str(name))}<td class=n>{int(row['tweets']):,}<td><div class=bar>{bar}</div>"
            f"<td class=n>{row['negative']:.0%}"
        )
    return f"<table><tr><th><th>tweets<th><th>negative{''.join(rows)}</table>"


def _table(names: list[str], rows: list[list[str]]) -> str:
    head = "".join(f"<th>{escape(name)}" for name in names)
    body = "".join("<tr>" + "".join(f"<td>{escape(str(cell))}" for cell in row) for row in rows)
    return f"<table><tr>{head}{body}</table>"
