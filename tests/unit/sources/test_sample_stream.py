"""The sample stream: made up, seeded, labelled in part, and it says so."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from itertools import islice

from sentiment_lib.sources.sample_stream import STORY, Event, SampleStream
from sentiment_lib.text.airlines import airline_of

START = datetime(2026, 3, 1, tzinfo=UTC)


def stream(**options):
    return SampleStream(start=START, **options)


def test_the_same_arguments_give_the_same_rows_and_digest():
    one, two = stream(days=3, seed=5), stream(days=3, seed=5)
    assert one.identity == two.identity
    assert list(one.rows()) == list(two.rows())


def test_another_seed_gives_other_tweets_and_another_digest():
    one, two = stream(days=1, seed=1), stream(days=1, seed=2)
    assert one.identity.digest != two.identity.digest
    assert [row.text for row in one.rows()] != [row.text for row in two.rows()]


def test_a_longer_stream_begins_with_the_same_tweets():
    short = list(stream(days=2, per_day=50).rows())
    assert list(islice(stream(days=4, per_day=50).rows(), 100)) == short


def test_it_says_that_it_is_synthetic():
    identity = stream().identity
    assert identity.synthetic
    assert "synthetic" in identity.name


def test_rows_come_in_the_order_of_time_with_ids_of_their_own():
    rows = list(stream(days=3, per_day=300).rows())
    assert len(rows) == 900
    assert len({row.tweet_id for row in rows}) == 900
    assert [row.created_at for row in rows] == sorted(row.created_at for row in rows)
    assert [int(row.tweet_id) for row in rows] == sorted(int(row.tweet_id) for row in rows)
    assert [row.number for row in rows] == list(range(1, 901))


def test_a_part_is_labelled_with_the_shares_of_a_real_stream():
    rows = list(stream(days=5, per_day=1000, labelled=0.4, events=()).rows())
    labels = Counter(row.label for row in rows if row.label)
    given = labels.total() / len(rows)
    assert 0.37 < given < 0.43
    assert set(labels) == {"negative", "neutral", "positive"}
    assert labels["negative"] > labels["neutral"] > labels["positive"] > 0.1 * labels.total()
    assert all((row.label is None) == (row.labelled_at is None) for row in rows)


def test_it_holds_what_real_tweets_hold():
    rows = list(stream(days=5, per_day=400).rows())
    texts = [row.text for row in rows]
    assert len({airline_of(text) for text in texts} - {None}) >= 6
    assert len({row.language for row in rows}) >= 4
    assert sum("http" in text for text in texts) > 100
    assert any(text.startswith("RT ") for text in texts)
    assert any("😡" in text for text in texts)


def test_a_storm_brings_its_topic_and_more_scorn():
    storm = Event(kind="storm", day=1, days=1, share=0.8)
    rows = list(stream(days=2, per_day=1000, labelled=1.0, events=(storm,)).rows())

    def share(part):
        return sum(row.label == "negative" for row in part) / len(part)

    def about_snow(part):
        return sum("storm" in row.text or "snow" in row.text or "blizzard" in row.text for row in part)

    assert share(rows[1000:]) > share(rows[:1000]) + 0.1
    assert about_snow(rows[:1000]) == 0
    assert about_snow(rows[1000:]) > 300


def test_new_slang_appears_only_from_its_day_on():
    slang = Event(kind="slang", day=1, days=1, share=0.5)
    rows = list(stream(days=2, per_day=500, events=(slang,)).rows())
    words = ("skibbed", "grizzly", "vibing", "lowkey", "bussnest", "zonked")
    spoken = [any(word in row.text.lower() for word in words) for row in rows]
    assert not any(spoken[:500])
    assert sum(spoken[500:]) > 150


def test_a_flip_turns_the_label_of_the_same_words():
    flip = Event(kind="flip", day=1, days=1, share=1.0)
    rows = list(stream(days=2, per_day=2000, labelled=1.0, events=(flip,)).rows())

    def scorn(part):
        said = [row.label for row in part if "premium" in row.text.lower()]
        assert len(said) > 10
        return sum(label == "negative" for label in said) / len(said)

    assert scorn(rows[:2000]) < 0.2
    assert scorn(rows[2000:]) > 0.8


def test_the_story_of_a_newcomer_ends_in_a_storm():
    assert STORY[-1].kind == "storm"
    assert STORY[-1].day + STORY[-1].days == 14
