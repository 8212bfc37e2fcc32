"""CSV and tab-separated text: no quotation mark swallows lines, and every line is accounted for."""

from __future__ import annotations

import json

import pytest

from sentiment_lib.sources.delimited import BadRecord, Layout, RecordReader
from sentiment_lib.sources.files import FileSource

DAY = "2026-02-03T04:05:06Z"
IDS = [2_020_000_000_000_000_123 + n * 1_000_003 for n in range(8)]


def rows(tmp_path, name, content, *args, **options):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(FileSource(path, *args, **options).rows())


def tsv(*texts):
    lines = [f"{tweet_id}\t{text}\t{DAY}\n" for tweet_id, text in zip(IDS, texts, strict=False)]
    return "tweet_id\ttext\tcreated_at\n" + "".join(lines)


@pytest.mark.parametrize(
    "texts",
    [
        ('"so sorry" they say', "fine"),
        ('"never closed', "next", "and next"),
        ('"opened', "in between", 'closed" here', "after"),
        ('"opened', "in between", 'closed at the end"', "after"),
        ('"all of it"', "with a comma, not quoted", '"and, again"'),
    ],
)
def test_marks_in_tab_separated_text_belong_to_it(tmp_path, texts):
    found = rows(tmp_path, "t.tsv", tsv(*texts))
    assert [row.text for row in found] == list(texts)
    assert [row.tweet_id for row in found] == [str(one) for one in IDS[: len(texts)]]


def test_tab_separated_text_of_a_spreadsheet_is_unquoted(tmp_path):
    found = rows(tmp_path, "t.tsv", tsv('"they said ""soon"""', '"two\nlines"', "plain"))
    assert [row.text for row in found] == ['they said "soon"', "two\nlines", "plain"]


@pytest.mark.parametrize("separator", [",", ";"])
def test_a_stray_mark_costs_its_own_line_only(tmp_path, separator):
    cells = [
        ["tweet_id", "text", "created_at", "label"],
        [str(IDS[0]), "good", DAY, "neutral"],
        [str(IDS[1]), '"opened', DAY, "neutral"],
        [str(IDS[2]), "good", DAY, "neutral"],
        [str(IDS[3]), 'closed"', DAY, "neutral"],
        [str(IDS[4]), '"a ""quoted"" word"', DAY, "neutral"],
    ]
    found = rows(tmp_path, "t.csv", "\n".join(separator.join(line) for line in cells))
    assert [row.tweet_id for row in found] == [str(IDS[0]), None, *map(str, IDS[2:5])]
    assert "line 3: a quotation mark" in found[1].problem
    assert str(IDS[1]) in json.loads(found[1].raw)
    assert found[4].text == 'a "quoted" word'


def test_a_swallowed_line_is_found_though_the_record_has_its_width(tmp_path):
    swallowed = f'{IDS[0]},"opened,{DAY}\n{IDS[1]},between,{DAY}\n{IDS[2]},closed",{DAY}\n'
    found = rows(tmp_path, "t.csv", "tweet_id,text,created_at\n" + swallowed)
    assert [row.tweet_id for row in found] == [None, str(IDS[1]), str(IDS[2])]


def test_line_breaks_and_separators_in_a_quoted_text_are_kept(tmp_path):
    text = "Dear all,\nwe wait, and wait\n\n1, 2, 3"
    found = rows(tmp_path, "t.csv", f'tweet_id,text,created_at\n{IDS[0]},"{text}",{DAY}\n{IDS[1]},b,{DAY}\n')
    assert [row.text for row in found] == [text, "b"]


def test_marks_that_are_escaped_or_bare_in_fully_quoted_lines_are_read(tmp_path):
    lines = [f'"{IDS[0]}","he said \\"no\\" twice","{DAY}"', f'"{IDS[1]}","he said "no", twice","{DAY}"']
    found = rows(tmp_path, "t.csv", "\n".join(["tweet_id,text,created_at", *lines]))
    assert [row.text for row in found] == ['he said "no" twice', 'he said "no", twice']


def test_thousands_of_lines_behind_a_mark_are_all_there(tmp_path):
    lines = [f"{IDS[0] + n},text {n},{DAY}" for n in range(5_000)]
    lines[100] = f'{IDS[0] + 100},"text,{DAY}'
    lines[4_900] = f'{IDS[0] + 4_900},text",{DAY}'
    found = rows(tmp_path, "t.csv", "\n".join(["tweet_id,text,created_at", *lines]))
    assert len(found) == 5_000
    assert sum(row.problem is None for row in found) == 4_999


def test_lines_are_numbered_as_an_editor_does():
    lines = iter(["1,a\n", "\n", '2,"two\n', 'lines"\n', '3,"bad\n', "4,d\n"])
    found = list(RecordReader(lines, Layout(separator=",", width=2, id_index=0)))
    bad = [one for one in found if isinstance(one, BadRecord)]
    assert [(one.line, one.raw) for one in bad] == [(6, '3,"bad\n')]
    assert [record for one in found if isinstance(one, list) for record in one] == [
        ["1", "a"],
        ["2", "two\nlines"],
        ["4", "d"],
    ]


def test_short_rows_have_their_last_cells_empty_and_long_ones_are_refused(tmp_path):
    content = f"tweet_id,text,created_at,label,airline\n{IDS[0]},a,{DAY}\n{IDS[1]},b\n{IDS[2]},c,{DAY},neutral,X,\n"
    found = rows(tmp_path, "t.csv", content)
    assert (found[0].problem, found[0].label) == (None, "")
    assert [row.problem for row in found[1:]] == [
        "2 columns where the header has 5",
        "6 columns where the header has 5",
    ]
