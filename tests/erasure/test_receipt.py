"""A receipt shows what was signed; `verify` names what somebody changes, takes away or puts back."""

from __future__ import annotations

import copy
import json
from datetime import datetime

import pytest
from sqlalchemy import text

from sentiment_lib.hashing import canonical_json
from sentiment_lib.settings import Settings
from sentiment_lib.steps.erasure import forget, receipt, request_erasure
from sentiment_lib.steps.erasure.request_erasure import ErasureOrder
from sentiment_lib.storage import erasure_audit, grants, ledger

DATABASE_ROLE = grants.APP
FIRST = 1_200_000_000_000_000_000
CHECKS = (erasure_audit.requests, erasure_audit.made, erasure_audit.resurrected)


@pytest.fixture
def forgotten(store, settings, owner):
    """Numbers of two requests, of which the first is done and the second waits."""
    with owner.begin() as connection:
        connection.execute(text("INSERT INTO ingests (source) VALUES ('file:a.csv')"))
        connection.execute(
            text(
                "INSERT INTO tweets (tweet_id, text, created_at, ingest_id) "
                "SELECT :first + n, 'late', now(), 1 FROM generate_series(0, 3) n"
            ),
            {"first": FIRST},
        )
    first = request_erasure.run(store, settings, ErasureOrder(tweet_ids=[FIRST, FIRST + 1], requested_by="ann"))
    assert forget.run(store, settings).done == (first,)
    return first, request_erasure.run(store, settings, ErasureOrder(tweet_ids=[FIRST + 2], requested_by="ann"))


def problems(store):
    """What `verify` asks of requests, tombstones and stored tweets."""
    with store.begin() as connection:
        return [found for check in CHECKS for found in check(connection)]


def rehashed(entry, **changes):
    """The entry with changed facts and the hash that they have."""
    payload = canonical_json({**json.loads(entry["payload"]), **changes})
    moment = datetime.fromisoformat(entry["recorded_at"])
    digest = ledger.entry_hash(entry["sequence"], entry["kind"], payload, entry["previous_hash"], moment)
    return {**entry, "payload": payload, "entry_hash": digest}


def test_a_forged_receipt_is_refused(store, settings, forgotten, tmp_path):
    with store.begin() as connection:
        content = receipt.export(connection, settings, forgotten[0])
        other = receipt.export(connection, settings, forgotten[1])
    content = json.loads(json.dumps(content))
    assert receipt.problems(content, settings.key_ring) == []
    assert [row["kind"] for row in content["entries"]] == ["erasure_request", "erasure", "erasure_done"]

    changed = copy.deepcopy(content)
    changed["entries"][1]["payload"] = changed["entries"][1]["payload"].replace('"tweets":2', '"tweets":3')
    assert "was changed" in receipt.problems(changed, settings.key_ring)[0]
    changed["entries"][1] = rehashed(content["entries"][1], in_time=False)
    assert "no valid signature" in receipt.problems(changed, settings.key_ring)[0]
    assert "something else" in receipt.problems({**other, "request_id": forgotten[0]}, settings.key_ring)[0]
    assert receipt.problems({**content, "entries": content["entries"][1:]}, settings.key_ring)
    assert receipt.problems({**content, "receipt": 9}, settings.key_ring)
    assert receipt.problems(["no receipt"], settings.key_ring)
    stranger = Settings(home=tmp_path / "other", signing_keys=tmp_path / "other-keys").key_ring
    stranger.create_first_key()
    assert "no valid signature" in receipt.problems(content, stranger)[0]


def test_rows_of_other_requests_or_out_of_order_are_no_receipt(store, settings, forgotten):
    with store.begin() as connection:
        first, second = (json.loads(json.dumps(receipt.export(connection, settings, one))) for one in forgotten)
    ring = settings.key_ring
    assert receipt.problems(second, ring) == ["the request is not erased yet"]
    asked, erased, done = first["entries"]

    def found(*entries, **more):
        (problem,) = receipt.problems({**first, "entries": list(entries), **more}, ring)
        return problem

    assert found(asked) == "the request is not erased yet"
    for rows in ([asked, done], [asked, done, erased], [asked, erased, done] * 2, [asked, erased, done, done]):
        assert "in their order" in found(*rows)
    assert "not the platform's" in found(asked, erased, done, public_keys=["erased on Mars", {"a": 1}])
    for number in (first["request_id"] + 0.9, f" {first['request_id']} ", True):
        assert "which is no number" in found(asked, erased, done, request_id=number)
    assert "it has the format True" in found(asked, erased, done, receipt=True)
    assert "nobody signed: erased, versions" in found(asked, erased, done, erased="everything", versions=[])


def signed_row(settings, entry, sequence, **changes):
    """The entry with changed facts at another place of a ledger that the same key signs."""
    made = rehashed({**entry, "sequence": sequence}, **changes)
    signed = settings.key_ring.sign(ledger.PURPOSE, made["entry_hash"].encode())
    return {**made, "signature": signed}


@pytest.mark.parametrize("fact", [{"received_at": "2026-01-01T00:00:00+00:00"}, {"named": 7}, {"requested_by": "bob"}])
def test_a_row_of_another_database_with_the_same_number_and_key_is_no_part_of_a_receipt(
    store, settings, forgotten, fact
):
    with store.begin() as connection:
        content = json.loads(json.dumps(receipt.export(connection, settings, forgotten[0])))
    asked, erased, done = content["entries"]
    mixed = {**content, "entries": [asked, signed_row(settings, erased, erased["sequence"], **fact), done]}
    name, problems_found = next(iter(fact)), receipt.problems(mixed, settings.key_ring)
    assert problems_found == [f"row {erased['sequence']} (erasure) is of another request: {name}"]
    early = {**content, "entries": [asked, signed_row(settings, erased, 0), done]}
    assert any("was written before" in problem for problem in receipt.problems(early, settings.key_ring))


@pytest.mark.parametrize(
    ("deed", "named"),
    [
        ("DELETE FROM tombstones WHERE request_id = 1", "tombstones of request 1"),
        ("UPDATE erasure_requests SET requested_by = 'bob' WHERE request_id = 1", "request 1 to forget was changed"),
        (
            "UPDATE erasure_requests SET state = 'done', finished_at = now(), erased_at = now(), subject = NULL "
            "WHERE request_id = 2",
            "request 2 to forget is done, and its receipt says something else",
        ),
        (
            f"INSERT INTO tweets (tweet_id, text, created_at, ingest_id) VALUES ({FIRST}, 'late', now(), 1)",
            f"tweet {FIRST} was forgotten, and is stored again",
        ),
    ],
)
def test_verify_names_what_somebody_changes_takes_away_or_puts_back(store, owner, forgotten, deed, named):
    assert len(forgotten) == 2
    assert problems(store) == []
    with owner.begin() as connection:
        connection.execute(text(deed))
    assert any(named in problem for problem in problems(store))
