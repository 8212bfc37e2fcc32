"""A promoted version in a home of its own, as the platform makes it from invented tweets: approved by two people."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, text

from benchmarks.invented_tweets import EASY, invent
from sentiment_lib.policy import ApprovalPolicy, Policy, RetrainPolicy, SnapshotPolicy
from sentiment_lib.records import ApprovalResponse
from sentiment_lib.serving import api_keys
from sentiment_lib.settings import Settings
from sentiment_lib.steps.decisions import (
    approval_provenance,
    delegate,
    evaluate,
    export_dossier,
    record_approval,
    request_approval,
)
from sentiment_lib.steps.deployment import bootstrap, promote
from sentiment_lib.steps.operations import reconcile, sign_in, verify
from sentiment_lib.steps.training import snapshot, train
from sentiment_lib.storage import anchors, ledger, migrate, policy_proposals, stack_policy
from sentiment_lib.storage.engine import Store
from sentiment_lib.storage.policy_proposals import Author, NewProposal
from sentiment_lib.training_record import TrainingOrder

PROPOSAL = NewProposal(
    title="more labels first",
    rules={"retrain": {"new_labels": 400}},
    history="invented",
    conclusion="it is cheaper",
    evidence_hash="0" * 64,
)


class World:
    """One promoted version in a home of its own, and what `verify` says of it."""

    def __init__(self, folder: Path, url: str, seed: int) -> None:
        self.folder, self.draw = folder, random.Random(seed)
        policy = Policy(
            gate=EASY,
            approval=ApprovalPolicy(approvers=("admin", "mlops"), quorum=2),
            retrain=RetrainPolicy(minimum_rows=100),
            snapshot=SnapshotPolicy(minimum_holdout=50),
        )
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
                label, words = invent(self.draw, number)
                values = {"id": number, "text": words, "label": label}
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
        with store.begin() as connection:
            stack_policy.record(connection, settings)
            by = Author(name="benchmark", provenance={"channel": "command line"})
            proposal = policy_proposals.store_proposal(connection, PROPOSAL, by)
            answer = {"response": policy_proposals.APPROVED, "reason": "cheaper"}
            policy_proposals.store_response(connection, proposal, Author(name="mlops", provenance={}), **answer)
        for name in ("desk", "job", "gone"):
            api_keys.create(store, name, ("predict",), lifetime=timedelta(days=90))
        api_keys.rotate(store, "job", overlap=timedelta(days=1))
        api_keys.revoke(store, "gone")
        bootstrap.run(store, settings)
        self.snapshot = snapshot.run(store, settings)
        order = TrainingOrder(snapshot_id=self.snapshot.snapshot_id, family="tfidf_logreg", run_key="benchmark")
        version = train.run(store, settings, order)
        pair = {"snapshot_id": self.snapshot.snapshot_id, "candidate": version.version}
        decision = evaluate.run(store, settings, **pair, requested_by="benchmark")
        question = request_approval.run(store, settings, decision_ids=[decision.decision_id], requested_by="benchmark")
        assert question is not None, decision
        # admin's right goes to a deputy, whose vote and that of mlops make the quorum
        sign_in.add_person(store, settings, name="admin", lifetime=timedelta(days=1), issuer=None)
        until, origin = datetime.now(UTC) + timedelta(days=1), {"channel": "command line"}
        delegate.run(store, person="admin", delegate="deputy", until=until, provenance=origin)
        for person in ("deputy", "mlops"):
            shown = {"decision_id": question.decision_id, "evidence_hash": question.evidence_hash}
            response = ApprovalResponse(**shown, response="approved", answered_by=person)
            task = {"task": "benchmark/1/approval", "task_instance_id": "1", "user_id": person}
            provenance = approval_provenance.from_airflow(response, **task)
            record_approval.run(store, settings, response, provenance=provenance)
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

    def dossier(self) -> bytes:
        """The dossier of the promotion."""
        return export_dossier.run(self.store, decision_id=1).encode()
