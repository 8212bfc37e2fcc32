"""A history through the real steps, in simulated time: what the prediction cube must agree with, event by event.

Each block's tweets and labels are ingested when it ends. Then the champion scores them, the rules that request a
retrain are evaluated, and a requested one runs from snapshot to promotion; a person approves every PROMOTE.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.simulated_database import SimulatedTime
from sentiment_lib import clock
from sentiment_lib.errors import NotEnoughLabels
from sentiment_lib.evaluation.evidence_record import Evidence
from sentiment_lib.evaluation.holdout_split import content_hash
from sentiment_lib.records import AliasMove, Answer, ApprovalResponse, Decision, Snapshot
from sentiment_lib.registry.mlflow_registry import Registry
from sentiment_lib.replay.blocks import Block
from sentiment_lib.replay.cube import Cube
from sentiment_lib.replay.history import to_moment
from sentiment_lib.replay.judgement import Judgement
from sentiment_lib.replay.simulation import TRAINED, Run
from sentiment_lib.settings import Settings
from sentiment_lib.sources.files import FileSource
from sentiment_lib.steps.decisions import approval_provenance, evaluate, record_approval, request_approval
from sentiment_lib.steps.deployment import champion_alias, promote
from sentiment_lib.steps.ingestion import ingest
from sentiment_lib.steps.scoring import score
from sentiment_lib.steps.training import request_retrain, snapshot, snapshot_files, train
from sentiment_lib.storage import decisions, deployments, model_versions
from sentiment_lib.storage.engine import Store, lock
from sentiment_lib.training_record import TrainingOrder


@dataclass(frozen=True, kw_only=True)
class Training:
    """One training: after which block, on which rows, what the gate answered to what, and whether it was promoted."""

    block: int
    #: of its training rows and its holdout (`holdout_split.content_hash`)
    rows_hash: str
    #: of its judgement; None for the first model, which nothing judges
    evidence_hash: str | None = None
    answer: str | None = None
    promoted: bool = False


def of_cube(cube: Cube, run: Run) -> list[Training]:
    """The trainings of a replayed policy, the first model before them."""
    first = Training(block=cube.start, rows_hash=cube.cell(cube.start).content_hash)
    return [first] + [
        Training(
            block=event.block,
            rows_hash=cube.cell(event.block).content_hash,
            evidence_hash=event.evidence_hash,
            answer=str(event.answer),
            promoted=event.promoted,
        )
        for event in run.events
        if event.outcome == TRAINED
    ]


def run(
    store: Store, settings: Settings, time: SimulatedTime, blocks: Sequence[Block], files: Sequence[FileSource]
) -> Iterator[Training]:
    """The trainings of the steps of production; files: the labelled tweets of each block."""
    started = False
    # at the end of the last block nothing is decided that the history could judge
    for block, source in zip(blocks[:-1], files[:-1], strict=True):
        with time.at(to_moment(block.clock)):
            ingest.run(store, settings, source)
            if not started:
                first = _start(store, settings, block)
                started = first is not None
                if first is not None:
                    yield first
                continue
            score.run(store, settings)
            request_retrain.request_by_rules(store, settings)
            if request_retrain.claim_requests(store, settings, run_id=f"block {block.number}"):
                yield _retrain(store, settings, block)


def split_file(path: Path, id_column: str, numbers: Sequence[Sequence[int]], folder: Path) -> list[Path]:
    """The rows of a CSV file of tweets in one file for each block; numbers: the tweets of each block."""
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    block_of = {str(number): block for block, ids in enumerate(numbers) for number in ids}
    places = frame[id_column].map(block_of)
    paths = [folder / f"block {number}.csv" for number in range(len(numbers))]
    for number, target in enumerate(paths):
        frame[places == number].to_csv(target, index=False)
    return paths


def _start(store: Store, settings: Settings, block: Block) -> Training | None:
    """The first model that can be trained serves without a gate, as every replayed policy begins; None without one."""
    try:
        frozen = snapshot.run(store, settings)
    except NotEnoughLabels:
        return None
    version = _train(store, settings, frozen, block)
    with store.begin() as connection:
        lock(connection, "champion")
        move = AliasMove(kind="bootstrap", from_version=None, to_version=version)
        intent = deployments.begin_move(connection, move)
    champion_alias.execute_move(store, Registry(settings), intent)
    return Training(block=block.number, rows_hash=_rows_hash(store, settings, frozen))


def _retrain(store: Store, settings: Settings, block: Block) -> Training:
    frozen = snapshot.run(store, settings)
    version, requested_by = _train(store, settings, frozen, block), f"admin/{block.number}"
    decision = evaluate.run(
        store, settings, snapshot_id=frozen.snapshot_id, candidate=version, requested_by=requested_by
    )
    if decision.verdict is Answer.PROMOTE:
        _approve(store, settings, decision, requested_by)
    with store.begin() as connection:
        evidence = Evidence.from_json(decisions.full_record(connection, decision.decision_id).evidence)
        champion = model_versions.champion(connection)
    return Training(
        block=block.number,
        rows_hash=_rows_hash(store, settings, frozen),
        evidence_hash=Judgement.of(evidence).digest,
        answer=str(decision.verdict),
        promoted=champion is not None and champion.version == version,
    )


def _train(store: Store, settings: Settings, frozen: Snapshot, block: Block) -> int:
    family = settings.policy.retrain.families[0]
    order = TrainingOrder(snapshot_id=frozen.snapshot_id, family=family, run_key=f"admin/{block.number}")
    return train.run(store, settings, order).version


def _approve(store: Store, settings: Settings, decision: Decision, requested_by: str) -> None:
    question = request_approval.run(store, settings, decision_ids=[decision.decision_id], requested_by=requested_by)
    if question is None:
        return
    response = ApprovalResponse(
        decision_id=question.decision_id,
        response="approved",
        answered_by="mlops",
        answered_at=clock.now(),
        reason="as the replay's approver does",
        evidence_hash=question.evidence_hash,
    )
    origin: dict[str, Any] = {"task": "replay/1/approval", "task_instance_id": "1", "user_id": "mlops"}
    provenance = approval_provenance.from_airflow(response, **origin)
    record_approval.run(store, settings, response, provenance=provenance)
    promote.run(store, settings, decision_id=question.decision_id)


def _rows_hash(store: Store, settings: Settings, frozen: Snapshot) -> str:
    return content_hash(snapshot_files.read(store, settings, frozen))


def differences(expected: Sequence[Training], found: Sequence[Training]) -> list[str]:
    """Where two replays differ, training by training; empty when they agree."""
    absent = Training(block=-1, rows_hash="")
    size = max(len(expected), len(found))
    pairs = zip(*((*one, *[absent] * (size - len(one))) for one in (expected, found)), strict=True)
    return [f"the cube has {one}, the steps have {other}" for one, other in pairs if one != other]
