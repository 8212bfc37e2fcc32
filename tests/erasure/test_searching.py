"""What is searched is found however it is written, in files of every form, and what is of others keeps its bytes."""

from __future__ import annotations

import gzip
import json

import pandas as pd
import pytest

from sentiment_lib.erasure import live_files, record_files
from sentiment_lib.erasure.terms import ERASED, Terms, words_of
from sentiment_lib.erasure.text_index import TextIndex

FIRST = 1_200_000_000_000_000_000
TEXTS = {
    FIRST + number: f"@united flight {number} was késsel{chr(97 + number)}x late & nobody “told” us, 3 hours"
    for number in range(10)
}
GONE = [FIRST + 2, FIRST + 7]


@pytest.fixture
def terms():
    return Terms(
        ids=frozenset(GONE),
        words=words_of(TEXTS[number] for number in GONE) - words_of(TEXTS[n] for n in TEXTS if n not in GONE),
        names=frozenset({"ann_lee", "bo smith"}),
        texts=TextIndex(TEXTS[number] for number in GONE),
    )


def holds(content: bytes, number: int) -> bool:
    text = content.decode()
    return str(number) in text or f"késsel{chr(97 + number - FIRST)}x" in text


@pytest.mark.parametrize(
    "form",
    [
        lambda text: text,
        str.upper,
        json.dumps,
        lambda text: text.replace("&", "&amp;").replace("é", "&eacute;"),
        lambda text: text.replace(" ", "\n"),
        lambda text: f"said by them: <b>{text}</b>!",
    ],
)
def test_a_text_is_found_however_it_is_written(form):
    index = TextIndex([TEXTS[GONE[0]]])
    written = form(TEXTS[GONE[0]])
    ((start, end),) = index.spans(f"before {written} after")
    assert "flight" in f"before {written} after"[start:end].lower()
    assert not index.occurs_in(f"before {form(TEXTS[FIRST])} after")


def test_a_name_that_is_a_word_as_well_counts_as_a_name_alone():
    terms = Terms(names=frozenset({"grumpy", "ann_lee"}), common_names=frozenset({"grumpy"}))
    for content in (
        "thanks @Grumpy!",
        "187,grumpy,2026-01-01",
        '{"author": "grumpy"}',
        "grumpy\t187",
        "so said ann_lee",
    ):
        assert terms.occur_in(content), content
    for content in ("so grumpy again", "grumpy again, and again", "ungrumpyish,too"):
        assert not terms.occur_in(content), content


def test_a_text_of_few_letters_is_not_searched_by_itself():
    assert len(TextIndex(["thanks!", "so late :("])) == 0


def test_running_text_loses_ids_words_names_and_texts_and_nothing_else(terms):
    said = f"tweet {GONE[0]} of @Ann_Lee and Bo Smith, késselcx: {TEXTS[GONE[1]]} | {TEXTS[FIRST]} of annlee 12"
    kept = terms.without(said)
    assert kept == f"tweet {ERASED} of {ERASED} and {ERASED}, {ERASED}: @{ERASED}{kept.partition('@' + ERASED)[2]}"
    assert kept.endswith(f"| {TEXTS[FIRST]} of annlee 12")
    assert not terms.occur_in(kept)
    assert terms.without(kept) == kept


def test_json_loses_objects_about_a_tweet_and_words_in_others(terms):
    value = {
        "examples": [{"tweet_id": str(GONE[0]), "words": ["late"]}, {"tweet_id": str(FIRST), "words": ["late"]}],
        "reached": GONE[1],
        "word": "késselcx",
        "share": 0.25,
    }
    assert terms.clean(value) == {
        "examples": [{"tweet_id": str(FIRST), "words": ["late"]}],
        "reached": 0,
        "word": ERASED,
        "share": 0.25,
    }


def rows():
    return [{"tweet_id": number, "text": text, "author": "somebody"} for number, text in TEXTS.items()]


def as_csv(path):
    path.write_text("tweet_id,text,author\n" + "".join(f'{r["tweet_id"]},"{r["text"]}\nmore",x\n' for r in rows()))


def as_bad_csv(path):
    path.write_text("tweet_id,text\n" + "".join(f"{r['tweet_id']},{r['text']}\n" for r in rows()) + '5,"never closed\n')


def as_json_lines(path):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows()))


def as_json(path):
    path.write_text(json.dumps({"data": rows(), "includes": {"users": [{"id": "3"}]}, "meta": {"count": 10}}))


def as_gzip(path):
    path.write_bytes(gzip.compress("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows()).encode()))


def as_parquet(path):
    pd.DataFrame(rows()).to_parquet(path, row_group_size=4)


@pytest.mark.parametrize("write", [as_csv, as_bad_csv, as_json_lines, as_json, as_gzip, as_parquet])
def test_records_of_forgotten_tweets_leave_a_file_of_any_form(tmp_path, terms, write):
    path = tmp_path / "file"
    write(path)
    path.chmod(0o640)

    def content():
        data = path.read_bytes()
        if write is as_parquet:
            return pd.read_parquet(path).to_json(force_ascii=False).encode()
        data = gzip.decompress(data) if write is as_gzip else data
        return data.decode().encode().replace(b"\\u00e9", "é".encode())

    assert record_files.search(path, terms).records == 2
    assert record_files.clean(path, terms) == record_files.Cleaned(records=2)
    assert [number for number in TEXTS if not holds(content(), number)] == GONE
    assert path.stat().st_mode & 0o777 == 0o640
    before = path.read_bytes()
    assert record_files.clean(path, terms).records == 0
    assert path.read_bytes() == before
    assert [item.name for item in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("name", "content", "kept"),
    [
        ("a.jsonl", '{"id": "GONE", "id": "5", "text": "q"}\n{"id": "7"}\n', '{"id": "7"}\n'),
        ("a.jsonl", '{"id": "12", "text": "TEXT", "text": "x"}\n{"id": "7"}\n', '{"id": "7"}\n'),
        ("a.jsonl", '{"id": "12", "author": "ann_lee", "author": "x"}\n{"id": "7"}\n', '{"id": "7"}\n'),
        ("a.json", '{"data": [{"id": "GONE", "id": "5"}, {"id": "6"}]}', '{"data": [{"id": "6"}]}'),
        ("a.json", '{"data": [{"text": "TEXT"}], "data": [{"id": "6"}]}', '{"data": [{"id": "6"}]}'),
        ("a.json", '{"GONE": {"t": {"text": "secret"}}, "5": {"text": "z"}}', '{"5": {"text": "z"}}'),
        ("a.json", '{"a": {"GONE": "secret", "5": "z"}}', '{"a": {"5": "z"}}'),
        ("a.json", '[{"GONE": {"t": "secret"}, "5": {"t": "z"}}]', '[{"5": {"t": "z"}}]'),
    ],
)
def test_no_value_hides_behind_another_or_under_its_id(tmp_path, terms, name, content, kept):
    path = tmp_path / name
    written = json.dumps(TEXTS[GONE[0]])[1:-1]
    path.write_text(content.replace("GONE", str(GONE[0])).replace("TEXT", written))
    assert record_files.clean(path, terms).records == 1
    assert path.read_text() == kept


def test_records_by_a_forgotten_author_go_as_well(tmp_path, terms):
    path = tmp_path / "t.csv"
    path.write_text(f"tweet_id,text,author\n{FIRST},late,Ann_Lee\n{FIRST + 1},late,ann_lee_2\n")
    record_files.clean(path, terms)
    assert path.read_text() == f"tweet_id,text,author\n{FIRST + 1},late,ann_lee_2\n"


def test_a_log_is_overwritten_in_place_while_somebody_appends(tmp_path, terms):
    path = tmp_path / "log"
    lines = [f"INFO request tweet={number} took 3 ms: {text}\n" for number, text in TEXTS.items()]
    path.write_text("".join(lines))
    with path.open("a") as writer:
        size, inode = path.stat().st_size, path.stat().st_ino
        changed = live_files.rewrite_lines(path, terms, live_files.blank_terms(terms), dry=False)
        writer.write("later\n")
    assert changed == 2
    assert (path.stat().st_size, path.stat().st_ino) == (size + 6, inode)
    after = path.read_text().splitlines(keepends=True)
    assert [after[number] for number in (0, 1, 9)] == [lines[number] for number in (0, 1, 9)]
    assert "INFO request tweet=####" in after[2]
    assert [number for number in TEXTS if not holds(path.read_bytes(), number)] == GONE
    assert live_files.rewrite_lines(path, terms, live_files.blank_terms(terms), dry=True) == 0


def test_a_line_is_blanked_whole_where_its_parts_depend_on_each_other(tmp_path, terms):
    path = tmp_path / "answers.jsonl"
    path.write_text("".join(json.dumps({"key": "k", "body": f'"{number}-1"'}) + "\n" for number in TEXTS))
    assert live_files.rewrite_lines(path, terms, live_files.blank_lines(terms), dry=False) == 2
    kept = [line for line in path.read_text().splitlines() if line.strip()]
    assert len(kept) == 8
    assert len(path.read_text().splitlines()) == 10
