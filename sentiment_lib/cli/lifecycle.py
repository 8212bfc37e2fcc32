"""Commands of the loop: score, snapshot, train, evaluate, promote, roll back; and the whole of it as `retrain`."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentiment_lib.errors import MissingExtra, MissingWeights, SentimentError, TrainingCancelled, TrainingRefused

if TYPE_CHECKING:
    from sentiment_lib.settings import Settings
    from sentiment_lib.storage.engine import Store

Json = Annotated[bool, typer.Option("--json", help="one JSON document instead of words")]
By = Annotated[str, typer.Option("--by", help="who does it, as the ledger keeps it", default_factory=getpass.getuser)]
Seed = Annotated[int, typer.Option(min=0, help="seed of everything random in the training")]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    for command in (
        bootstrap,
        score,
        snapshot,
        train,
        evaluate,
        promote,
        rollback,
        shadow,
        guard,
        decline,
        maintain,
        retrain,
        reproduce,
    ):
        app.command()(command)


@contextmanager
def opened() -> Iterator[tuple[Store, Settings]]:
    """Store and settings for one command."""
    from sentiment_lib.settings import load_settings
    from sentiment_lib.storage.engine import Store

    settings = load_settings()
    store = Store.open(settings)
    try:
        yield store, settings
    finally:
        store.close()


def show(result: Any, as_json: bool, words: str) -> None:
    """Print a record as JSON, or what it means in words."""
    if as_json:
        value = asdict(result) if is_dataclass(result) and not isinstance(result, type) else result
        typer.echo(json.dumps(value, default=_plain))
    else:
        typer.echo(words)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def bootstrap(as_json: Json = False) -> None:
    """Make the first champion (VADER) when there is none."""
    from sentiment_lib.steps.deployment import bootstrap as step

    with opened() as (store, settings):
        found = step.run(store, settings)
    show(found, as_json, f"The champion is version {found.version} ({found.family})")


def score(as_json: Json = False) -> None:
    """Let the champion score every tweet that it has not scored."""
    from sentiment_lib.steps.scoring import score as step

    with opened() as (store, settings):
        found = step.run(store, settings)
    show(found, as_json, f"Version {found.model_version} scored {found.scored:,} tweets in {found.seconds:.1f} s")


def snapshot(as_json: Json = False) -> None:
    """Freeze the labels of this moment."""
    from sentiment_lib.steps.training import snapshot as step

    with opened() as (store, settings):
        found = step.run(store, settings)
    words = (
        f"Snapshot {found.snapshot_id}: {found.train_rows:,} training rows, {found.holdout_rows:,} holdout rows "
        f"from {found.split_at:%Y-%m-%d %H:%M} on, content {found.content_hash[:12]}"
    )
    show(found, as_json, words)


def train(
    snapshot_id: Annotated[int, typer.Option("--snapshot", help="snapshot to train on")],
    family: Annotated[str, typer.Option(help="model family")] = "tfidf_logreg",
    seed: Seed = 0,
    key: Annotated[str, typer.Option(help="name of this training: the same again finds it")] = "command line",
    as_json: Json = False,
) -> None:
    """Train a family on a snapshot and register the candidate."""
    from sentiment_lib.steps.training import train as step

    with opened() as (store, settings):
        found = step.run(store, settings, snapshot_id=snapshot_id, family=family, run_key=key, seed=seed)
    show(found, as_json, f"Version {found.version} ({found.family}), package {found.digest[:12]}")


def evaluate(
    snapshot_id: Annotated[int, typer.Option("--snapshot")],
    candidate: Annotated[int, typer.Option(help="version to compare with the champion")],
    by: By,
    as_json: Json = False,
) -> None:
    """Compare a candidate with the champion, and write the gate's decision down."""
    from sentiment_lib.steps.decisions import evaluate as step

    with opened() as (store, settings):
        found = step.run(store, settings, snapshot_id=snapshot_id, candidate=candidate, requested_by=by)
    reasons = "\n".join(f"  {rule.verdict:6} {rule.rule}: {rule.reason}" for rule in found.rules)
    show(found, as_json, f"Decision {found.decision_id}: {found.answer}\n{reasons}")


def promote(
    decision_id: Annotated[int, typer.Argument(help="an approved decision")],
    by: By,
    force: Annotated[bool, typer.Option("--force", help="past gate and approval; loud, and kept for ever")] = False,
    reason: Annotated[str, typer.Option(help="why it is forced")] = "",
    as_json: Json = False,
) -> None:
    """Make the candidate of an approved decision the champion."""
    from sentiment_lib.steps.deployment import promote as step

    with opened() as (store, settings):
        if force:
            found = step.force(store, settings, decision_id=decision_id, reason=reason, by=by)
        else:
            found = step.run(store, settings, decision_id=decision_id)
    show(found, as_json, f"The champion is version {found.to_version} now ({found.kind}; it was {found.from_version})")


def rollback(
    version: Annotated[int, typer.Argument(help="an earlier champion")],
    reason: Annotated[str, typer.Option(help="why; it is kept in the ledger")],
    by: By,
    as_json: Json = False,
) -> None:
    """Move the champion back to a version that served before."""
    from sentiment_lib.steps.deployment import rollback as step

    with opened() as (store, settings):
        found = step.run(store, settings, to_version=version, reason=reason, by=by)
    show(found, as_json, f"The champion is version {found.to_version} again (it was {found.from_version})")


def shadow(as_json: Json = False) -> None:
    """Let the challenger, and the version before the champion, score a share of the new tweets."""
    from dataclasses import asdict

    from sentiment_lib.steps.scoring import shadow as step

    with opened() as (store, settings):
        found = step.run(store, settings)
    lines = [f"version {version} scored {count} tweets in shadow" for version, count in found.scored.items()]
    show(asdict(found), as_json, "\n".join(lines) or "Nobody scores in shadow now")


def guard(as_json: Json = False) -> None:
    """Judge the last promotion on audit labels, and roll it back when it made things worse."""
    from dataclasses import asdict

    from sentiment_lib.steps.operations import auto_rollback as step

    with opened() as (store, settings):
        found = step.run(store, settings)
    if found is None:
        show(None, as_json, "No promotion is watched now")
        return
    judged = found.verdict
    words = (
        f"version {found.champion} against {found.previous}: {judged.verdict} after {judged.labels} audit labels, "
        f"evidence {judged.evidence:.2f} of {judged.bound:.0f}"
    )
    show(asdict(found), as_json, words + (", rolled back" if found.rollback else ""))


def decline(as_json: Json = False) -> None:
    """Ask the audit labels whether the champion is as good as at its promotion; if not, a retrain is asked for."""
    from dataclasses import asdict

    from sentiment_lib.steps.monitoring import champion_decline as step

    with opened() as (store, settings):
        found = step.run(store, settings)
    if found is None:
        show(None, as_json, "The champion came without a decision: nobody knows how good it should be")
        return
    judged = found.verdict
    measured = "unknown" if judged.measured is None else f"{judged.measured:.3f}"
    words = (
        f"version {found.champion}: accuracy {measured} on {judged.labels} audit labels, "
        f"{judged.promised:.3f} at its promotion, evidence {judged.evidence:.2f} of {judged.bound:.0f}"
    )
    show(asdict(found), as_json, words + (f", asked for a retrain: {found.wish.reason}" if found.wish else ""))


def maintain(as_json: Json = False) -> None:
    """Finish what was interrupted, answer what was moved by hand, close what ran out."""
    from sentiment_lib.steps.operations import reconcile as step

    with opened() as (store, settings):
        found = step.run(store, settings)
    words = [f"{name}: {value}" for name, value in asdict(found).items() if value]
    show(found, as_json, "\n".join(words) or "Nothing had to be mended")


def retrain(
    by: By,
    families: Annotated[list[str] | None, typer.Option("--family", help="may be given more than once")] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """The whole chain without Airflow: snapshot, train, evaluate, and the question that `approve` answers."""
    from datetime import UTC

    from sentiment_lib.steps.decisions import evaluate as evaluate_step
    from sentiment_lib.steps.decisions import request_approval
    from sentiment_lib.steps.training import family_selection, request_retrain
    from sentiment_lib.steps.training import snapshot as snapshot_step
    from sentiment_lib.steps.training import train as train_step

    began = datetime.now(UTC)
    request = f"{by}/{began:%Y-%m-%dT%H:%M:%S}"
    failed: dict[str, SentimentError] = {}
    with opened() as (store, settings):
        request_retrain.claim_requests(store, settings, run_id=request, otherwise="person", families=families)
        frozen = snapshot_step.run(store, settings).snapshot_id
        decisions = []
        for family in family_selection.chosen(settings, families):
            try:
                version = train_step.run(
                    store, settings, snapshot_id=frozen, family=family, run_key=request, seed=seed, began=began
                ).version
            except (TrainingRefused, TrainingCancelled, MissingExtra, MissingWeights) as error:
                # it says something of this family alone: the others go on
                failed[family] = error
                continue
            decisions.append(
                evaluate_step.run(store, settings, snapshot_id=frozen, candidate=version, requested_by=request)
            )
        if failed and not decisions:
            raise next(iter(failed.values()))
        numbers = [decision.decision_id for decision in decisions]
        question = request_approval.run(store, settings, decision_ids=numbers, requested_by=request)
    lines = [f"Decision {one.decision_id}: version {one.candidate_version}, {one.answer}" for one in decisions]
    told = "\n".join([*lines, *map(str, failed.values())])
    if question:
        told += f"\n\n{question.body}\n\nAnswer with: sentiment approve {question.decision_id} --by NAME"
    result = {
        "decisions": [asdict(one) for one in decisions],
        "failed": {family: str(error) for family, error in failed.items()},
        "question": asdict(question) if question else None,
    }
    show(result, as_json, told)


def reproduce(version: Annotated[int, typer.Argument()], as_json: Json = False) -> None:
    """Train a version again from its snapshot and compare the predictions."""
    from sentiment_lib.steps.training import reproduce as step

    with opened() as (store, settings):
        found = step.run(store, settings, version=version)
    verdict = "identical" if found.identical else f"probabilities differ by up to {found.deviation:.2g}"
    words = [f"Version {version} ({found.family}), {found.rows:,} rows: {verdict}", *found.differences]
    show(found, as_json, "\n".join(words))
