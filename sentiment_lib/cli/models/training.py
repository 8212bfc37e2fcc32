"""Commands of training: snapshot, train, reproduce, and the whole retrain or recalibration without Airflow."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from sentiment_lib import clock
from sentiment_lib.cli.common import Json, open_store, show
from sentiment_lib.cli.terminal.progress_bar import progress_bar
from sentiment_lib.cli.token_file import authorise
from sentiment_lib.errors import MissingExtra, MissingWeights, SentimentError, TrainingCancelled, TrainingRefused
from sentiment_lib.training_record import TrainingOrder

if TYPE_CHECKING:
    from sentiment_lib.storage.engine import Store

RECALIBRATED = "recalibrated"
Anyway = Annotated[bool, typer.Option("--anyway", help="Also when the same labels are being judged, or were.")]
Seed = Annotated[int, typer.Option(min=0, help="Random seed of the training.")]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(snapshot)
    app.command()(train)
    app.command()(retrain)
    app.command()(recalibrate)
    app.command()(reproduce)


def snapshot(as_json: Json = False) -> None:
    """Freeze the current labels as a snapshot: training rows and a later holdout."""
    from sentiment_lib.steps.training import snapshot as step

    with open_store() as (store, settings), progress_bar("Freezing the labels"):
        frozen = step.run(store, settings)
    text = (
        f"Snapshot {frozen.snapshot_id}: {frozen.train_rows:,} training rows, {frozen.holdout_rows:,} holdout rows "
        f"since {frozen.split_at:%Y-%m-%d %H:%M}, SHA-256 {frozen.content_hash[:12]}"
    )
    show(frozen, as_json, text)


def train(
    snapshot_id: Annotated[int, typer.Option("--snapshot", help="Snapshot id.")],
    family: Annotated[str, typer.Option(help="Model family.")] = "tfidf_logreg",
    seed: Seed = 0,
    key: Annotated[
        str, typer.Option(help="Idempotency key: the same key, family and snapshot return the same version.")
    ] = "command line",
    as_json: Json = False,
) -> None:
    """Train a family on a snapshot and register the result as a candidate."""
    from sentiment_lib.steps.training import train as step

    with open_store() as (store, settings), progress_bar(f"Training {family}"):
        version = step.run(
            store, settings, TrainingOrder(snapshot_id=snapshot_id, family=family, run_key=key, seed=seed)
        )
    show(version, as_json, f"Version {version.version} ({version.family}), package {version.digest[:12]}")


def retrain(
    families: Annotated[list[str] | None, typer.Option("--family", help="Model family; may be repeated.")] = None,
    seed: Seed = 0,
    anyway: Anyway = False,
    as_json: Json = False,
) -> None:
    """Snapshot, train, evaluate, and request an approval: the DAG `retrain` without Airflow.

    Refused while another retrain runs, and for families that the same labels have judged: each look at the holdout
    makes the next decision harder. As in Airflow, a new approval request supersedes one that waits, which becomes void.
    """
    _train_and_decide("retrain", "Retraining", families, seed, anyway, as_json)


def recalibrate(anyway: Anyway = False, as_json: Json = False) -> None:
    """Fit the champion's probabilities to audit labels, evaluate, and request an approval; nothing is retrained.

    A temperature and a shift of the classes on top of the champion's package, in minutes. The DAG `retrain` does the
    same when its families are ["recalibrated"].
    """
    _train_and_decide("recalibrate", "Recalibrating", [RECALIBRATED], 0, anyway, as_json)


def _train_and_decide(
    command: str, title: str, families: list[str] | None, seed: int, anyway: bool, as_json: bool
) -> None:
    from sentiment_lib.steps.decisions import evaluate, request_approval
    from sentiment_lib.steps.training import duplicate_retrain, family_selection, request_retrain
    from sentiment_lib.steps.training import snapshot as snapshot_step
    from sentiment_lib.steps.training import train as train_step

    started_at = clock.now()
    failed: dict[str, SentimentError] = {}
    decisions = []
    with open_store() as (store, settings), progress_bar(title), ExitStack() as held:
        person = authorise(store, settings, command).name
        request = f"{person}/{started_at:%Y-%m-%dT%H:%M:%S}"
        selected = family_selection.select_families(settings, families)
        if not anyway:
            duplicate_retrain.refuse(store, settings, selected)
        held.enter_context(store.in_use(duplicate_retrain.HINT))
        pending = _pending(store)
        if pending and not as_json:
            typer.echo(f"sentiment: {duplicate_retrain.what_becomes_of(pending)}", err=True)
        request_retrain.claim_requests(store, settings, run_id=request, otherwise="person", families=families)
        snapshot_id = snapshot_step.run(store, settings).snapshot_id
        for family in selected:
            try:
                order = TrainingOrder(
                    snapshot_id=snapshot_id, family=family, run_key=request, seed=seed, run_started_at=started_at
                )
                version = train_step.run(store, settings, order).version
            except (TrainingRefused, TrainingCancelled, MissingExtra, MissingWeights) as error:
                # specific to this family: train the others
                failed[family] = error
                continue
            decisions.append(
                evaluate.run(
                    store,
                    settings,
                    snapshot_id=snapshot_id,
                    candidate=version,
                    requested_by=request,
                    candidates=len(selected),
                    people=[person],
                )
            )
        if failed and not decisions:
            raise next(iter(failed.values()))
        ids = [decision.decision_id for decision in decisions]
        approval_request = request_approval.run(
            store, settings, decision_ids=ids, requested_by=request, people=[person]
        )
        superseded = sorted(set(pending) - set(_pending(store)))
    lines = [
        f"Decision {decision.decision_id}: version {decision.candidate_version}, {decision.verdict}"
        for decision in decisions
    ]
    text = "\n".join([*lines, *map(str, failed.values())])
    if approval_request:
        chosen = approval_request.decision_id
        if superseded:
            text += f"\nSuperseded, now void: decision {', '.join(map(str, superseded))}"
        text += f"\nPending approval. Read: sentiment decision show {chosen}. Answer: sentiment approve {chosen}"
    elif decisions:
        text += f"\nNothing to approve. Why, and what would change it: sentiment decision show {ids[-1]}"
    result = {
        "decisions": [asdict(decision) for decision in decisions],
        "failed": {family: str(error) for family, error in failed.items()},
        "question": asdict(approval_request) if approval_request else None,
        "superseded_decisions": superseded,
    }
    show(result, as_json, text)


def _pending(store: Store) -> list[int]:
    """Ids of the decisions that wait for an answer."""
    from sentiment_lib.storage import decisions

    with store.begin() as connection:
        return [waiting.decision_id for waiting in decisions.waiting(connection)]


def reproduce(
    version: Annotated[int, typer.Argument(help="Model version.")],
    as_json: Json = False,
) -> None:
    """Train a version again from its snapshot and compare predictions and package."""
    from sentiment_lib.steps.training import reproduce as step

    with open_store() as (store, settings), progress_bar(f"Training version {version} again"):
        result = step.run(store, settings, version=version)
    verdict = "identical" if result.identical else f"probabilities differ by up to {result.deviation:.2g}"
    if result.same_digest:
        package = "Package: identical, byte for byte"
    elif not result.different_files:
        package = "Package: the model's files are identical; the manifest differs, as after an upgrade of a library"
    else:
        package = (
            f"Package: {', '.join(result.different_files)} differ. Equal predictions do not show that texts outside of "
            "the holdout get the same answers. A network may differ on another processor or with other threads; with "
            "no such difference below, and for every other family, this package is not what its training gives"
        )
    lines = [f"Version {version} ({result.family}), {result.rows:,} rows: {verdict}", package, *result.differences]
    show(result, as_json, "\n".join(lines))
