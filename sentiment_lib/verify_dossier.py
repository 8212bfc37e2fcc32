"""Check a dossier of `sentiment decision export` without the platform: `sentiment-verify DOSSIER`.

This file runs alone, with Python 3.11 and the package `cryptography`: `python verify_dossier.py DOSSIER`. Without
--key or --public-keys it trusts the keys that the dossier brings, and prints their ids to compare with those that
`sentiment signing-keys list` shows. With --public-keys, keys and their validity come from that file alone.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import json
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMAT = "sentiment-dossier/1"
#: Tolerance of times: clocks differ, and a process notices the rotation of a key at its next signature.
TOLERANCE = timedelta(minutes=5)
#: Tolerance between a decision and its answer, for which a person takes longer than clocks may differ.
MOMENT = timedelta(seconds=1)


class Refused(Exception):
    """The dossier does not verify; the message says why."""


def main() -> None:
    """Entry point. Exit codes: 0 verified, 1 refused."""
    parser = argparse.ArgumentParser(prog="sentiment-verify", description="Check a dossier of one decision.")
    parser.add_argument("dossier", type=Path, help="file that `sentiment decision export` wrote")
    parser.add_argument("--key", action="append", help="id of a key to trust; may be repeated")
    parser.add_argument("--public-keys", type=Path, help="file of the public keys to trust, with their validity")
    parser.add_argument("--without-anchors", action="store_true", help="accept a dossier that no anchor covers")
    arguments = parser.parse_args()
    trusted, file = set(arguments.key or ()) or None, arguments.public_keys
    try:
        public_keys = json.loads(file.read_bytes()) if file else None
        dossier = verify(arguments.dossier.read_bytes(), trusted, public_keys)
        if not (anchored := covered(dossier)) and not arguments.without_anchors:
            raise Refused("no anchor covers its ledger rows: export it anew, or accept that with --without-anchors")
    except (Refused, OSError, ValueError) as error:
        print(f"refused: {error}", file=sys.stderr)
        raise SystemExit(1) from error
    decision, approval = dossier["decision"], dossier["approval"]
    print(f"verified: decision {decision['decision_id']} says {decision['verdict']}")
    print(f"approval: {approval['response']} by {approval['answered_by']}" if approval else "approval: none")
    end = "" if anchored else ", NONE COVERS THESE ROWS"
    print(f"ledger rows: {len(dossier['entries'])}, anchors: {len(dossier['anchors'])}{end}")
    source = "trusted keys" if trusted or file else "keys of the dossier itself, compare them"
    print(f"{source}: {', '.join(sorted(key['key_id'] for key in dossier['public_keys']))}")


def verify(
    content: bytes, trusted: Collection[str] | None = None, public_keys: Sequence[dict[str, Any]] | None = None
) -> dict[str, Any]:
    """Return the dossier when everything in it verifies. Raises Refused.

    trusted: ids of the keys to trust; None trusts all. public_keys: the keys and their validity, from a source that is
    trusted; None takes those that the dossier brings.
    """
    try:
        document = json.loads(content)
        if canonical(document) + b"\n" != content:
            raise Refused("it is not in canonical form")
        if set(document) != {"dossier", "signature"}:
            raise Refused("it has parts that are not signed")
        dossier: dict[str, Any] = document["dossier"]
        if dossier["format"] != FORMAT:
            raise Refused(f"its format is not {FORMAT}")
        keys = _keys(dossier["public_keys"] if public_keys is None else public_keys, trusted)
        _signature(keys, "dossier", canonical(dossier), document["signature"], dossier["exported_at"])
        facts = _entries(keys, dossier)
        _anchors(keys, dossier)
        problem = next(_contradictions(dossier, facts), None)
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise Refused(f"it is not complete ({type(error).__name__}: {error})") from error
    if problem:
        raise Refused(problem)
    return dossier


def covered(dossier: dict[str, Any]) -> bool:
    """Whether an anchor names a ledger row of a dossier at or after the last row about its decision."""
    kinds = ("decision", "approval", "vote")
    last = max(
        entry["sequence"]
        for entry in dossier["entries"]
        if entry["kind"] in kinds or entry["kind"].partition(".")[2] in ("intent", "done", "undone")
    )
    sequences = {json.loads(line)["anchor"]["sequence"] for line in dossier["anchors"]}
    return any(entry["sequence"] in sequences for entry in dossier["entries"] if entry["sequence"] >= last)


def canonical(value: object) -> bytes:
    """JSON with sorted keys and without spaces, in UTF-8."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _keys(public_keys: Sequence[dict[str, Any]], trusted: Collection[str] | None) -> dict[str, dict[str, Any]]:
    """The public keys by id. An id is derived from its key, so trusting the id is trusting the key."""
    keys = {}
    for key in public_keys:
        if _hash(base64.b64decode(key["public_key"], validate=True))[:16] != key["key_id"]:
            raise Refused(f"{key['key_id']} is not the id of its public key")
        if trusted is None or key["key_id"] in trusted:
            keys[key["key_id"]] = key
    return keys


def _signature(keys: dict[str, dict[str, Any]], purpose: str, content: bytes, signature: str, at: str) -> None:
    key_id, _, encoded = signature.partition(":")
    if key_id not in keys:
        raise Refused(f"{purpose}: it is signed with a key that is not trusted ({key_id})")
    key, moment = keys[key_id], datetime.fromisoformat(at)
    end = key["valid_until"]
    try:
        raw = base64.b64decode(encoded, validate=True)
        if base64.b64encode(raw).decode() != encoded:
            raise Refused(f"{purpose}: its signature is not in canonical form")
        public_key = Ed25519PublicKey.from_public_bytes(base64.b64decode(key["public_key"]))
        public_key.verify(raw, purpose.encode() + b"\n" + content)
    except (InvalidSignature, binascii.Error) as error:
        raise Refused(f"{purpose}: the signature of key {key_id} is not of this") from error
    if moment < datetime.fromisoformat(key["valid_from"]) - TOLERANCE:
        raise Refused(f"{purpose}: dated before its key {key_id}")
    if end and moment > datetime.fromisoformat(end) + TOLERANCE:
        raise Refused(f"{purpose}: dated after its key {key_id}")


def _entries(keys: dict[str, dict[str, Any]], dossier: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Kind and facts of each ledger row, once chain, signatures and times hold."""
    entries, previous = dossier["entries"], None
    if not entries or entries[-1]["signature"] is None:
        raise Refused("its ledger rows do not end with a signed one")
    for entry in entries:
        name = f"ledger row {entry['sequence']} ({entry['kind']})"
        moment = datetime.fromisoformat(entry["recorded_at"])
        time = moment.astimezone(UTC).isoformat(timespec="microseconds")
        content = [entry["sequence"], entry["kind"], entry["payload"], entry["previous_hash"], time]
        if _hash(canonical(content)) != entry["entry_hash"]:
            raise Refused(f"{name} was changed")
        if previous and (entry["sequence"], entry["previous_hash"]) != (
            previous["sequence"] + 1,
            previous["entry_hash"],
        ):
            raise Refused(f"{name} does not follow the row before it")
        if previous and moment < datetime.fromisoformat(previous["recorded_at"]) - TOLERANCE:
            raise Refused(f"{name} is dated before the row above it")
        if entry["signature"] is not None:
            if previous and previous["signature"] is None and not _covers(entry, previous):
                raise Refused(f"{name} is the first signed row and no checkpoint of the rows above it")
            _signature(keys, "ledger", entry["entry_hash"].encode(), entry["signature"], entry["recorded_at"])
        elif previous and previous["signature"] is not None:
            raise Refused(f"{name} is not signed")
        previous = entry
    return [(entry["kind"], json.loads(entry["payload"])) for entry in entries]


def _covers(entry: Mapping[str, Any], previous: Mapping[str, Any]) -> bool:
    """Whether a row is the checkpoint of an earlier release's rows, which were not signed: it names the last one."""
    named = {"sequence": previous["sequence"], "entry_hash": previous["entry_hash"]}
    return bool(entry["kind"] == "checkpoint" and json.loads(entry["payload"]) == named)


def _anchors(keys: dict[str, dict[str, Any]], dossier: dict[str, Any]) -> None:
    """Each anchor is signed and follows the one before; those of rows in the dossier name these rows."""
    hashes = {entry["sequence"]: entry["entry_hash"] for entry in dossier["entries"]}
    previous = None
    for line in dossier["anchors"]:
        stored = json.loads(line)
        anchor = stored["anchor"]
        if set(stored) != {"anchor", "signature"} or canonical(stored) != line.encode():
            raise Refused("a line of its anchors has parts that are not signed")
        name = f"anchor {anchor['number']}"
        _signature(keys, "anchor", canonical(anchor), stored["signature"], anchor["anchored_at"])
        if previous is not None and anchor["previous_line"] != previous:
            raise Refused(f"{name} does not follow the one before it")
        if hashes.get(anchor["sequence"], anchor["entry_hash"]) != anchor["entry_hash"]:
            raise Refused(f"{name} names another ledger row")
        previous = _hash(line.encode())


def _contradictions(dossier: dict[str, Any], facts: list[tuple[str, dict[str, Any]]]) -> Iterator[str]:
    """What the dossier says and its ledger rows do not."""
    decision, approval, snapshot = dossier["decision"], dossier["approval"], dossier["snapshot"]
    evidence_hash = _hash(dossier["evidence"].encode())
    subjects = {"decision": decision["decision_id"], "snapshot": snapshot["snapshot_id"]}
    rows: dict[str, list[dict[str, Any]]] = {"decision": [], "approval": [], "snapshot": []}
    for kind, row in facts:
        subject = "snapshot" if kind == "snapshot" else "decision"
        if kind in rows and row[f"{subject}_id"] == subjects[subject]:
            rows[kind].append(row)
    recorded = rows["decision"][0] if rows["decision"] else {}
    said = {
        "evidence_hash": evidence_hash,
        "answer": decision["verdict"],
        "rules_hash": _hash(canonical(decision["rules"])),
        "requested_by": decision["requested_by"],
    }
    yield from (f"the decision's {name} is not what was recorded" for name in said if recorded.get(name) != said[name])
    for name in ("policy", "decided_at"):
        if name in recorded and recorded[name] != decision[name]:
            yield f"the decision's {name} is not what was recorded"
    if decision["evidence_hash"] != evidence_hash:
        yield "the decision is about other evidence"
    if not rows["snapshot"] or rows["snapshot"][0]["content_hash"] != snapshot["content_hash"]:
        yield "the snapshot is not the one that was recorded"
    for package in dossier["packages"]:
        if not any(
            kind == "training" and row["version"] == package["version"] and row["digest"] == package["digest"]
            for kind, row in facts
        ):
            yield f"the package of version {package['version']} is not the one that was recorded"
    by_sequence = {entry["sequence"]: row for entry, (_, row) in zip(dossier["entries"], facts, strict=True)}
    yield from _approval_faults(approval, rows["approval"], decision, evidence_hash, by_sequence)
    for move in dossier["deployments"]:
        yield from _move_faults(move, facts)


def _move_faults(move: dict[str, Any], facts: list[tuple[str, dict[str, Any]]]) -> Iterator[str]:
    """What a move of the dossier says and its ledger rows, the intent and the end, do not."""
    name, rows = f"deployment {move['deployment_id']}", dict[str, dict[str, Any]]()
    for kind, row in facts:
        if kind.partition(".")[2] and row.get("deployment_id") == move["deployment_id"]:
            rows[kind] = row
    intent = rows.get(f"{move['kind']}.intent")
    if intent is None or f"{move['kind']}.{move['state']}" not in rows:
        yield f"{name} is not recorded as {move['state']}"
        return
    recorded = intent | rows[f"{move['kind']}.{move['state']}"]
    for field in ("to_version", "moved_by", "reason"):
        if field in recorded and recorded[field] != move[field]:
            yield f"{name}: its {field} is not what was recorded"
    ends = [datetime.fromisoformat(at) if at else None for at in (recorded.get("finished_at"), move["finished_at"])]
    if ends[0] != ends[1]:
        yield f"{name}: its finished_at is not what was recorded"


def _approval_faults(
    approval: dict[str, Any] | None,
    rows: list[dict[str, Any]],
    decision: dict[str, Any],
    evidence_hash: str,
    by_sequence: dict[int, dict[str, Any]],
) -> Iterator[str]:
    if approval is None:
        if rows:
            yield "a response is recorded that the dossier does not show"
        return
    recorded = rows[0] if rows else {}
    said = {**approval, "answer": approval["response"]}
    for name in ("answer", "answered_by", "answered_at", "reason", "evidence_hash"):
        if name not in recorded or recorded[name] != said[name]:
            yield f"the approval's {name} is not what was recorded"
    if approval["response"] == "approved":
        allowed = recorded.get("approvers") or decision["policy"]["approval"]["approvers"]
        yield from quorum_faults(recorded | {"approvers": allowed}, by_sequence)
        requests = [row for row in by_sequence.values() if row.get("requesters") is not None]
        yield from request_faults(recorded, by_sequence, decision["policy"].get("approval") or {}, requests)
        yield from order_faults(recorded, by_sequence, datetime.fromisoformat(decision["decided_at"]))
        if approval["evidence_hash"] != evidence_hash:
            yield "other evidence was approved"


def quorum_faults(approval: Mapping[str, Any], by_sequence: Mapping[int, Mapping[str, Any]]) -> Iterator[str]:
    """Why an approval and the votes that it names are not those of enough approvers of its policy.

    approval: facts of its ledger row; by_sequence: facts of ledger rows by their number.
    """
    votes = [by_sequence.get(number, {}) for number in approval.get("votes") or ()]
    principals, people = set(), set()
    for vote in (*votes, approval):
        if not vote:
            yield "a vote that it names is not recorded"
            continue
        person, principal = vote["answered_by"], vote.get("on_behalf_of") or vote["answered_by"]
        if principal not in (vote.get("approvers") or approval["approvers"]):
            yield f"{principal} was no approver"
        if principal != person and not _delegated(vote, by_sequence.get(vote.get("delegation") or 0, {})):
            yield f"{principal} had not delegated to {person} then"
        if (vote["decision_id"], vote["evidence_hash"]) != (approval["decision_id"], approval["evidence_hash"]):
            yield f"{person} voted on other evidence"
        principals.add(principal)
        people.add(person)
    if min(len(principals), len(people)) < (approval.get("quorum") or 1):
        yield f"{len(people)} people approved, and the policy wanted {approval['quorum']}"
    for name, members in (approval.get("lists") or {}).items():
        if not principals & set(members):
            yield f"nobody of the list {name} approved"


def order_faults(
    approval: Mapping[str, Any], by_sequence: Mapping[int, Mapping[str, Any]], decided_at: datetime
) -> Iterator[str]:
    """Why an approval and its votes are not answers to their decision: they were given before it."""
    votes = [by_sequence.get(number, {}) for number in approval.get("votes") or ()]
    for given in (*votes, approval):
        if "answered_at" in given and datetime.fromisoformat(given["answered_at"]) < decided_at - MOMENT:
            yield f"{given['answered_by']} answered before the decision"


def request_faults(
    approval: Mapping[str, Any],
    by_sequence: Mapping[int, Mapping[str, Any]],
    policy: Mapping[str, Any],
    requests: Collection[Mapping[str, Any]],
) -> Iterator[str]:
    """Why the policy recorded with the decision does not allow an approval and its votes.

    requests: facts of rows that say who asked for a promotion. Without one for this decision nothing is checked: an
    earlier release, which recorded none, let the policy of the day of the answer decide.
    """
    asked = [row for row in requests if row["decision_id"] == approval.get("decision_id")]
    if not asked:
        return
    requesters = {name for row in asked for name in row["requesters"]}
    allowed = {*(policy.get("approvers") or ()), *(policy.get("escalate_to") or ())}
    given = [row for row in (*(by_sequence.get(n, {}) for n in approval.get("votes") or ()), approval) if row]
    principals = set()
    for row in given:
        person, principal = row["answered_by"], row.get("on_behalf_of") or row["answered_by"]
        principals.add(principal)
        if allowed and principal not in allowed:
            yield f"{principal} is no approver in the decision's policy"
        # somebody unknown may be the same person
        own = sorted(requesters & {person, principal, "unknown"})
        if own and not policy.get("self_approval"):
            yield f"{person} approved, and {', '.join(own)} asked for this promotion"
    if len(given) < (policy.get("quorum") or 1):
        yield f"{len(given)} people approved, and the decision's policy wants {policy['quorum']}"
    for name, members in (policy.get("lists") or {}).items():
        if not principals & set(members):
            yield f"nobody of the list {name} of the decision's policy approved"


def _delegated(vote: Mapping[str, Any], delegation: Mapping[str, Any]) -> bool:
    """Whether a delegation's facts let this person vote for the principal at that time."""
    if (delegation.get("principal"), delegation.get("delegate")) != (vote["on_behalf_of"], vote["answered_by"]):
        return False
    return datetime.fromisoformat(vote["answered_at"]) <= datetime.fromisoformat(delegation["until"]) + TOLERANCE


if __name__ == "__main__":
    main()
