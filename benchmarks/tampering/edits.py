"""Random edits behind the platform's back: what somebody with every right on database and files could change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
from sqlalchemy import Connection, text

from benchmarks.tampering.ledger_edits import LedgerAttacker
from sentiment_lib.hashing import hash_file
from sentiment_lib.registry.mlflow_registry import Registry

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
    ("api_key", "api_keys", "key_id"): {
        "name": "name || 'x'",
        "roles": "roles || '{admin}'",
        "key_hash": "sha256(key_hash)",
        "expires_at": "coalesce(expires_at, now()) + interval '1 year'",
        "revoked_at": "CASE WHEN revoked_at IS NULL THEN now() END",
    },
    ("snapshot", "snapshots", "snapshot_id"): {
        "content_hash": "md5(content_hash)",
        "train_rows": "train_rows + 1",
        "uri": "uri || 'x'",
        "policy": "'{}'",
    },
}


class Attacker(LedgerAttacker):
    """Edits of a world, beside those of its ledger."""

    def fact(self, of: str | None = None) -> tuple[list[str], str]:
        """One column of one audited row, of this name or of any."""
        (name, table, key), columns = self.draw.choice([fact for fact in FACTS.items() if of in (None, fact[0][0])])
        column = self.draw.choice(list(columns))

        def edit(connection: Connection) -> str:
            number = self.draw.choice(connection.execute(text(f"SELECT {key} FROM {table}")).scalars().all())
            connection.execute(text(f"UPDATE {table} SET {column} = {columns[column]} WHERE {key} = :n"), {"n": number})
            return f"{name} {number} was changed: {column}"

        return self.after(edit)

    def snapshot_row(self) -> tuple[list[str], str]:
        """Label or part of a row of the snapshot, or the row itself."""
        change = self.draw.choice(
            [
                "UPDATE frozen_rows SET label = CASE label WHEN 'neutral' THEN 'positive' ELSE 'neutral' END",
                "UPDATE frozen_rows SET part = CASE part WHEN 'train' THEN 'holdout' ELSE 'train' END",
                "DELETE FROM frozen_rows",
            ]
        )

        def edit(connection: Connection) -> str:
            rows = connection.execute(text("SELECT tweet_id FROM snapshot_rows ORDER BY tweet_id")).scalars().all()
            connection.execute(text(f"{change} WHERE tweet_id = :n"), {"n": self.draw.choice(rows)})
            return f"snapshot {self.snapshot.snapshot_id}: its rows in the database were changed"

        return self.after(edit)

    def training_record(self) -> tuple[list[str], str]:
        """One entry of a version's training record, removed or replaced."""
        change = self.draw.choice(["training - :key", "training || jsonb_build_object(CAST(:key AS text), 'x')"])

        def edit(connection: Connection) -> str:
            version = self.draw.choice([1, 2])
            stored = "SELECT jsonb_object_keys(training) FROM model_versions WHERE version = :n"
            keys = sorted(connection.execute(text(stored), {"n": version}).scalars())
            values = {"n": version, "key": self.draw.choice(keys)}
            connection.execute(text(f"UPDATE model_versions SET training = {change} WHERE version = :n"), values)
            return f"training {version}: its training record is not the one of evaluation 1"

        return self.after(edit)

    def evidence(self) -> tuple[list[str], str]:
        """One character of the evidence."""

        def edit(connection: Connection) -> str:
            statement = "UPDATE evaluations SET evidence = overlay(evidence placing '~' from :n)"
            connection.execute(text(statement), {"n": self.draw.randint(1, 1000)})
            return "decision 1: its hash is not that of its evidence"

        return self.after(edit)

    def inserted_deployment(self) -> tuple[list[str], str]:
        """A rollback that nobody asked for."""

        def edit(connection: Connection) -> str:
            number = connection.execute(text("SELECT max(deployment_id) + 1 FROM deployments")).scalar_one()
            statement = (
                "INSERT INTO deployments (deployment_id, kind, from_version, to_version, moved_by, reason, state, "
                "intended_at, finished_at) OVERRIDING SYSTEM VALUE "
                "VALUES (:n, 'rollback', 2, 1, :by, 'because', 'done', now(), now())"
            )
            connection.execute(text(statement), {"n": number, "by": self.draw.choice(["admin", "ghost"])})
            return f"deployment {number} has no ledger row"

        return self.after(edit)

    def inserted_api_key(self) -> tuple[list[str], str]:
        """A key that nobody issued."""

        def edit(connection: Connection) -> str:
            statement = "INSERT INTO api_keys (name, roles, key_hash) VALUES ('mine', :roles, :hash) RETURNING key_id"
            values = {"roles": self.draw.choice([["predict"], ["admin"]]), "hash": self.draw.randbytes(32)}
            return f"api_key {connection.execute(text(statement), values).scalar_one()} has no ledger row"

        return self.after(edit)

    def api_key(self) -> tuple[list[str], str]:
        """One column of an API key."""
        return self.fact("api_key")

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
        path = self.draw.choice(sorted((self.settings.snapshots / self.snapshot.uri).glob("*.parquet")))
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
