"""Total loss: everything is backed up, destroyed and restored; nothing is missing, and the champion serves."""

from __future__ import annotations

import json
import shutil
import time

import httpx
import pytest

pytestmark = [pytest.mark.stack, pytest.mark.timeout(1800)]
#: Tables whose rows never change.
FACTS = ("tweets", "labels", "predictions", "model_versions", "snapshots", "snapshot_rows", "decisions", "ledger")


def facts(stack):
    """Hash of each row, by table."""
    query = "SELECT hashtextextended(r::text, 0) AS content FROM {} r"
    return {table: {row["content"] for row in stack.rows_as_owner(query.format(table))} for table in FACTS}


def back_up_at_rest(stack):
    """A backup, and the rows that were there before and after it; repeated while the loop adds some."""
    for _ in range(10):
        before, made = facts(stack), json.loads(stack.sentiment("backup", "--json"))
        if facts(stack) == before:
            return made, before
        time.sleep(5)
    raise AssertionError("the loop does not come to rest")


def test_after_total_loss_everything_is_there_again(stack_with, tmp_path):
    identity = tmp_path / "identity.txt"
    stack = stack_with()
    recipient = json.loads(stack.sentiment("backup", "key", str(identity), "--json"))["recipient"]
    stack.environment["SENTIMENT_BACKUP__RECIPIENT"] = recipient
    stack.up(sample=False)
    for words in (["ingest", "--sample"], ["bootstrap"], ["score"]):
        stack.sentiment(*words)
    stack.sign_in("admin")
    stack.sentiment("retrain", "--family", "tfidf_logreg")
    stack.sentiment("reconcile")
    key = stack.sentiment("keys", "create", "reader", "--role", "predict").strip()
    passwords = stack.passwords()
    made, before = back_up_at_rest(stack)
    assert all(before.values())
    public = shutil.copy(stack.home / "secrets/signing/public-keys.json", tmp_path)
    drill = json.loads(stack.sentiment("restore-drill", "--identity", str(identity), "--json"))
    assert (drill["problems"], drill["restored"]) == ([], True)
    stack.down()
    shutil.rmtree(stack.home)

    words = ["restore", str(stack.home.with_name("home-backups") / made["name"]), "--identity", str(identity)]
    restored = json.loads(stack.sentiment(*words, "--public-keys", str(public), "--json"))
    print(f"drilled in {drill['seconds']:.0f} seconds, restored in {restored['seconds']:.0f}")
    assert restored["verified"]["problems"] == []
    stack.up(sample=False)
    after = facts(stack)
    assert {table: len(rows - after[table]) for table, rows in before.items()} == dict.fromkeys(before, 0)
    assert stack.passwords() == passwords
    assert json.loads(stack.sentiment("verify", "--json"))["problems"] == []
    answer = httpx.post(
        f"{stack.settings.api_url}/v1/predict",
        json={"text": "my bag is lost"},
        headers={"Authorization": f"Bearer {key}"},
        timeout=60,
    )
    assert answer.raise_for_status().json()["predictions"][0]["label"] == "negative"
    (entry,) = stack.rows("SELECT payload FROM ledger WHERE kind = 'restore'")
    assert json.loads(entry["payload"])["backup"] == made["name"]
