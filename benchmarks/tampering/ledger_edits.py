"""Random edits of the ledger: its rows, its end, the whole chain, and what votes, delegations and tokens say."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection, text

from benchmarks.tampering.world import World
from sentiment_lib.signing import KeyRing
from sentiment_lib.storage import ledger

#: Fact of each kind of ledger row that has no table of its own, as JSON, and what it becomes.
RECORDS = {
    "vote": ('"on_behalf_of":"admin"', '"on_behalf_of":"mlops"'),
    "delegation": ('"delegate":"deputy"', '"delegate":"stranger"'),
    "token_issued": ('"name":"admin"', '"name":"ghost"'),
    "approval_request": ('"requested_by":"benchmark"', '"requested_by":"somebody"'),
    "policy": ('"approvers":["admin","mlops"]', '"approvers":["admin","ghost"]'),
    "policy_proposal": ('"new_labels":400', '"new_labels":1'),
    "policy_response": ('"answered_by":"mlops"', '"answered_by":"ghost"'),
}


class LedgerAttacker(World):
    """Edits of a ledger, each undone: what `verify` finds, and the words that must name the edit."""

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
            replace_ledger(connection, rows, ring)
            first = 1 if ring else place + 1
            return f"ledger row {first} ({rows[first - 1].kind}) has no valid signature"

        return self.after(edit)

    def policy(self) -> tuple[list[str], str]:
        """What the stack's policy, a proposal of rules or the response to it says."""
        return self._record([kind for kind in RECORDS if kind.startswith("policy")])

    def record(self) -> tuple[list[str], str]:
        """What a vote, delegation, token or request says."""
        return self._record([kind for kind in RECORDS if not kind.startswith("policy")])

    def _record(self, kinds: list[str]) -> tuple[list[str], str]:
        """What a row of one of these kinds says, in a chain recomputed from there on."""
        kind = self.draw.choice(kinds)

        def edit(connection: Connection) -> str:
            rows = list(ledger.entries(connection))
            said = [place for place, row in enumerate(rows) if row.kind == kind and RECORDS[kind][0] in row.payload]
            place = self.draw.choice(said)
            rows[place] = replace(rows[place], payload=rows[place].payload.replace(*RECORDS[kind]))
            replace_ledger(connection, rows)
            return f"ledger row {place + 1} ({rows[place].kind}) has no valid signature"

        return self.after(edit)


def replace_ledger(connection: Connection, rows: list[ledger.LedgerEntry], ring: KeyRing | None = None) -> None:
    """Write these rows in place of the ledger, numbered and hashed anew; signed by the ring when there is one."""
    connection.execute(text("DELETE FROM ledger"))
    previous = ledger.GENESIS
    for number, row in enumerate(rows, 1):
        digest = ledger.entry_hash(number, row.kind, row.payload, previous, row.recorded_at)
        signature = ring.sign(ledger.PURPOSE, digest.encode()) if ring else row.signature
        values = {"sequence": number, "previous_hash": previous, "entry_hash": digest, "signature": signature}
        connection.execute(
            text(
                "INSERT INTO ledger (sequence, kind, payload, previous_hash, entry_hash, recorded_at, signature) "
                "VALUES (:sequence, :kind, :payload, :previous_hash, :entry_hash, :recorded_at, :signature)"
            ),
            {**vars(row), **values},
        )
        previous = digest
