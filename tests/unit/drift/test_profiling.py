"""The first look at labelled tweets: one page, masked, with what a person must know before training."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sentiment_lib.drift import profiling
from sentiment_lib.errors import BadInput, NotFound
from sentiment_lib.settings import Settings
from sentiment_lib.steps.monitoring import explore

TOPICS = {"negative": "cancelled late lost", "neutral": "when where gate", "positive": "thanks great love"}


def labelled(rows=600):
    """Tweets whose words tell the label; ids repeat once, with another label."""
    random = np.random.default_rng(2)
    labels = random.choice(list(TOPICS), rows)
    texts = [f"{' '.join(random.choice(TOPICS[one].split(), 4))} flight {number}" for number, one in enumerate(labels)]
    frame = pd.DataFrame({"tweet_id": range(rows), "text": texts, "true_label": labels})
    frame["created_at"] = pd.date_range("2026-01-01", periods=rows, freq="15min", tz="UTC")
    return frame


def test_wrong_labels_are_suspected():
    frame = labelled()
    wrong = frame.index[frame["true_label"] == "positive"][:15]
    frame.loc[wrong, "true_label"] = "negative"
    found = set(profiling.find_doubtful_labels(frame)["row"])
    assert len(found & set(wrong)) >= 12


def test_the_seed_of_the_folds_changes_which_labels_are_doubted():
    frame = labelled()
    random = np.random.default_rng(3)
    frame["true_label"] = frame["true_label"].where(random.random(len(frame)) > 0.2, "neutral")
    doubts = [profiling.find_doubtful_labels(frame, seed=seed) for seed in (0, 0, 1)]
    assert doubts[0].equals(doubts[1])
    assert not doubts[0].equals(doubts[2])


def test_telling_words_tell():
    assert {word for word, *_ in profiling.characteristic_words(labelled())["positive"]} == {"thanks", "great", "love"}


def test_conflicts_and_repeats_are_counted():
    frame = pd.concat([labelled(100), labelled(100)[:1].assign(true_label="other")])
    facts = profiling.count_duplicates(frame)
    assert (facts["repeated ids"], facts["ids with more than one label"], facts["repeated texts"]) == (1, 1, 1)


def test_the_page_is_one_file_without_mentions(tmp_path):
    frame = labelled().assign(text=lambda one: "@somebody_private " + one["text"])
    frame.to_csv(tmp_path / "tweets.csv", index=False)
    facts = explore.run(Settings(home=tmp_path), what=str(tmp_path / "tweets.csv"), to=tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert facts["tweets"] == 600
    assert "2026-01-03" in page
    assert "somebody_private" not in page
    assert "src=" not in page
    assert "Of tweets.csv, profiled on 20" in page
    assert "prefers-color-scheme: dark" in page


def test_a_preset_says_which_columns_are_read(tmp_path):
    frame = labelled(60)
    columns = {"text": frame["text"], "airline_sentiment": frame["true_label"], "label": "positive"}
    path = tmp_path / "tweets.csv"
    type(frame)(columns).to_csv(path, index=False)

    def explored(preset):
        explore.run(Settings(home=tmp_path), what=str(path), to=tmp_path / "page.html", preset=preset)
        return "Words characteristic of negative" in (tmp_path / "page.html").read_text()

    assert explored("airline")
    assert not explored("plain")
    with pytest.raises(BadInput, match="Did you mean airline"):
        explored("airlnie")


def test_a_file_without_labels_says_what_it_has(tmp_path):
    (tmp_path / "tweets.csv").write_text("text,mood\nhello,good\n")
    with pytest.raises(BadInput, match="no column 'label'; it has text, mood"):
        explore.run(Settings(home=tmp_path), what=str(tmp_path / "tweets.csv"), to=tmp_path / "page.html")
    with pytest.raises(NotFound):
        explore.run(Settings(home=tmp_path), what=str(tmp_path / "none.csv"), to=tmp_path / "page.html")
    with pytest.raises(BadInput, match="there is no folder"):
        explore.run(Settings(home=tmp_path), what=str(tmp_path / "tweets.csv"), to=tmp_path / "gone" / "page.html")


@pytest.mark.parametrize(
    ("header", "dates"),
    [
        ("tweet_id;text;created_at;label", ["2026-01-01T00:00:00Z", "Thu Jan 01 00:00:00 +0000 2026", "soon"]),
        ("polarity;id;created_at_utc;query;user;text", ["2026-01-01T00:00:00Z"]),
        ("id;text;date;Sentiment", ["3/4/2026"]),
    ],
)
def test_a_file_is_explored_as_ingestion_reads_it(tmp_path, header, dates):
    names = {"0": "negative", "2": "neutral", "4": "positive"}
    codes = {label: code for code, label in names.items()} if "polarity" in header else {}
    lines = []
    for number, row in enumerate(labelled(60).itertuples()):
        cells = {"label": codes.get(row.true_label, row.true_label.upper()), "text": f"isn’t {row.text}"}
        cells |= {"date": dates[number % len(dates)], "id": str(number + 1)}
        places = {"tweet_id": "id", "created_at": "date", "created_at_utc": "date", "polarity": "label"}
        lines.append(";".join(cells.get(places.get(name, name.lower()), cells["label"]) for name in header.split(";")))
    path = tmp_path / "tweets.csv"
    path.write_bytes("\n".join([header, *lines]).encode("cp1252"))
    assert explore.run(Settings(home=tmp_path), what=str(path), to=tmp_path / "page.html")["tweets"] == 60
