"""Ingest: every row ends as stored, duplicate or quarantined, and being killed changes nothing."""

from __future__ import annotations

import gzip
import json
import os
import random
import threading
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from sentiment_lib.errors import BadInput, BadSource
from sentiment_lib.settings import InputSettings, Settings
from sentiment_lib.sources import catalog, x_api
from sentiment_lib.sources.base import Row, SourceIdentity
from sentiment_lib.sources.files import FileSource
from sentiment_lib.sources.sample_stream import SampleStream
from sentiment_lib.steps.ingestion import ingest as step
from sentiment_lib.storage import grants, tweets
from sentiment_lib.storage.engine import Store

#: Steps run as the platform runs them.
DATABASE_ROLE = grants.APP

HEADER = "tweet_id,text,author,created_at,label,confidence\n"
DAY = "2026-01-01T00:00:00Z"
START = datetime(2026, 3, 1, tzinfo=UTC)


class Killed(Exception):
    """Stands for a process that ends here."""


class CutOff:
    """A source whose process dies before the row at `at` (from 0)."""

    def __init__(self, whole, at):
        self._whole, self._at = whole, at
        self.identity = whole.identity

    def rows(self):
        for place, row in enumerate(self._whole.rows()):
            if place == self._at:
                raise Killed
            yield row


def ask(store, statement, **values):
    with store.begin() as connection:
        return connection.execute(text(statement), values).all()


def csv(tmp_path, *lines, name="t.csv"):
    path = tmp_path / name
    path.write_bytes((HEADER + "".join(f"{line}\n" for line in lines)).encode("utf-8", "surrogateescape"))
    return path


def counts(result):
    assert result.received == result.stored + result.duplicate + result.quarantined
    return result.received, result.stored, result.duplicate, result.quarantined


def content(store):
    tables = {
        "tweets": "tweet_id, text, author_hash, language, airline, created_at, synthetic",
        "labels": "tweet_id, label, source, labelled_by, labelled_at, confidence",
        "quarantine": "row_number, reason, raw",
        "ingests": "source, input_digest, received, stored, duplicate, quarantined, finished_at IS NULL",
    }
    return {table: ask(store, f"SELECT {columns} FROM {table} ORDER BY 1, 2, 3") for table, columns in tables.items()}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f"abc,hello,,{DAY},,", "the id 'abc' is no tweet id"),
        (f",hello,,{DAY},,", "the id '' is no tweet id"),
        (f"-5,hello,,{DAY},,", "the id '-5' is no tweet id"),
        (f"9223372036854775808,hello,,{DAY},,", "is no tweet id"),
        (f"5.7e17,hello,,{DAY},,", "the id '5.7e17' is no tweet id"),
        (f"٣,hello,,{DAY},,", "is no tweet id"),
        (f"1,,,{DAY},,", "the text is empty"),
        (f"1,   ,,{DAY},,", "the text is empty"),
        (f"1,{'a' * 20_000},,{DAY},,", "the text has 20000 characters, more than 10000"),
        (f"1,he\x00llo,,{DAY},,", "the text holds a NUL byte"),
        (f"1,é caf\udce9,,{DAY},,", "the text is not UTF-8"),
        ("1,hello,,2199-01-01T00:00:00Z,,", "lies in the future"),
        ("1,hello,,1999-01-01T00:00:00Z,,", "lies before the first tweet"),
        ("1,hello,,yesterday,,", "the date 'yesterday' cannot be read"),
        ("1,hello,,2026-01-01T00:00:00,,", "has no time zone"),
        ("1,hello,,,,", "the date is missing"),
        ("1,hello", "2 columns where the header has 6"),
    ],
)
def test_a_bad_row_goes_to_quarantine_whole_and_with_the_reason(store, settings, tmp_path, line, reason):
    path = csv(tmp_path, f"7,before,,{DAY},,", line, f"8,after,,{DAY},,")
    assert counts(step.run(store, settings, FileSource(path))) == (3, 2, 0, 1)
    ((number, said, raw),) = ask(store, "SELECT row_number, reason, raw FROM quarantine")
    assert number == 2
    assert reason in said
    assert said.isascii()
    assert json.loads(raw) == line.split(",")
    assert ask(store, "SELECT tweet_id FROM tweets ORDER BY 1") == [(7,), (8,)]


@pytest.mark.parametrize(
    ("cells", "labels", "note"),
    [
        ("angry,", 0, "the label 'angry' is none of negative, neutral, positive"),
        ("negative,often", 0, "the confidence 'often' is no number"),
        ("negative,1.5", 0, "is not between 0 and 1"),
        ("negative,nan", 1, None),
        ("NULL,", 0, None),
        ("Neutral\u00a0,", 1, None),
        ("neutral\u200b,", 1, None),
    ],
)
def test_an_optional_cell_that_cannot_be_read_costs_its_field_and_not_the_tweet(
    store, settings, tmp_path, cells, labels, note
):
    result = step.run(store, settings, FileSource(csv(tmp_path, f"1,hello,,{DAY},{cells}")))
    assert (*counts(result), result.labels) == (1, 1, 0, 0, labels)
    assert (note is None and not result.notes) or any(note in line for line in result.notes)


@pytest.mark.parametrize("blank", ["", " ", "nan", "NaN", "NULL", "None", "\\N"])
def test_words_for_an_absent_value_are_no_values(store, settings, tmp_path, blank):
    path = tmp_path / "t.csv"
    lines = [
        "tweet_id,text,created_at,author,language,airline,label,confidence,labelled_at",
        f"1,the gate was closed,{DAY},{blank},{blank},{blank},{blank},{blank},{blank}",
        f"2,{blank},{DAY},,,,,,",
    ]
    path.write_text("\n".join(lines))
    assert counts(step.run(store, settings, FileSource(path))) == (2, 1, 0, 1)
    assert ask(store, "SELECT author_hash, language, airline FROM tweets") == [(None, "en", None)]
    assert ask(store, "SELECT count(*) FROM labels") == [(0,)]
    assert ask(store, "SELECT reason FROM quarantine") == [("the text is empty",)]


def test_na_is_no_language(store, settings, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(f"tweet_id,text,created_at,language\n1,the gate was closed,{DAY},NA\n")
    step.run(store, settings, FileSource(path))
    assert ask(store, "SELECT language FROM tweets") == [("en",)]


def test_languages_and_airlines_are_closed_lists(store, settings, tmp_path):
    path = tmp_path / "t.csv"
    spellings = [("EN", "Delta"), ("en-US", "delta "), ("English", "DL"), ("und", "@Delta"), ("qme", "Delta Air Lines")]
    lines = [
        f"{n},the bag is not here,{DAY},{language},{airline}" for n, (language, airline) in enumerate(spellings, 1)
    ]
    path.write_text("\n".join(["tweet_id,text,created_at,language,airline", *lines, f"9,hola,{DAY},iw,Nosuch"]))
    result = step.run(store, settings, FileSource(path))
    assert ask(store, "SELECT DISTINCT language, airline FROM tweets WHERE tweet_id < 9") == [("en", "Delta")]
    assert ask(store, "SELECT language, airline FROM tweets WHERE tweet_id = 9") == [("he", None)]
    assert any("'Nosuch' is not on the list" in line for line in result.notes)


IDS = [(1_772_668_801_000 - 1_288_834_974_657 + n * 61_003 << 22) + 4_711 * n + 2_813 for n in range(1, 9)]


@pytest.mark.parametrize(
    "rounding",
    [
        lambda one: str(one)[:15].ljust(19, "0"),  # a spreadsheet
        lambda one: str(int(float(one) // 256 * 256)),  # a float, written as an integer
        lambda one: f"{one:.5E}",
    ],
)
def test_rounded_ids_bring_no_second_copy_of_a_tweet(store, settings, tmp_path, rounding):
    good = [f"{one},text {one},,2026-03-06T00:00:00Z,," for one in IDS]
    assert counts(step.run_file(store, settings, FileSource(csv(tmp_path, *good)))) == (8, 8, 0, 0)
    bad = [f"{rounding(one)},text {one},,2026-03-06T00:00:00Z,," for one in IDS]
    with pytest.raises(step.NothingIngested, match="rounded"):
        step.run_file(store, settings, FileSource(csv(tmp_path, *bad, name="rounded.csv")))
    assert ask(store, "SELECT count(*) FROM tweets") == [(8,)]


def test_guards_against_spreadsheets_are_taken_off_ids(store, settings, tmp_path):
    lines = [
        f"'{IDS[0]},a,,{DAY},,",
        f'"=""{IDS[1]}""",b,,{DAY},,',
        f"{IDS[2]}.0,c,,{DAY},,",
        f"ID_{IDS[3]},d,,{DAY},,",
    ]
    assert counts(step.run(store, settings, FileSource(csv(tmp_path, *lines)))) == (4, 3, 0, 1)
    assert ask(store, "SELECT tweet_id FROM tweets ORDER BY 1") == [(one,) for one in IDS[:3]]


def test_a_file_of_which_no_row_gets_in_fails_with_one_sentence(store, settings, tmp_path):
    folder = landing(settings)
    (folder / "a.csv").write_text(HEADER + "".join(f"{n},text,,05.03.2026 10:00,,\n" for n in range(1, 4)))
    (folder / "header.csv").write_text(HEADER)
    assert step.run_landing(store, settings) == []
    assert "3 of 3 rows were refused" in (folder / "failed" / "plain__a.csv.why.txt").read_text()
    assert "--date-format" in (folder / "failed" / "plain__a.csv.why.txt").read_text()
    assert "no row" in (folder / "failed" / "plain__header.csv.why.txt").read_text()


def test_crowdflowers_own_airline_file_is_refused_with_the_way_to_read_it(store, settings, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("_unit_id,text,tweet_created,tweet_id\n681448150,late,2/24/2015 11:35,5.70306E+17\n")
    with pytest.raises(step.NothingIngested, match=r"spreadsheet.*--column tweet_id=_unit_id --zone"):
        step.run_file(store, settings, FileSource(path, "airline"))


def test_a_large_share_of_refused_rows_is_said_at_once(store, settings, tmp_path, caplog):
    lines = [f"{n},text,,{DAY if n % 5 else 'never'},," for n in range(1, 101)]
    result = step.run(store, settings, FileSource(csv(tmp_path, *lines)))
    assert any("20 of 100 rows were refused" in line for line in result.notes)
    assert "20 of 100 rows were refused" in caplog.text


def test_label_files_in_the_landing_folder_are_imported(store, settings, tmp_path):
    step.run(store, settings, FileSource(csv(tmp_path, f"1,a,,{DAY},,", f"2,b,,{DAY},,")))
    folder = landing(settings)
    (folder / "labels").mkdir()
    (folder / "labels" / "ann.csv").write_text("tweet_id,label\n1,negative\n2,Neutral\n99,neutral\n")
    (result,) = step.run_landing(store, settings)
    assert (result.labels, result.quarantined) == (2, 1)
    assert ask(store, "SELECT label, source, labelled_by FROM labels ORDER BY tweet_id") == [
        ("negative", "person", "landing folder (file: ann)"),
        ("neutral", "person", "landing folder (file: ann)"),
    ]
    assert "no tweet 99" in (folder / "done" / "labels__ann.csv.why.txt").read_text()


def test_of_two_labels_of_one_source_the_surer_or_else_the_later_row_stands(store, settings, tmp_path):
    from sentiment_lib.storage import current_labels

    lines = [
        f"1,a,,{DAY},positive,0.9",
        f"1,a,,{DAY},negative,0.6",
        f"2,b,,{DAY},positive,",
        f"2,b,,{DAY},negative,",
        f"3,c,,{DAY},negative,",
        f"3,c,,{DAY},positive,",
    ]
    step.run(store, settings, FileSource(csv(tmp_path, *lines)))
    with store.begin() as connection:
        frame = current_labels.labelled(connection, ("dataset",))
    assert dict(zip(frame["tweet_id"], frame["label"], strict=True)) == {1: "positive", 2: "negative", 3: "positive"}


def test_a_duplicate_in_the_same_file_is_counted_and_the_first_stays(store, settings, tmp_path):
    path = csv(tmp_path, f"9,z,,{DAY},,", f"5,first,,{DAY},,", f"5,second,,{DAY},,", f"5,third,,{DAY},,")
    assert counts(step.run(store, settings, FileSource(path))) == (4, 2, 2, 0)
    assert ask(store, "SELECT text FROM tweets WHERE tweet_id = 5") == [("first",)]


def test_the_same_file_twice_stores_nothing_twice(store, settings, tmp_path):
    path = csv(tmp_path, f"1,a,,{DAY},negative,", f"2,b,,{DAY},positive,")
    assert counts(step.run(store, settings, FileSource(path))) == (2, 2, 0, 0)
    before = content(store)
    assert counts(step.run(store, settings, FileSource(path))) == (2, 0, 2, 0)
    after = content(store)
    assert {**after, "ingests": None} == {**before, "ingests": None}


def test_conflicting_labels_of_one_tweet_stand_side_by_side(store, settings, tmp_path):
    one, two = csv(tmp_path, f"1,a,,{DAY},negative,"), csv(tmp_path, f"1,a,,{DAY},positive,", name="u.csv")
    step.run(store, settings, FileSource(one))
    assert step.run(store, settings, FileSource(two)).labels == 1
    rows = ask(store, "SELECT label, source, labelled_by FROM labels ORDER BY label")
    assert rows == [("negative", "dataset", "t.csv"), ("positive", "dataset", "u.csv")]


def test_nothing_that_names_a_person_reaches_the_tweets(store, settings, tmp_path):
    said = "@united @somebody write me at jo@example.org or 555-123-4567 https://t.co/x"
    step.run(store, settings, FileSource(csv(tmp_path, f"1,{said},SomeBody,{DAY},,", f"2,b,@somebody,{DAY},,")))
    (one, two) = ask(store, "SELECT text, author_hash, airline FROM tweets ORDER BY tweet_id")
    assert one.text == "@united @user write me at <email> or <phone> http"
    assert one.airline
    assert len(one.author_hash) == 16
    assert one.author_hash == two.author_hash
    assert b"omebody" not in bytes(one.author_hash)


def test_a_truncated_gzip_keeps_what_came_before_the_cut_and_adds_nothing_when_tried_again(store, settings, tmp_path):
    draw = random.Random(3)
    lines = "".join(f"{n},{draw.getrandbits(200):x},,{DAY},,\n" for n in range(1, 12_001))
    whole = gzip.compress((HEADER + lines).encode())
    path = tmp_path / "t.csv.gz"
    path.write_bytes(whole[: len(whole) * 2 // 3])
    for _ in range(2):
        with pytest.raises(BadSource, match="cut off"):
            step.run(store, settings, FileSource(path))
        (row,) = ask(store, "SELECT received, stored, finished_at FROM ingests")
        assert row.stored == row.received > 4_000
        assert row.finished_at is None
    path.write_bytes(whole)
    received, stored, duplicate, quarantined = counts(step.run(store, settings, FileSource(path)))
    assert (received, quarantined) == (12_000, 0)
    assert stored + row.stored == 12_000
    assert duplicate == row.stored


def mixed(tmp_path, rows=900):
    draw = random.Random(11)
    lines = []
    for number in range(rows):
        tweet = draw.choice((number + 1, number + 1, number + 1, draw.randrange(1, rows)))
        label = draw.choice(("", "negative", "neutral", "positive"))
        when = draw.choice((DAY,) * 9 + ("never",))
        lines.append(f"{tweet},text {number} {draw.random()},a{number % 40},{when},{label},")
    return csv(tmp_path, *lines)


def test_an_ingest_that_is_cut_off_anywhere_is_continued_exactly(
    store, postgres_server, settings, tmp_path, monkeypatch
):
    monkeypatch.setattr(step, "BATCH_ROWS", 100)
    path = mixed(tmp_path)
    draw = random.Random(5)
    now = datetime.now(UTC)
    for at in sorted(draw.sample(range(900), 10)):  # killed ten times, each time later
        with pytest.raises(Killed):
            step.run(store, settings, CutOff(FileSource(path), at), now=now)
        assert ask(store, "SELECT received FROM ingests") == [(at // 100 * 100,)]
    resumed = counts(step.run(store, settings, FileSource(path), now=now))
    undisturbed = _in_another_database(postgres_server, settings, path, now)
    assert content(store) == undisturbed
    assert resumed[0] == 900
    assert min(resumed) > 50


def _in_another_database(server, settings, path, now):
    server.execute("CREATE DATABASE undisturbed TEMPLATE template_sentiment")
    other = Store(server.url("undisturbed"))
    try:
        step.run(other, settings, FileSource(path), now=now)
        return content(other)
    finally:
        other.close()
        server.execute("DROP DATABASE undisturbed WITH (FORCE)")


def test_a_cut_inside_the_transaction_of_a_batch_leaves_no_half_of_it(store, settings, tmp_path, monkeypatch):
    path = mixed(tmp_path, rows=300)
    monkeypatch.setattr(step, "BATCH_ROWS", 100)
    whole = step.ingests.store_quarantine
    calls = []

    def dies_at_the_second(*arguments):
        calls.append(1)
        if len(calls) == 2:
            raise Killed
        return whole(*arguments)

    monkeypatch.setattr(step.ingests, "store_quarantine", dies_at_the_second)
    with pytest.raises(Killed):
        step.run(store, settings, FileSource(path))
    (row,) = ask(store, "SELECT received, stored, (SELECT count(*) FROM tweets) AS kept FROM ingests")
    assert row.received == 100
    assert row.kept == row.stored
    assert counts(step.run(store, settings, FileSource(path)))[0] == 300


def test_two_processes_with_the_same_input_never_count_a_row_twice(store, settings, tmp_path, monkeypatch):
    monkeypatch.setattr(step, "BATCH_ROWS", 50)
    path = mixed(tmp_path, rows=600)
    ended = []

    def one():
        try:
            ended.append(step.run(store, settings, FileSource(path)))
        except step.IngestTaken as error:
            ended.append(error)

    both = [threading.Thread(target=one) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join(60)
    finished = [end for end in ended if not isinstance(end, step.IngestTaken)]
    assert len(ended) == 2
    assert finished
    for result in finished:
        assert counts(result)[0] == 600
    assert ask(store, "SELECT count(*) FROM tweets") == [(sum(result.stored for result in finished),)]


def test_a_tweet_that_another_process_stores_meanwhile_is_a_duplicate(store, settings, tmp_path, monkeypatch):
    path = csv(tmp_path, *(f"{n},text {n},,{DAY},," for n in range(1, 21)))
    look = tweets._newest

    def then_another_is_faster(cursor):
        newest = look(cursor)
        with store.begin() as connection:
            ingest = "INSERT INTO ingests (source) VALUES ('other') RETURNING ingest_id"
            connection.exec_driver_sql(
                f"WITH other AS ({ingest}) INSERT INTO tweets (tweet_id, text, created_at, ingest_id) "
                f"SELECT 7, 'first', '{DAY}', ingest_id FROM other"
            )
        return newest

    monkeypatch.setattr(tweets, "_newest", then_another_is_faster)
    assert counts(step.run(store, settings, FileSource(path))) == (20, 19, 1, 0)
    assert ask(store, "SELECT text FROM tweets WHERE tweet_id = 7") == [("first",)]


def test_two_inputs_that_share_tweets_in_opposite_order_do_not_block_each_other(store, settings, tmp_path):
    lines = [f"{n},text {n},,{DAY},," for n in range(1, 3_001)]
    paths = [csv(tmp_path, *lines, name="up.csv"), csv(tmp_path, *reversed(lines), name="down.csv")]
    ended = []

    def take(path):
        ended.append(step.run(store, settings, FileSource(path)))

    threads = [threading.Thread(target=take, args=(path,)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(counts(result)[1] for result in ended) == 3_000
    assert sum(counts(result)[2] for result in ended) == 3_000


def test_the_sample_stream_is_stored_as_synthetic_and_with_its_labels(store, settings):
    stream = SampleStream(start=START - timedelta(days=2), days=2, per_day=100)
    result = step.run(store, settings, stream, now=START)
    assert counts(result) == (200, 200, 0, 0)
    assert 60 < result.labels < 140
    assert ask(store, "SELECT DISTINCT synthetic FROM tweets") == [(True,)]
    assert ask(store, "SELECT DISTINCT labelled_by FROM labels") == [("sample (synthetic)",)]


def test_without_the_key_of_authors_nothing_is_stored(store, settings, tmp_path):
    keyless = Settings(home=settings.home, database_url=settings.database_url)
    with pytest.raises(BadInput, match="SENTIMENT_AUTHOR_KEY"):
        step.run(store, keyless, FileSource(csv(tmp_path, f"1,a,,{DAY},,")))
    assert ask(store, "SELECT count(*) FROM ingests") == [(0,)]


def landing(settings):
    settings.landing.mkdir(exist_ok=True)
    return settings.landing


def test_the_landing_folder_is_emptied_and_a_bad_file_does_not_stop_the_others(store, settings, tmp_path):
    folder = landing(settings)
    (folder / "a.csv").write_text(HEADER + f"1,a,,{DAY},,\n")
    (folder / "bad.csv").write_text("no,tweets\n")
    (folder / "empty.csv").write_text("")
    (folder / "z.csv").write_text(HEADER + f"2,b,,{DAY},,\n")
    results = step.run_landing(store, settings)
    assert sorted(result.source for result in results) == ["a.csv", "z.csv"]
    assert sorted(path.name for path in (folder / "done").iterdir()) == ["plain__a.csv", "plain__z.csv"]
    assert "has no column" in (folder / "failed" / "plain__bad.csv.why.txt").read_text()
    assert "is empty" in (folder / "failed" / "plain__empty.csv.why.txt").read_text()
    assert list((folder / "claimed").iterdir()) == []


def test_a_file_in_a_folder_of_a_preset_is_read_with_it(store, settings):
    folder = landing(settings)
    (folder / "airline").mkdir()
    (folder / "airline" / "t.csv").write_text(
        "tweet_id,text,tweet_created,airline_sentiment\n3,late,2015-02-24 11:35:52 -0800,negative\n"
    )
    (result,) = step.run_landing(store, settings)
    assert (result.source, result.stored, result.labels) == ("airline", 1, 1)


def test_a_file_that_a_killed_process_had_claimed_is_continued(store, settings, monkeypatch):
    monkeypatch.setattr(step, "BATCH_ROWS", 10)
    folder = landing(settings)
    (folder / "t.csv").write_text(HEADER + "".join(f"{n},t {n},,{DAY},,\n" for n in range(1, 56)))

    def dying(path, preset, **options):
        return CutOff(FileSource(path, preset, **options), 37)

    monkeypatch.setattr(step, "FileSource", dying)
    with pytest.raises(Killed):
        step.run_landing(store, settings)
    assert [path.name for path in (folder / "claimed").iterdir()] == ["plain__t.csv"]
    monkeypatch.setattr(step, "FileSource", FileSource)
    (result,) = step.run_landing(store, settings)
    assert counts(result) == (55, 55, 0, 0)
    assert ask(store, "SELECT count(*) FROM ingests") == [(1,)]


def test_names_and_links_in_the_landing_folder_fail_alone(store, settings, tmp_path):
    folder = landing(settings)
    (tmp_path / "secret.csv").write_text(f"{HEADER}1,secret,,{DAY},,\n")
    (folder / "link.csv").symlink_to(tmp_path / "secret.csv")
    os.mkfifo(folder / "pipe.csv")
    for name in (b"caf\xe9.csv", b"a" * 251 + b".csv"):
        with open(os.fsencode(folder) + b"/" + name, "w") as file:
            file.write(f"{HEADER}2,never,,{DAY},,\n")
    (folder / "good.csv").write_text(f"{HEADER}3,late,,{DAY},,\n")
    (result,) = step.run_landing(store, settings)
    assert counts(result) == (1, 1, 0, 0)
    assert ask(store, "SELECT text FROM tweets") == [("late",)]
    reasons = sorted(path.read_text() for path in (folder / "failed").glob("*.why.txt"))
    assert len(reasons) == 4
    for said in ("its name 'caf", "its name has 255", "symbolic link", "a pipe"):
        assert sum(said in reason for reason in reasons) == 1
    assert step.run_landing(store, settings) == []


def test_the_text_of_refused_rows_is_cut_and_every_row_is_counted(store, settings, tmp_path):
    limits = InputSettings(maximum_row_characters=1024, quarantine_bytes=3_000)
    bounded = settings.model_copy(update={"input": limits})
    long = "x" * 5_000
    path = csv(tmp_path, f"1,late,,{DAY},,", *(f"{number},{long},,{DAY},," for number in range(2, 12)))
    result = step.run(store, bounded, FileSource(path, limits=limits))
    assert counts(result) == (11, 1, 0, 10)
    (sizes,) = zip(*ask(store, "SELECT length(raw) FROM quarantine ORDER BY row_number"), strict=True)
    assert max(sizes) < 1_100
    assert max(sizes[3:]) < 250


def test_a_file_of_refused_rows_is_not_read_to_its_end(store, settings, tmp_path, monkeypatch):
    monkeypatch.setattr(step, "BATCH_ROWS", 20)
    bounded = settings.model_copy(update={"input": InputSettings(maximum_refused_rows=50)})
    path = csv(tmp_path, f"1,late,,{DAY},,", *("x" for _ in range(500)))
    with pytest.raises(BadSource, match="it is not read further: 59 of 60 rows were refused"):
        step.run(store, bounded, FileSource(path))
    assert ask(store, "SELECT received, stored, duplicate, quarantined FROM ingests") == [(60, 1, 0, 59)]


def test_a_missing_setting_is_no_fault_of_the_files(store, settings):
    keyless = Settings(home=settings.home, database_url=settings.database_url)
    (landing(settings) / "t.csv").write_text(HEADER)
    with pytest.raises(BadInput, match="SENTIMENT_AUTHOR_KEY"):
        step.run_landing(store, keyless)
    assert (settings.landing / "t.csv").exists()


def test_x_is_asked_for_what_is_newer_than_what_came_from_it(store, settings, monkeypatch):
    asked = []

    class Found:
        """Stands for X: two tweets newer than the newest known."""

        def __init__(self, *, since_id, **_):
            asked.append(since_id)
            self.identity = SourceIdentity(name="x", digest=f"poll {len(asked)}")

        def rows(self):
            start = (asked[-1] or 1000) + 1
            for number in (1, 2):
                yield Row(number, "{}", tweet_id=str(start + number), text="@united late", created_at=DAY)

    monkeypatch.setattr(x_api, "XSource", Found)
    ready = settings.model_copy(update={"x_bearer_token": SecretStr("a token")})
    for _ in range(2):
        (result,) = step.run_polled(store, ready)
        assert counts(result) == (2, 2, 0, 0)
    assert asked == [None, 1003]


def test_x_without_a_token_is_not_asked(store, settings):
    assert step.run_polled(store, settings) == []


class Fortunes:
    """The source of docs/adding-a-source.md: one file, one line."""

    def __init__(self, newest):
        self._next = (newest or 0) + 1
        self.identity = SourceIdentity(name="fortunes", digest=f"fortunes from {self._next}")

    def rows(self):
        for number in (1, 2):
            yield Row(number, "{}", tweet_id=str(self._next + number), text="@delta thank you", created_at=DAY)


def test_a_source_is_one_file_and_one_line(store, settings, monkeypatch):
    monkeypatch.setitem(catalog.POLLED, "fortunes", lambda _, newest_id: Fortunes(newest_id()))
    for stored in (2, 2):
        (result,) = step.run_polled(store, settings)
        assert (result.source, result.stored) == ("fortunes", stored)
    assert ask(store, "SELECT count(*), count(DISTINCT airline) FROM tweets") == [(4, 1)]
