"""A backup that is restored forgets again what was forgotten after it was taken."""

from __future__ import annotations

import json
import shutil

import pytest

from benchmarks.forget import byte_search
from sentiment_lib import clock
from sentiment_lib.erasure import compliance_file
from sentiment_lib.errors import BackupRefused, TombstoneKeyMissing
from sentiment_lib.steps.erasure import forget, receipt, replay_tombstones, request_erasure, tombstone_files
from sentiment_lib.steps.erasure.request_erasure import ErasureOrder
from sentiment_lib.steps.operations import verify
from sentiment_lib.storage import erasure_requests, tombstones
from tests.kill import run_until

AUTHOR = "mira_flies"


def speaking_of(made, wanted):
    """Tweets of which a file or a table of the installation speaks."""
    files = byte_search.in_files([made.settings.home], wanted)
    # packages follow with the models
    files = {path: found for path, found in files.items() if "/cache/models/" not in path}
    return set().union(*files.values(), *byte_search.in_tables(made.owner, wanted).values())


def test_what_was_forgotten_after_a_backup_is_not_in_the_restored_one(copies):
    made, restored = copies("lost"), copies("restored")
    folder = made.settings.backups
    folder.mkdir()
    gone = made.tweets[::9]
    lost = {tweet.tweet_id for tweet in [*gone, *(one for one in made.tweets if one.author == AUTHOR)]}
    lost -= {one.tweet_id for one in made.of("api") if one not in gone}  # the API knows no authors
    order = ErasureOrder(tweet_ids=[tweet.tweet_id for tweet in gone], requested_by="ann")
    request_erasure.run(made.store, made.settings, order)
    request_erasure.run(made.store, made.settings, ErasureOrder(author=AUTHOR, requested_by="ann"))
    forget.run(made.store, made.settings, models=False)
    kept = folder / tombstone_files.FOLDER
    assert len(list(kept.iterdir())) == 2
    written = "".join(path.read_text() for path in kept.iterdir())
    assert not any(str(tweet.tweet_id) in written for tweet in made.tweets)
    restored.settings.tombstones.path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(made.settings.tombstones.path, restored.settings.tombstones.path)

    wanted = byte_search.needles(made.tweets)
    before = speaking_of(restored, wanted)
    assert lost <= before
    requests = replay_tombstones.run(restored.store, restored.settings, kept)
    after = speaking_of(restored, wanted)
    assert (after & lost, before - lost - after) == (set(), set())
    home = restored.settings.home
    assert not [
        path for name in ("landing", "logs") for path in (home / name).rglob("*") if holds(path, AUTHOR.encode())
    ]
    with restored.store.begin() as connection:
        named = [erasure_requests.by_id(connection, number) for number in requests]
        assert {one.requested_by for one in named} == {"restore"}
        # one whose versions the other has named already waits for none of its own
        assert "models" in {one.state for one in named} <= {"models", "done"}
        assert tombstones.find(connection, lost).tweets == lost, "with those of the author, whoever brings them"
    assert verify.run(restored.store, restored.settings).problems == ()
    assert replay_tombstones.run(made.store, made.settings, kept) == (), "its own requests are known"


def holds(path, needle):
    return path.is_file() and any(needle in content for content in byte_search.unpacked(path))


def test_a_restore_stops_at_tombstones_that_were_changed_or_of_another_key(store, settings):
    settings.backups.mkdir()
    request_erasure.run(store, settings, ErasureOrder(tweet_ids=[5, 6], requested_by="ann"))
    with store.begin() as connection:
        tombstone_files.write(connection, settings, 1)
    folder = settings.backups / tombstone_files.FOLDER
    (path,) = folder.iterdir()
    written = path.read_text()
    content = json.loads(written)
    content["tombstones"]["tweets"].pop()
    path.write_text(json.dumps(content))
    with pytest.raises(BackupRefused, match="it was changed"):
        replay_tombstones.run(store, settings, folder)
    path.write_text(written)
    with pytest.raises(TombstoneKeyMissing, match="another key"):
        list(tombstone_files.read(folder, type(settings.tombstones)(settings.home / "none", "secret")))


def test_a_run_that_is_killed_after_it_removed_the_ids_keeps_them_in_its_file(store, settings, monkeypatch):
    settings.backups.mkdir()
    events = compliance_file.read(['{"data": {"tweet_edit": {"tweet": {"id": "5"}}}}', "6"], name="f")
    request_erasure.run(store, settings, ErasureOrder(compliance=events, requested_by="ann"))
    run_until(receipt, "erased", lambda: forget.run(store, settings), monkeypatch)
    folder = settings.backups / tombstone_files.FOLDER
    (before,) = tombstone_files.read(folder, settings.tombstones)
    assert forget.run(store, settings).done
    (after,) = tombstone_files.read(folder, settings.tombstones)
    assert after == before
    assert (len(after.tweets), len(after.refused)) == (2, 1)


def test_a_tweet_that_its_source_restored_is_not_forgotten_again(store, settings):
    settings.backups.mkdir()
    events = compliance_file.read(["5", "6"], name="f")
    request_erasure.run(store, settings, ErasureOrder(compliance=events, requested_by="ann"))
    with store.begin() as connection:
        tombstone_files.write(connection, settings, 1)
        lifted = tombstones.lift(connection, {5: clock.now()})
    tombstone_files.lift(settings, lifted)
    (file,) = tombstone_files.read(settings.backups / tombstone_files.FOLDER, settings.tombstones)
    assert (len(file.tweets), len(file.refused)) == (1, 1)
    assert lifted[0] not in (*file.tweets, *file.refused)
