"""Signatures verify with the key ring that made them, through rotations, and nothing else does."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from sentiment_lib.errors import SignatureRefused, SigningKeyMissing
from sentiment_lib.signing import KeyRing


@pytest.fixture
def ring(tmp_path):
    return KeyRing(tmp_path / "keys")


def test_a_value_and_bytes_are_signed_and_verify(ring):
    assert ring.verify("ledger", {"b": 1, "a": 2}, ring.sign("ledger", {"a": 2, "b": 1})).valid_until is None
    assert ring.verify("ledger", b"bytes", ring.sign("ledger", b"bytes"))


@pytest.mark.parametrize(("purpose", "content"), [("ledger", {"a": 2}), ("anchor", {"a": 1}), ("ledger", b'{"a": 1}')])
def test_another_content_or_purpose_is_refused(ring, purpose, content):
    signature = ring.sign("ledger", {"a": 1})
    with pytest.raises(SignatureRefused, match="is not of this"):
        ring.verify(purpose, content, signature)


@pytest.mark.parametrize("cut", ["", "x", "0123456789abcdef:AAAA"])
def test_a_signature_of_no_key_is_refused(ring, cut):
    ring.sign("ledger", {})
    with pytest.raises(SignatureRefused, match="unknown key"):
        ring.verify("ledger", {}, cut)


def test_a_broken_signature_is_refused(ring):
    key_id, _, encoded = ring.sign("ledger", {}).partition(":")
    for broken in (
        "",
        encoded[:-4],
        encoded + "AAAA",
        "é" + encoded,
        ("B" if encoded[0] == "A" else "A") + encoded[1:],
    ):
        with pytest.raises(SignatureRefused):
            ring.verify("ledger", {}, f"{key_id}:{broken}")


def test_another_ring_s_signature_is_refused(ring, tmp_path):
    signature = KeyRing(tmp_path / "other").sign("ledger", {})
    ring.sign("ledger", {})
    with pytest.raises(SignatureRefused, match="unknown key"):
        ring.verify("ledger", {}, signature)


def test_after_a_rotation_old_signatures_verify_for_their_time_only(ring):
    old = ring.sign("ledger", {})
    new = ring.rotate()
    assert ring.sign("ledger", {}).startswith(new.key_id)
    assert ring.verify("ledger", {}, old, at=datetime.now(UTC)).valid_until == new.valid_from
    for at in (datetime.now(UTC) + timedelta(hours=1), datetime.now(UTC) - timedelta(hours=1)):
        with pytest.raises(SignatureRefused, match="was not valid at"):
            ring.verify("ledger", {}, old, at=at)


def test_another_process_notices_a_rotation(ring):
    ring.sign("ledger", {})
    new = KeyRing(ring.folder).rotate()
    assert ring.sign("ledger", {}).startswith(new.key_id)


def test_private_keys_are_their_owner_s_and_a_rotated_one_is_gone(ring):
    ring.sign("ledger", {})
    new = ring.rotate()
    assert ring.folder.stat().st_mode & 0o077 == 0
    assert [path.stem for path in ring.folder.glob("*.pem")] == [new.key_id]
    assert (ring.folder / f"{new.key_id}.pem").stat().st_mode & 0o777 == 0o600


def test_with_public_keys_alone_one_verifies_and_cannot_sign_or_rotate(ring, tmp_path):
    signature = ring.sign("ledger", {})
    reader = KeyRing(tmp_path / "nothing", ring.public_keys_file)
    assert reader.verify("ledger", {}, signature)
    for act in (lambda: reader.sign("ledger", {}), reader.rotate):
        with pytest.raises(SigningKeyMissing):
            act()


def test_lost_public_keys_are_not_replaced_in_silence(ring):
    ring.sign("ledger", {})
    ring.public_keys_file.unlink()
    with pytest.raises(SigningKeyMissing, match="restore it"):
        ring.sign("ledger", {})


def test_a_public_key_under_another_key_s_id_is_refused(ring, tmp_path):
    ring.sign("ledger", {})
    other = KeyRing(tmp_path / "other")
    other.sign("ledger", {})
    entry = json.loads(ring.public_keys_file.read_text())[0]
    entry["public_key"] = other.public_keys()[0].public_key
    ring.public_keys_file.write_text(json.dumps([entry]))
    with pytest.raises(SignatureRefused, match="is not the id of its key"):
        ring.public_keys()


def test_processes_that_start_together_create_one_key(tmp_path):
    code = (
        "from pathlib import Path; import sys; from sentiment_lib.signing import KeyRing; "
        "KeyRing(Path(sys.argv[1])).sign('ledger', {})"
    )
    started = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "keys")]) for _ in range(3)]
    assert [process.wait(60) for process in started] == [0, 0, 0]
    assert len(KeyRing(tmp_path / "keys").public_keys()) == 1


def test_where_the_private_keys_are_no_other_file_says_which_keys_are_good(ring, tmp_path):
    ring.sign("ledger", {})
    stranger = KeyRing(tmp_path / "stranger")
    forged = stranger.sign("ledger", {"a": 1})
    chosen = KeyRing(ring.folder, stranger.public_keys_file)
    with pytest.raises(SignatureRefused, match="unknown key"):
        chosen.verify("ledger", {"a": 1}, forged)
    assert chosen.verify("ledger", {}, ring.sign("ledger", {})).key_id == ring.public_keys()[0].key_id


def test_the_copy_of_the_public_keys_is_completed_after_a_kill(tmp_path):
    copy = tmp_path / "public" / "keys.json"
    copy.parent.mkdir()
    ring = KeyRing(tmp_path / "keys", copy)
    ring.sign("ledger", {})
    before = copy.read_bytes()
    ring.rotate()
    signature = ring.sign("ledger", {})
    reader = KeyRing(tmp_path / "nothing", copy)
    reader.verify("ledger", {}, signature)
    copy.write_bytes(before)  # killed before it was written
    with pytest.raises(SignatureRefused):
        reader.verify("ledger", {}, signature)
    ring.create_first_key()
    reader.verify("ledger", {}, signature)
