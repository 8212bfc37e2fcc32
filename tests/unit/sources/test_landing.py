"""The landing folder: claimed by one process, kept as done or failed."""

from __future__ import annotations

import os

from sentiment_lib.sources.landing import Landing


def dropped(folder, name, at=0, content="x"):
    path = folder / name
    path.write_text(content)
    os.utime(path, (at, at))
    return path


def test_files_are_claimed_oldest_first_with_the_preset_of_their_folder(tmp_path):
    landing = Landing(tmp_path)
    dropped(tmp_path, "b.csv", 20)
    dropped(tmp_path / "airline", "a.csv", 10)
    dropped(tmp_path / "semeval", "c.csv", 30)
    claims = list(landing.claims())
    assert [(claim.preset, claim.path.name) for claim in claims] == [
        ("airline", "airline__a.csv"),
        ("plain", "plain__b.csv"),
        ("semeval", "semeval__c.csv"),
    ]
    assert all(claim.path.parent.name == "claimed" and claim.path.exists() for claim in claims)


def test_a_file_that_is_still_being_written_is_left_alone(tmp_path):
    landing = Landing(tmp_path)
    for name in ("a.csv.part", "b.tmp", ".c.csv"):
        dropped(tmp_path, name)
    (tmp_path / "folder.csv").mkdir()
    assert list(landing.claims()) == []


def test_what_a_killed_process_left_comes_first_and_with_its_preset(tmp_path):
    landing = Landing(tmp_path)
    dropped(tmp_path / "airline", "left.csv", 50)
    next(landing.claims())
    dropped(tmp_path, "new.csv", 10)
    assert [(claim.preset, claim.path.name) for claim in Landing(tmp_path).claims()] == [
        ("airline", "airline__left.csv"),
        ("plain", "plain__new.csv"),
    ]


def test_a_file_that_is_taken_back_before_its_turn_is_no_error(tmp_path):
    landing = Landing(tmp_path)
    dropped(tmp_path, "a.csv", 10)
    gone = dropped(tmp_path, "b.csv", 20)
    claims = landing.claims()
    assert next(claims).path.name == "plain__a.csv"
    gone.unlink()
    assert list(claims) == []


def test_a_second_file_of_the_same_name_replaces_nothing(tmp_path):
    landing = Landing(tmp_path)
    for content in ("first", "second", "third"):
        dropped(tmp_path, "a.csv", content=content)
        (claim,) = landing.claims()
        landing.done(claim)
    assert sorted(path.read_text() for path in (tmp_path / "done").iterdir()) == ["first", "second", "third"]


def test_a_failed_file_keeps_its_reason_beside_it(tmp_path):
    landing = Landing(tmp_path)
    dropped(tmp_path, "a.csv")
    (claim,) = landing.claims()
    landing.failed(claim, "a.csv cannot be read: the file is empty")
    names = sorted(path.name for path in (tmp_path / "failed").iterdir())
    assert names == ["plain__a.csv", "plain__a.csv.why.txt"]
    assert (tmp_path / "failed" / "plain__a.csv.why.txt").read_text().endswith("the file is empty\n")


def test_only_one_process_reads_the_folder(tmp_path):
    with Landing(tmp_path).exclusive() as ours, Landing(tmp_path).exclusive() as theirs:
        assert (ours, theirs) == (True, False)
    with Landing(tmp_path).exclusive() as again:
        assert again
