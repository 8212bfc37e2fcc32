"""One policy on one cube: which trainings it asks for, what the gate answers, and which model serves each block."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sentiment_lib.records import Answer
from sentiment_lib.replay.cube import Cube
from sentiment_lib.replay.judge import Judge, Look
from sentiment_lib.replay.memory import Memory
from sentiment_lib.replay.policy_file import RetrainingPolicy
from sentiment_lib.replay.training_set import known_rows
from sentiment_lib.replay.view import Audit, Past, View, view_at

#: What happened at a block's end.
TRAINED, REFUSED = "trained", "refused"


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What holds for every policy of a comparison."""

    #: wrong predictions that a training is worth: what it costs over what an error costs
    price: float = 25.0
    audit_share: float = 0.02
    audit_seed: int = 0
    #: blocks that an approval takes; a newer candidate supersedes one that waits, as in production, so that an approval
    #: that takes longer than the next training never comes
    approval_delay: int = 0
    #: the approver rejects a candidate whose observed gain on the holdout is below this
    approver_wants: float = -1.0


@dataclass(frozen=True, kw_only=True)
class Event:
    """A request for a training, and what became of it."""

    block: int
    reason: str
    #: TRAINED, or REFUSED when too few labels are known or the family cannot learn from them
    outcome: str
    #: the gate's answer; None without the gate or a training
    answer: Answer | None = None
    #: rules of the gate that did not pass
    failed: tuple[str, ...] = ()
    promoted: bool = False
    #: of what the gate saw (`judgement.Judgement`)
    evidence_hash: str | None = None


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a policy did. `serving` has the model of each served block."""

    policy: str
    gated: bool
    serving: tuple[int, ...]
    events: tuple[Event, ...] = field(repr=False)
    labels_to_decide: int
    labels_to_train: int

    @property
    def trainings(self) -> tuple[int, ...]:
        """Blocks at whose end a model was trained, without the first one, which every policy begins with."""
        return tuple(event.block for event in self.events if event.outcome == TRAINED)

    @property
    def promotions(self) -> tuple[int, ...]:
        """Blocks at whose end a trained model was put forward and promoted."""
        return tuple(event.block for event in self.events if event.promoted)


def simulate(
    cube: Cube,
    policy: RetrainingPolicy,
    conditions: Conditions,
    *,
    judge: Judge | None = None,
    memory: Memory | None = None,
) -> Run:
    """Walk through the blocks; every policy begins with the first model. judge: the gate, or None to promote all.

    A training that is decided at the end of a block serves from the next one at the earliest.
    """
    audit = Audit.draw(cube, conditions.audit_share, conditions.audit_seed)
    memory = Memory() if memory is None else memory
    champion = cube.start
    known_first = len(known_rows(cube.history, cube.blocks[champion].clock))
    past = Past(champion=champion, served_by=(), trainings=(champion,), known_then=(known_first,))
    events: list[Event] = []
    looks: list[Look] = []
    pending: dict[int, int] = {}
    serving: list[int] = []
    for block in cube.served:
        champion = pending.pop(block, champion)
        serving.append(champion)
        past = Past(
            champion=champion,
            served_by=(*past.served_by, (champion, len(cube.cell(champion).train))),
            trainings=past.trainings,
            known_then=past.known_then,
        )
        if block == cube.served[-1]:
            break
        view = view_at(cube, block, past, audit, conditions.price, memory)
        reason = policy.wants(view)
        if reason is None:
            continue
        if cube.cells[block] is None:
            events.append(Event(block=block, reason=reason, outcome=REFUSED))
            continue
        past = Past(
            champion=champion,
            served_by=past.served_by,
            trainings=(*past.trainings, block),
            known_then=(*past.known_then, view.known),
        )
        event = _decide(block, reason, champion, judge, looks, conditions)
        events.append(event)
        if event.promoted:
            pending = {block + 1 + conditions.approval_delay: block}  # a newer promotion supersedes one that waits
    return Run(
        policy=policy.name,
        gated=judge is not None,
        serving=tuple(serving),
        events=tuple(events),
        labels_to_decide=_labels_to_decide(view, policy) if events or len(serving) > 1 else 0,
        labels_to_train=max(past.known_then),
    )


def _decide(
    block: int, reason: str, champion: int, judge: Judge | None, looks: list[Look], conditions: Conditions
) -> Event:
    if judge is None:
        return Event(block=block, reason=reason, outcome=TRAINED, promoted=True)
    budget, look = judge.budget(block, champion, looks)
    verdict = judge.judge(block, champion, budget)
    looks.append(judge.after(look, verdict))
    return Event(
        block=block,
        reason=reason,
        outcome=TRAINED,
        answer=verdict.answer,
        failed=verdict.failed,
        promoted=verdict.answer is Answer.PROMOTE and verdict.difference >= conditions.approver_wants,
        evidence_hash=verdict.evidence_hash,
    )


def _labels_to_decide(view: View, policy: RetrainingPolicy) -> int:
    """Labels that the policy had read when it decided for the last time; those that also trained are counted, too."""
    served = np.arange(view.blocks[view.trainings[0]].end, view.block.end)
    known = view.label[served] >= 0
    if policy.reads == "audit":
        return int((known & view.audited[served]).sum())
    return int(known.sum()) if policy.reads == "labels" else 0
