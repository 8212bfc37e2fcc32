"""A backup holds everything of one moment, encrypted; what was changed, cut off or made by others is refused."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import tarfile
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from benchmarks.stack_home import free_port
from sentiment_lib.encryption import age
from sentiment_lib.errors import BackupFailed, BackupRefused, BadInput, BadSetting, Busy
from sentiment_lib.hashing import hash_file
from sentiment_lib.local import restore
from sentiment_lib.settings import PORTS, BackupSettings
from sentiment_lib.steps.backup import archive, back_up, drill, expire, manifest
from sentiment_lib.steps.operations import check_alerts, verify
from sentiment_lib.storage import anchors, backups, dumps, grants, server_programs, snapshots
from sentiment_lib.storage.backups import Backup
from sentiment_lib.storage.engine import Store
from tests.conftest import as_role
from tests.loop.conftest import with_policy
from tests.loop.world import settings_in

#: Later than the keys of the tests, which others of the same process rotate.
MOMENT = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=3)


@pytest.fixture
def identity(tmp_path):
    """A key pair: the file of the private key, and the public key."""
    private, public = age.create_identity()
    (tmp_path / "identity.txt").write_text(f"# public key: {public}\n{private}\n")
    return SimpleNamespace(file=tmp_path / "identity.txt", public=public, keys=age.parse_identities(private))


@pytest.fixture
def backed_up(settings, database_url, empty_database_url, identity, tracking):
    """Settings under which the platform's database and another one are backed up."""
    (settings.home / "secrets").mkdir(exist_ok=True)
    (settings.home / "secrets/stack.env.json").write_text('{"secret": "hush"}')
    names = [make_url(url).database for url in (database_url, empty_database_url)]
    wanted = BackupSettings(
        recipient=identity.public,
        database_url=as_role(database_url, grants.BACKUP),
        databases=tuple(names),
        artefacts=tracking.artifacts,
    )
    return settings.model_copy(update={"backup": wanted})


@pytest.fixture
def fill_other(empty_database_url):
    other = Store(empty_database_url)
    with other.begin() as connection:
        connection.execute(text("CREATE TABLE runs (name text)"))
        connection.execute(text("INSERT INTO runs SELECT 'run ' || n FROM generate_series(1, 5000) n"))
    other.close()


def decrypted(path, identity):
    plain = io.BytesIO()
    archive.decrypt(path, identity.keys, plain)
    return plain.getvalue()


def test_what_is_restored_is_what_was_there(store, backed_up, decided, fill_other, identity, postgres_server, tmp_path):
    anchors.append(store)
    made = back_up.run(store, backed_up, at=MOMENT)
    folder = backed_up.backups / made.name
    found = manifest.require_signature(folder, backed_up.key_ring)
    keys = manifest.find_keys(folder)
    assert list(manifest.problems(folder, found, keys)) == []
    assert found.size_bytes == made.size_bytes == sum(path.stat().st_size for path in (*folder.glob("*.age"), keys))
    # files
    target = tmp_path / "files"
    count = archive.extract(
        folder / manifest.FILES, identity.keys, {top: target / top for top in ("snapshots", "mlflow", "anchors")}
    )
    originals = sorted(backed_up.snapshots.rglob("*.parquet"))
    for path in originals:
        assert hash_file(target / "snapshots" / path.relative_to(backed_up.snapshots)) == hash_file(path)
    artefacts = [path for path in backed_up.backup.artefacts.rglob("*") if path.is_file()]
    assert originals
    assert artefacts
    for path in artefacts:
        assert hash_file(target / "mlflow" / path.relative_to(backed_up.backup.artefacts)) == hash_file(path)
    assert count == len(artefacts) + len(originals) + 1
    # databases
    with postgres_server.database() as url, postgres_server.database() as other_url:
        for target_url, database in zip((url, other_url), found.databases, strict=True):
            plain = tmp_path / "plain.dump"
            plain.write_bytes(decrypted(folder / manifest.dump_name(database), identity))
            dumps.restore(target_url, plain, programs=server_programs.find())
        restored, other = Store(url, anchors_file=target / "anchors/ledger.jsonl"), Store(other_url)
        with restored.begin() as connection, store.begin() as original_connection:
            assert verify.records(connection) == []
            assert anchors.broken(connection, restored.anchors_file) == []
            one = snapshots.by_id(original_connection, decided.snapshot.snapshot_id)
            assert snapshots.by_id(connection, one.snapshot_id) == one
            for table in ("tweets", "labels", "predictions", "ledger", "decisions"):
                query = text(f"SELECT count(*), coalesce(sum(hashtext(r::text)), 0) FROM {table} r")
                assert connection.execute(query).one() == original_connection.execute(query).one()
        assert verify.snapshot_artefacts(restored, settings_in(target), [one]) == []
        with other.begin() as connection:
            assert connection.execute(text("SELECT count(*) FROM runs")).scalar_one() == 5000
        restored.close()
        other.close()
    with store.begin() as connection:
        assert backups.newest(connection) == [made]


def test_secrets_are_in_an_archive_of_their_own_and_nothing_is_in_clear(store, backed_up, decided, identity):
    made = back_up.run(store, backed_up, at=MOMENT)
    folder = backed_up.backups / made.name
    (pem,) = backed_up.key_ring.folder.glob("*.pem")
    secret = pem.read_bytes().splitlines()[1]
    keys = manifest.find_keys(folder)
    assert not keys.is_relative_to(folder)
    unpacked = gzip.decompress(decrypted(keys, identity))
    assert secret in unpacked
    assert b"hush" in unpacked
    with tarfile.open(fileobj=io.BytesIO(unpacked)) as tar:
        assert {"secrets/stack.env.json", f"secrets/signing/{pem.name}"} <= set(tar.getnames())
    rest = gzip.decompress(decrypted(folder / manifest.FILES, identity))
    assert b"PAR1" in rest
    assert secret not in rest
    assert b"hush" not in rest
    for path in (*folder.iterdir(), keys):
        assert path.stat().st_mode & 0o077 == 0
        assert b"PAR1" not in path.read_bytes()


def test_what_was_changed_is_refused_before_anything_is_written(
    store, backed_up, identity, tmp_path, monkeypatch, empty_database_url
):
    made = back_up.run(store, backed_up, at=MOMENT)
    folder, home = backed_up.backups / made.name, tmp_path / "bare"
    monkeypatch.setenv("SENTIMENT_HOME", str(home))
    for name in PORTS:  # a stack of somebody else may hold the usual ones
        monkeypatch.setenv(name, str(free_port()))

    def refused(match, folder=folder, error=BackupRefused, **more):
        with pytest.raises(error, match=match):
            restore.run(folder, **{"identity": identity.file, "make_key": lambda: "key", **more})
        assert not home.exists() or {path.name for path in home.rglob("*") if path.is_file()} <= {"lock"}

    copy = tmp_path / "copy" / made.name
    for number, name in enumerate(sorted(path.name for path in folder.glob("*.age"))):
        shutil.copytree(folder, copy)
        data = bytearray((copy / name).read_bytes())
        data[-1 - number] ^= 1
        (copy / name).write_bytes(data)
        refused(f"{name} is not what", copy, keys=manifest.find_keys(folder))
        (copy / name).unlink()
        refused(f"{name} is missing", copy, keys=manifest.find_keys(folder))
        shutil.rmtree(copy)
    stored = json.loads((folder / manifest.FILE).read_text())
    forged = {
        "another moment": {"as_of": "2026-05-02T00:00:00+00:00"},
        "a newer schema": {"revision": "9999"},
        "a later format": {"format": 2},
    }
    for problem, change in forged.items():
        shutil.copytree(folder, copy)
        (copy / manifest.FILE).write_text(json.dumps({**stored, "manifest": stored["manifest"] | change}))
        match = {"another moment": "signature", "a newer schema": "newer than", "a later format": "format is 2"}
        refused(match[problem], copy, keys=manifest.find_keys(folder))
        shutil.rmtree(copy)
    other = tmp_path / "other.txt"
    other.write_text(age.create_identity()[0])
    refused("not encrypted to its public key", identity=other, error=BadInput)
    (tmp_path / "strange.json").write_text("[]")
    refused("unknown key", public_keys=tmp_path / "strange.json")
    refused("no such folder", tmp_path / "nowhere")
    home.mkdir(exist_ok=True)
    (home / "a file").write_text("of somebody")
    with pytest.raises(BackupRefused, match="is not empty"):
        restore.run(folder, identity=identity.file, make_key=lambda: "key")
    assert (home / "a file").read_text() == "of somebody"


def test_a_restored_stack_does_not_take_the_processes_of_the_lost_one_for_its_own(
    store, backed_up, identity, tmp_path, monkeypatch
):
    (backed_up.home / "secrets/stack.env.json").write_text('{"stack_id": "of the lost one", "author_key": "kept"}')
    made, home = back_up.run(store, backed_up, at=MOMENT), tmp_path / "bare"
    monkeypatch.setenv("SENTIMENT_HOME", str(home))
    for name in PORTS:
        monkeypatch.setenv(name, str(free_port()))
    seen = []

    def servers(home, *_):
        seen.append(json.loads((home.secrets / "stack.env.json").read_text()))
        return verify.VerifyResult(problems=(), checked={})

    monkeypatch.setattr(restore, "_restore_databases", servers)
    restore.run(backed_up.backups / made.name, identity=identity.file, make_key=lambda: "key")
    (credentials,) = seen
    assert credentials["author_key"] == "kept"
    assert credentials["stack_id"] != "of the lost one"
    assert not (home / "restoring").exists()


def test_a_backup_that_was_killed_leaves_nothing_and_the_older_one_stays(store, backed_up, identity, monkeypatch):
    first = back_up.run(store, backed_up, at=MOMENT)
    with monkeypatch.context() as patch:
        patch.setattr(manifest, "write", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            back_up.run(store, backed_up, at=MOMENT + timedelta(days=1))
    assert [path.name for path in expire.complete(backed_up.backups)] == [first.name]
    third = back_up.run(store, backed_up, at=MOMENT + timedelta(days=2))
    assert [path.name for path in expire.complete(backed_up.backups)] == [first.name, third.name]
    assert {path.name for path in backed_up.backups.iterdir()} == {".lock", first.name, third.name}
    assert len(list(backed_up.backup_keys.iterdir())) == 2


def test_a_failing_dump_is_no_backup(store, backed_up, tmp_path):
    broken = tmp_path / "programs"
    broken.mkdir()
    (broken / "pg_dump").write_text("#!/bin/sh\necho half a dump\necho 'pg_dump: error: disk on fire' >&2\nexit 1\n")
    (broken / "pg_dump").chmod(0o755)
    changed = backed_up.model_copy(update={"backup": backed_up.backup.model_copy(update={"programs": broken})})
    with pytest.raises(BackupFailed, match="disk on fire"):
        back_up.run(store, changed)
    assert expire.complete(backed_up.backups) == []
    with store.begin() as connection:
        assert backups.newest(connection) == []


def test_old_backups_go_with_their_secrets_but_for_the_three_newest(store, backed_up):
    for day in range(3):
        back_up.run(store, backed_up, at=MOMENT + timedelta(days=day))
    later = MOMENT + timedelta(days=200)
    back_up.run(store, backed_up, at=later)
    kept = [expire.as_of(path) for path in expire.complete(backed_up.backups)]
    assert kept == [MOMENT + timedelta(days=1), MOMENT + timedelta(days=2), later]
    assert len(list(backed_up.backup_keys.iterdir())) == 3


def test_two_at_once_are_one(store, backed_up):
    with back_up._one_at_a_time(backed_up.backups), pytest.raises(Busy, match="being taken"):
        back_up.run(store, backed_up)


def test_without_a_recipient_the_error_says_how_to_make_one(store, settings):
    with pytest.raises(BadSetting, match="sentiment backup key FILE"):
        back_up.run(store, settings)


def test_a_drill_without_a_private_key_checks_bytes_and_signature(store, backed_up):
    made = back_up.run(store, backed_up, at=MOMENT)
    result = drill.run(store, backed_up)
    assert (result.ok, result.restored) == (True, False)
    with store.begin() as connection:
        assert backups.newest(connection)[0].drilled_at is None, "nothing was restored"
    with (backed_up.backups / made.name / manifest.FILES).open("ab") as file:
        file.write(b"x")
    assert not drill.run(store, backed_up).ok
    with store.begin() as connection:
        assert "is not what the manifest says" in backups.newest(connection)[0].drill_problem


def test_an_old_backup_and_a_failed_drill_open_alerts(store, settings):
    policy = with_policy(settings, alerts={"backup_age": timedelta(hours=36)})
    backup = Backup(
        name=f"{MOMENT:%Y%m%dT%H%M%SZ}",
        as_of=MOMENT,
        finished_at=MOMENT,
        size_bytes=1,
        manifest_hash="h",
    )
    with store.begin() as connection:
        backups.store(connection, backup)
        backups.store(connection, backup)

    def firing(at):
        check_alerts.run(store, policy, at=at)
        with store.begin() as connection:
            query = "SELECT kind FROM alerts WHERE resolved_at IS NULL AND kind LIKE ANY (ARRAY['backup%', 'restore%'])"
            return set(connection.execute(text(query)).scalars())

    assert firing(MOMENT + timedelta(hours=35)) == set()
    assert firing(MOMENT + timedelta(hours=37)) == {"backup_overdue"}
    for problem, kinds in (("the ledger was truncated", {"restore_drill_failed"}), (None, set())):
        with store.begin() as connection:
            backups.record_drill(connection, backup.name, at=MOMENT, took=timedelta(minutes=2), problem=problem)
        assert firing(MOMENT) == kinds
