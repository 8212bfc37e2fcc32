"""The gate inside a replay: looks, error budget and verdict by the functions that judge in production."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import datetime

import numpy as np

from sentiment_lib.evaluation import aims, comparison, data_checks, gate, judgement_methods, look_budget, slices
from sentiment_lib.evaluation.aims import Aim
from sentiment_lib.evaluation.look_budget import LookBudget
from sentiment_lib.policy import GatePolicy
from sentiment_lib.records import Answer
from sentiment_lib.replay.cell import Cell
from sentiment_lib.replay.cube import Cube
from sentiment_lib.replay.history import to_moment
from sentiment_lib.replay.judgement import Judgement
from sentiment_lib.replay.memory import Memory
from sentiment_lib.statistics.metrics import Ints


@dataclass(frozen=True, kw_only=True)
class Look:
    """One look of a replay, as `storage.holdout_looks` records it."""

    champion: int
    at: datetime
    holdout: Ints = field(repr=False)
    spent_rows: int
    unspent_rows: int
    promising: bool = False

    def charge(self, holdout: Ints) -> int:
        """Rows that count against a later look on this holdout."""
        shares_rows = bool(np.isin(self.holdout, holdout).any())
        return look_budget.charge(self.spent_rows, float(self.promising), shares_rows=shares_rows)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Answer of the gate, and the rules that did not pass."""

    answer: Answer
    level: float
    difference: float
    #: the largest of what the candidate had to show
    p_value: float
    failed: tuple[str, ...]
    #: of `Judgement`: what the steps of production record for the same decision has the same
    evidence_hash: str


class Judge:
    """Judges the candidates of one cube; verdicts are kept in the memory, as they depend on nothing else."""

    def __init__(
        self, cube: Cube, policy: GatePolicy, memory: Memory | None = None, *, method: int = judgement_methods.NEWEST
    ) -> None:
        """method: of `judgement_methods`, from the third on; an older one shows what the gate cost then."""
        self._cube, self._method = cube, method
        # as evidence does, so that 250 and 250.0 are one policy
        self._policy = GatePolicy.model_validate_json(policy.model_dump_json())
        self._memory = Memory() if memory is None else memory

    def budget(self, candidate: int, champion: int, looks: list[Look]) -> tuple[LookBudget, Look]:
        """What this look may spend, after the earlier ones, and the look itself."""
        cell = self._cube.cell(candidate)
        at = to_moment(self._cube.blocks[candidate].clock)
        seen = np.concatenate([look.holdout for look in looks]) if looks else np.empty(0, dtype=np.int64)
        new = int((~np.isin(cell.holdout, seen)).sum())
        carried = looks[-1].unspent_rows if looks else 0
        spent = look_budget.rows_to_spend(carried + new)
        since = at - self._policy.budget_period
        of_champion = [look for look in looks if look.champion == champion]
        of_period = [look for look in looks if look.at > since]
        counts_promising = self._method < judgement_methods.SIXTH
        budget = LookBudget(
            candidates=1,
            new_rows=new,
            spent_rows=spent,
            champion_rows=sum(look.spent_rows for look in of_champion),
            period_rows=sum(look.spent_rows for look in of_period),
            champion_charge=None if counts_promising else sum(look.charge(cell.holdout) for look in of_champion),
            period_charge=None if counts_promising else sum(look.charge(cell.holdout) for look in of_period),
        )
        look = Look(
            champion=champion,
            at=at,
            holdout=cell.holdout,
            spent_rows=spent,
            unspent_rows=max(carried + new - spent, 0),
        )
        return budget, look

    def judge(self, candidate: int, champion: int, budget: LookBudget) -> Verdict:
        """The gate's verdict on the candidate against the champion, both models of the cube."""
        new, old = self._cube.cell(candidate), self._cube.cell(champion)
        aim = self._aim(new, old)
        parts = {
            "candidate": new.key,
            "champion": old.key,
            "budget": budget.as_dict(),
            "aim": asdict(aim),
            "policy": self._policy.model_dump(mode="json"),
            "method": self._method,
        }
        found = self._memory.stored(parts, lambda: asdict(self._judge(new, old, aim, budget)))
        return Verdict(**{**found, "answer": Answer(found["answer"]), "failed": tuple(found["failed"])})

    def after(self, look: Look, verdict: Verdict) -> Look:
        """The look once its candidate was compared."""
        return replace(look, promising=look_budget.is_promising(verdict.p_value, self._policy))

    def _aim(self, new: Cell, old: Cell) -> Aim:
        recipe = self._cube.recipe
        newer = new.first > old.first and len(new.train) >= len(old.train)
        return aims.choose(recipe, recipe, newer=newer, policy=self._policy)

    def _judge(self, new: Cell, old: Cell, aim: Aim, budget: LookBudget) -> Verdict:
        history, policy = self._cube.history, self._policy
        level = budget.level(policy)
        rows = new.holdout[~np.isin(new.holdout, old.train)]
        texts = [history.text[row] for row in rows]
        train = [history.text[row] for row in new.train]
        # looks of different history may have the same level
        compared = self._memory.once(
            ("comparison", new.key, old.key, level, aim, policy, self._method),
            lambda: comparison.compare(
                history.label[rows],
                old.of(rows),
                new.of(rows),
                slices=slices.slice_masks(
                    texts,
                    airlines=[history.airline[row] for row in rows],
                    languages=[history.language[row] for row in rows],
                    train_counts=slices.document_frequencies(train),
                ),
                policy=policy,
                level=level,
                terms=comparison.Terms.of(aim, policy, self._method),
            ),
        )
        checks = self._memory.once(
            ("data checks", new.key, rows.tobytes()),
            lambda: data_checks.check(train, history.label[new.train].tolist(), texts, history.label[rows].tolist()),
        )
        answer, rules = gate.decide(
            compared, policy, checklist=new.checklist, data_checks=checks, method=self._method, aim=aim
        )
        judgement = Judgement(
            rows=len(rows),
            excluded_rows=len(new.holdout) - len(rows),
            comparison=compared,
            checklist=new.checklist,
            data_checks=checks,
            policy=policy.model_dump(mode="json", exclude=judgement_methods.later_rules(self._method)),
            answer=answer,
            rules=rules,
            method=self._method,
            aim=aim,
            budget=budget,
        )
        return Verdict(
            answer=answer,
            level=level,
            difference=compared.main.difference,
            p_value=compared.p_value,
            failed=tuple(rule.rule for rule in rules if rule.verdict != gate.PASS),
            evidence_hash=judgement.digest,
        )
