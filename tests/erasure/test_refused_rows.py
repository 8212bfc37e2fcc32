"""Quarantined rows: each is told from the rows of others, whatever its form, and takes nothing of theirs with it."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import text

from sentiment_lib.erasure import refused_rows
from sentiment_lib.erasure.terms import Terms
from sentiment_lib.sources.files import FileSource
from sentiment_lib.steps.erasure import forget, request_erasure
from sentiment_lib.steps.erasure.request_erasure import ErasureOrder
from sentiment_lib.steps.ingestion import ingest
from sentiment_lib.storage import grants

DATABASE_ROLE = grants.APP
FIRST = 1_200_000_000_000_000_017
#: Of two hours: ids hold the time.
STEP = 3_600_000 << 23
#: What many rows have in common.
ACCOUNT, REPLIED, ZONE = 260_907_612, FIRST - 5 * STEP, "Eastern Time (US & Canada), summer time"


def tweet(number, author, said, *, created_at="no date", **more):
    record = {"tweet_id": str(FIRST + number * STEP), "text": said, "created_at": created_at, "author": author}
    return {**record, **more}


def as_csv(records):
    header = list(records[0])
    lines = [",".join(f'"{record[name]}"' for name in header) for record in records]
    return "in.csv", "\n".join([",".join(header), *lines]) + "\n"


def as_json_lines(records):
    return "in.jsonl", "".join(json.dumps(record) + "\n" for record in records)


def as_json(records):
    return "in.json", json.dumps(records, indent=1)


def delivered(store, settings, tmp_path, form, records):
    """Ingest the records in a file of this form; the file as the landing folder keeps it."""
    name, content = form(records)
    path, done = tmp_path / name, settings.landing / "done"
    path.write_text(content)
    ingest.run(store, settings, FileSource(path))
    done.mkdir(parents=True, exist_ok=True)
    (done / name).write_text(content)
    return done / name


def quarantined(store):
    with store.begin() as connection:
        return connection.execute(text("SELECT raw FROM quarantine ORDER BY quarantine_id")).scalars().all()


def carried_out(store, settings, **order):
    request_erasure.run(store, settings, ErasureOrder(**order, requested_by="desk"))
    assert forget.run(store, settings, models=False).done


@pytest.mark.parametrize("form", [as_csv, as_json_lines, as_json])
@pytest.mark.parametrize("order", [{"tweet_ids": [FIRST + 7 * STEP]}, {"author": "who7"}], ids=["tweet", "author"])
def test_a_refused_row_takes_no_record_that_has_the_same_account_answer_or_zone(store, settings, tmp_path, form, order):
    common = {"in_reply_to_user_id": ACCOUNT, "in_reply_to_status_id": REPLIED, "zone": ZONE}
    records = [
        tweet(n, f"who{n}", f"@united late again {n} my bag {n}", created_at=f"2026-01-01T00:0{n}:00Z", **common)
        for n in range(3)
    ]
    records += [tweet(n, f"who{n}", f"@united refused tweet number {n} of these", **common) for n in (7, 8)]
    done = delivered(store, settings, tmp_path, form, records)
    carried_out(store, settings, **order)
    kept = done.read_text()
    assert [str(FIRST + n * STEP) in kept for n in (0, 1, 2, 7, 8)] == [True, True, True, False, True]
    (left,) = quarantined(store)
    assert str(FIRST + 8 * STEP) in left


@pytest.mark.parametrize("form", [as_csv, as_json_lines, as_json])
def test_an_author_s_refused_row_goes_and_that_of_another_with_the_same_rare_word_stays(
    store, settings, tmp_path, form
):
    records = [
        tweet(1, "bob", "@united zzquux was lost and nobody cares", created_at="2026-01-01T00:00:00Z"),
        tweet(2, "bob", "@united bob wrote a refused tweet about luggage"),
        tweet(3, "carol", "@united my zzquux too, says somebody else"),
    ]
    delivered(store, settings, tmp_path, form, records)
    carried_out(store, settings, author="bob")
    (left,) = quarantined(store)
    assert "carol" in left


ROW = {"tweet_id": str(FIRST), "text": 'said "late, again" to 3 of us', "author": "bob"}


@pytest.mark.parametrize("cut", range(1, 60, 3))
def test_a_line_that_was_cut_off_is_read_as_far_as_it_goes(cut):
    line = json.dumps(json.dumps({"author": "bob", **ROW, "text": 'é "late"\\ \u20ac \U0001f600 gate nine'}))
    raw = f"{line[: len(line) - 1 - cut]} [cut off: 99999 characters]"
    assert json.dumps(refused_rows.record_of(raw))
    assert refused_rows.record_of(raw).startswith('{"author": "bob"')
    assert refused_rows.speaks("", raw, Terms(names=frozenset({"bob"}), common_names=frozenset({"bob"})))
    assert not refused_rows.speaks("", raw, Terms(ids=frozenset({FIRST + 1 * STEP}), words=frozenset({"late"})))


@pytest.mark.parametrize(
    ("raw", "own"),
    [
        (json.dumps([str(FIRST), "late", str(ACCOUNT), str(REPLIED), "1767225600000"]), FIRST),
        (json.dumps(f"{ACCOUNT}\t{FIRST}\tlate"), FIRST),
        (json.dumps({"id": "1234567890", "reply": REPLIED}), 1_234_567_890),
        (json.dumps({"_unit_id": 681448150, "tweet": "late"}), None),
        (json.dumps(["late", "681448150", "9" * 19, "x" * 30]), None),
        (json.dumps("no record at all"), None),
    ],
)
def test_of_the_numbers_of_a_row_one_alone_is_its_tweet(raw, own):
    assert refused_rows.own_id(refused_rows.record_of(raw)) == own


def test_a_reason_with_brackets_hides_no_row():
    reason = "the label '{\"x\": [1' is unknown"
    assert refused_rows.speaks(reason, json.dumps({"author": "bob"}), Terms(names=frozenset({"bob"})))
    another = json.dumps({"tweet_id": str(FIRST), "text": "zzquux"})
    assert not refused_rows.speaks(reason, another, Terms(ids=frozenset({5}), words=frozenset({"zzquux"})))
