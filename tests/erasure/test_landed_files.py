"""Of files that came in, each record that is forgotten goes and no other, however its cells and its id are written."""

from __future__ import annotations

import os

import pytest

from sentiment_lib.erasure import live_files, record_files, refused_rows
from sentiment_lib.erasure.terms import Terms
from sentiment_lib.steps.erasure import forget, receipt, request_erasure
from sentiment_lib.steps.erasure.request_erasure import ErasureOrder
from sentiment_lib.steps.ingestion import ingest
from sentiment_lib.storage import grants

DATABASE_ROLE = grants.APP
FIRST = 1_200_000_000_000_000_000
GONE = FIRST + 10
TERMS = Terms(ids=frozenset({GONE}))
NOTHING_AFTER = "2026-01-01T00:00:00Z\n"


def rows(separator, marked):
    """Rows 0 to 99; those of `marked` have another text, of one line or of several."""
    return [
        separator.join((str(FIRST + n), marked.get(n, f"@united flight {n} is late"), NOTHING_AFTER))
        for n in range(100)
    ]


@pytest.mark.parametrize(
    ("separator", "marked"),
    [
        ("\t", {2: '@united a 12" pizza', 60: '@united a 14" pizza'}),
        ("\t", {2: '"@united said he', 60: '"@united said she'}),
        (",", {2: '@united a 12" pizza', 60: '@united a 14" pizza'}),
        (",", {2: '"late, ""very"" late', 60: '"later'}),
        (",", {2: '"@united late,\nin two lines"', 10: '"@united late,\nagain ""here"""', 60: '"one, ""two"""'}),
        (";", {9: '"', 11: '""', 12: '""""'}),
    ],
    ids=["within", "opening", "within, commas", "never closed", "lines", "marks alone"],
)
def test_a_quotation_mark_joins_no_records_of_others_to_a_forgotten_one(tmp_path, separator, marked):
    written, path = rows(separator, marked), tmp_path / "a.tsv"
    path.write_text(separator.join(("tweet_id", "text", "created_at\n")) + "".join(written))
    assert record_files.clean(path, TERMS).records == 1
    kept = path.read_text()
    assert kept == separator.join(("tweet_id", "text", "created_at\n")) + "".join(written[:10] + written[11:])


def test_an_id_with_zeros_before_it_is_the_same_id(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(f"tweet_id,text\n0{GONE},late again\n00{GONE + 1},late again\n")
    assert record_files.clean(path, TERMS).records == 1
    assert path.read_text() == f"tweet_id,text\n00{GONE + 1},late again\n"
    assert TERMS.name_id(f"000{GONE}")
    assert TERMS.clean({"id": f"0{GONE}"}) == {"id": "[erased]"}
    assert refused_rows.own_id({"id": f"0{GONE}"}) == GONE
    assert TERMS.is_of_another("001300000000000000001")
    assert live_files.blank_terms(TERMS)(f"0{GONE} came\n".encode()) == b"#" * 20 + b" came\n"


def test_what_masking_writes_for_anybody_is_no_mention_of_an_author_of_that_name():
    terms = Terms(names=frozenset({"user"}), common_names=frozenset({"user"}))
    assert not terms.quoted_in("@user your flight was late")
    assert not terms.occur_in("8000000000000000001,@user how are you,negative")
    assert terms.name_author("@user")
    assert Terms(names=frozenset({"user", "ann_lee"})).quoted_in("thanks @ann_lee")


def test_files_of_the_landing_folder_that_no_poll_reads_are_searched_or_named(store, settings):
    landing = settings.landing
    (landing / "sub").mkdir(parents=True)
    content = f"tweet_id,text,created_at\n{GONE},late again,2026-01-01T00:00:00Z\n1,on time,2026-01-01T00:00:00Z\n"
    old, new = ("old.csv.part", ".old.csv", "sub/old.csv"), ("new.csv.part", ".new.csv", "sub/new.csv")
    for name in (*old, *new):
        (landing / name).write_text(content)
    for name in old:
        os.utime(landing / name, (1_700_000_000, 1_700_000_000))
    (landing / "quiet.csv.part").write_text("tweet_id,text,created_at\n")
    ingest.run_landing(store, settings)
    number = request_erasure.run(store, settings, ErasureOrder(tweet_ids=[GONE], requested_by="desk"))
    forget.run(store, settings, models=False)
    assert [str(GONE) in (landing / name).read_text() for name in (*old, *new)] == [False] * 3 + [True] * 3
    with store.begin() as connection:
        told = receipt.of_request(connection, number)["ledger"][1]
    assert (told["found"]["landing"], told["unfinished"]) == (3, [".new.csv", "new.csv", "new.csv.part"])
