"""A dossier proves one decision without the platform, and not a byte of it can be changed."""

from __future__ import annotations

import importlib.util
import json
import random
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from sentiment_lib import verify_dossier
from sentiment_lib.signing import KeyRing
from sentiment_lib.steps.decisions import export_dossier
from sentiment_lib.steps.deployment import promote
from sentiment_lib.steps.operations import reconcile

LAST_YEAR = "2025-06-01T00:00:00+00:00"


@pytest.fixture
def dossier(store, settings, decided, say):
    """The dossier of a promotion."""
    say(decided.question)
    promote.run(store, settings, decision_id=decided.decision.decision_id)
    reconcile.run(store, settings)
    return export_dossier.run(store, decision_id=decided.decision.decision_id).encode()


def test_a_decision_with_its_approval_and_deployment_verifies(dossier, settings):
    checked = verify_dossier.verify(dossier, {key.key_id for key in settings.key_ring.public_keys()})
    assert checked["approval"]["answered_by"] == "mlops"
    assert [move["state"] for move in checked["deployments"]] == ["done"]
    assert checked["anchors"]
    assert {package["version"] for package in checked["packages"]} == {1, 2}
    assert "sentiment decision replay 1" in checked["reproduction"]


def test_a_decision_without_an_answer_verifies(store, decided):
    content = export_dossier.run(store, decision_id=decided.decision.decision_id).encode()
    assert verify_dossier.verify(content)["approval"] is None


def test_a_change_of_any_byte_is_refused(dossier):
    draw = random.Random(16)
    positions = {0, len(dossier) - 1, *draw.sample(range(len(dossier)), 500)}
    for position in positions:
        other = (dossier[position] + draw.randrange(1, 256)) % 256
        with pytest.raises(verify_dossier.Refused):
            verify_dossier.verify(dossier[:position] + bytes([other]) + dossier[position + 1 :])


def test_a_dossier_that_lost_or_gained_a_byte_is_refused(dossier):
    for changed in (dossier[:-1], dossier + b"\n", b" " + dossier, b""):
        with pytest.raises(verify_dossier.Refused):
            verify_dossier.verify(changed)


def _with_key(line):
    return verify_dossier.canonical(json.loads(line) | {"x": 1}).decode()


FORGERIES = {
    "the decision's policy": lambda d: d["decision"]["policy"]["approval"].update(approvers=["ghost"]),
    "the decision's answer": lambda d: d["decision"].update(verdict="HOLD"),
    "the decision's evidence_hash": lambda d: d.update(evidence=d["evidence"] + " "),
    "the approval's answered_by": lambda d: d["approval"].update(answered_by="admin"),
    "a response is recorded": lambda d: d.update(approval=None),
    "the package of version 2": lambda d: d["packages"][0].update(digest="0" * 64),
    "the snapshot is not": lambda d: d["snapshot"].update(content_hash="0" * 64),
    "is not recorded as undone": lambda d: d["deployments"][0].update(state="undone"),
    "its to_version is not": lambda d: d["deployments"][0].update(to_version=999),
    "its moved_by is not": lambda d: d["deployments"][0].update(moved_by="admin"),
    "its finished_at is not": lambda d: d["deployments"][0].update(finished_at="2026-01-01T00:00:00+00:00"),
    "a line of its anchors has parts": lambda d: d["anchors"].append(_with_key(d["anchors"].pop())),
    "does not follow": lambda d: d["entries"].pop(3),
    "was changed": lambda d: d["entries"][3].update(payload="{}"),
    "do not end with a signed one": lambda d: d["entries"][-1].update(signature=None),
}


@pytest.mark.parametrize("part", FORGERIES)
def test_a_dossier_that_contradicts_its_ledger_is_refused_even_when_signed(dossier, settings, part):
    content = json.loads(dossier)["dossier"]
    FORGERIES[part](content)
    signature = settings.key_ring.sign("dossier", content)
    forged = verify_dossier.canonical({"dossier": content, "signature": signature}) + b"\n"
    with pytest.raises(verify_dossier.Refused, match=part):
        verify_dossier.verify(forged)


def test_a_dossier_signed_with_another_key_is_refused_by_who_trusts_ours(dossier, settings, tmp_path):
    content = json.loads(dossier)["dossier"]
    attacker = KeyRing(tmp_path / "attacker")
    signature = attacker.sign("dossier", content)
    forged = verify_dossier.canonical({"dossier": content, "signature": signature}) + b"\n"
    with pytest.raises(verify_dossier.Refused, match="not trusted"):
        verify_dossier.verify(forged)
    with pytest.raises(verify_dossier.Refused, match="not trusted"):
        verify_dossier.verify(dossier, {attacker.public_keys()[0].key_id})


def test_a_stolen_key_that_was_retired_signs_no_dossier_for_who_has_the_public_keys(dossier, settings):
    """The thief writes into the dossier that his key is still valid."""
    ring = settings.key_ring
    own = json.loads(ring.public_keys_file.read_text())
    assert verify_dossier.verify(dossier, None, own)
    retired = [key | {"valid_from": "2024-01-01T00:00:00+00:00", "valid_until": LAST_YEAR} for key in own]
    with pytest.raises(verify_dossier.Refused, match="dated after its key"):
        verify_dossier.verify(dossier, None, retired)
    with pytest.raises(verify_dossier.Refused, match="not trusted"):
        verify_dossier.verify(dossier, None, [])


def test_parts_outside_the_signature_and_deep_nesting_are_refused(dossier):
    more = verify_dossier.canonical(json.loads(dossier) | {"x": 1}) + b"\n"
    for content, problem in ((more, "not signed"), (b"[" * 100_000, "not complete")):
        with pytest.raises(verify_dossier.Refused, match=problem):
            verify_dossier.verify(content)


def test_a_dossier_that_no_anchor_covers_needs_a_word(dossier, settings, tmp_path, monkeypatch, capsys):
    content = json.loads(dossier)["dossier"]
    content["anchors"] = []
    signed = {"dossier": content, "signature": settings.key_ring.sign("dossier", content)}
    path = tmp_path / "dossier.json"
    path.write_bytes(verify_dossier.canonical(signed) + b"\n")
    monkeypatch.setattr(sys, "argv", ["sentiment-verify", str(path)])
    with pytest.raises(SystemExit) as ended:
        verify_dossier.main()
    assert ended.value.code == 1
    assert "refused: no anchor covers its ledger rows" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", ["sentiment-verify", str(path), "--without-anchors"])
    verify_dossier.main()
    assert "anchors: 0, NONE COVERS THESE ROWS" in capsys.readouterr().out
    path.write_bytes(dossier)
    monkeypatch.setattr(sys, "argv", ["sentiment-verify", str(path)])
    verify_dossier.main()


@pytest.fixture
def alone(tmp_path):
    """A folder with its own Python, which has `cryptography` and nothing else of this installation; runs it offline."""
    folder = tmp_path / "alone"
    venv.create(folder / "venv", with_pip=False)
    packages = next((folder / "venv/lib").glob("python*/site-packages"))
    for name in ("cryptography", "cffi", "_cffi_backend"):
        origin = Path(importlib.util.find_spec(name).origin)
        origin = origin.parent if origin.name == "__init__.py" else origin
        (packages / origin.name).symlink_to(origin)
    # a network namespace of its own has no interface that is up; only root may make one
    offline = ["unshare", "-n"]
    if subprocess.run([*offline, "true"], capture_output=True, check=False).returncode:
        offline = []

    def run(*words):
        command = [*offline, str(folder / "venv/bin/python"), "-I", *words]
        return subprocess.run(command, cwd=folder, env={}, capture_output=True, text=True, check=False)

    run.folder, run.is_offline = folder, bool(offline)
    return run


def test_the_file_runs_alone_without_the_platform_and_without_network(dossier, settings, alone):
    shutil.copy(verify_dossier.__file__, alone.folder)
    shutil.copy(settings.key_ring.public_keys_file, alone.folder)
    (alone.folder / "dossier.json").write_bytes(dossier)
    assert "No module named 'sentiment_lib'" in alone("-c", "import sentiment_lib").stderr
    if alone.is_offline:
        assert "unreachable" in alone("-c", "import socket; socket.create_connection(('192.0.2.1', 9), 3)").stderr
    command = ["verify_dossier.py", "dossier.json", "--public-keys", "public-keys.json"]
    done = alone(*command)
    assert done.returncode == 0, done.stderr
    assert "verified: decision 1 says PROMOTE\napproval: approved by mlops" in done.stdout
    (alone.folder / "dossier.json").write_bytes(dossier.replace(b"mlops", b"admin"))
    done = alone(*command)
    assert done.returncode == 1
    assert done.stderr.startswith("refused: ")
