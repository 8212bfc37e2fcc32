"""The replay lab: what retraining policies would have done on a labelled history."""

from __future__ import annotations

import re
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sentiment_lib.cli.common import Columns, Json, open_store, parse_columns, show
from sentiment_lib.cli.token_file import authorise
from sentiment_lib.errors import BadInput

if TYPE_CHECKING:
    from sentiment_lib.replay.cube import Progress
    from sentiment_lib.replay.history import History

_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1)}


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(replay)


def replay(
    history: Annotated[
        Path | None, typer.Argument(help="File of labelled tweets; without it, the platform's own tables.")
    ] = None,
    preset: Annotated[str, typer.Option(help="plain, airline, semeval or sentiment140")] = "plain",
    column: Columns = None,
    since: Annotated[str | None, typer.Option(help="First day, YYYY-MM-DD.")] = None,
    until: Annotated[str | None, typer.Option(help="Day after the last one, YYYY-MM-DD.")] = None,
    blocks: Annotated[str, typer.Option(help='"day", "500 rows" or "12 blocks".')] = "day",
    family: Annotated[str, typer.Option(help="Model family.")] = "tfidf_logreg",
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the trainings.")] = 0,
    policy: Annotated[
        list[Path] | None, typer.Option(help="Policy file, beside the shipped ones; may be repeated.")
    ] = None,
    only: Annotated[list[str] | None, typer.Option(help="Name of a policy; may be repeated.")] = None,
    label_delay: Annotated[str, typer.Option(help="Time until a label is known: 0, 12h, 3d.")] = "0",
    label_share: Annotated[float, typer.Option(min=0.01, max=1, help="Share of the labels that is bought.")] = 1.0,
    price: Annotated[float, typer.Option(min=0, help="Errors that a training is worth.")] = 25.0,
    audit_share: Annotated[float, typer.Option(min=0.001, max=1, help="Share of the audit sample.")] = 0.02,
    approval_delay: Annotated[int, typer.Option(min=0, help="Blocks that an approval takes.")] = 0,
    draws: Annotated[int, typer.Option(min=0, max=10_000, help="Draws of the audit sample.")] = 200,
    freshness: Annotated[bool, typer.Option(help="Tell volume and freshness apart.")] = True,
    refit: Annotated[bool, typer.Option(help="Train what the gate lets serve on its holdout, too, to compare.")] = True,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Trainings at the same time.")] = 1,
    apply: Annotated[
        bool, typer.Option("--apply", help="Propose the cheapest policy that the platform has the rules for.")
    ] = False,
    out: Annotated[Path, typer.Option(help="Folder of page and JSON.")] = Path("replay"),
    cache: Annotated[Path | None, typer.Option(help="Folder of stored trainings; in the output folder.")] = None,
    as_json: Json = False,
) -> None:
    """Replay retraining policies on a labelled history: page, JSON, and a sentence that says what pays.

    Trainings are stored: a killed replay continues, and another policy or price on the same history needs none.
    A proposal (`--apply`, after `sentiment login`) acts once an approver approves it: `sentiment policies`.
    """
    from sentiment_lib.replay.cell import Recipe
    from sentiment_lib.replay.policy_file import choose_policies, read_policy, shipped_policies
    from sentiment_lib.replay.production import configured
    from sentiment_lib.replay.simulation import Conditions
    from sentiment_lib.settings import load_settings
    from sentiment_lib.sources.files import FileSource
    from sentiment_lib.steps.replay import propose_policy, read_history, run_replay
    from sentiment_lib.storage.policy_proposals import Author

    first, last, delay = _day(since, "--since"), _day(until, "--until"), _duration(label_delay)
    if history is None and (first is None or last is None):
        raise BadInput(what="the history", problem="name a file, or --since and --until of the platform's tables")
    order = run_replay.ReplayOrder(
        blocks=blocks,
        recipe=Recipe(family=family, seed=seed),
        conditions=Conditions(price=price, audit_share=audit_share, approval_delay=approval_delay),
        label_delay=delay,
        label_share=label_share,
        draws=draws,
        freshness=freshness,
        refit=refit,
        jobs=jobs,
    )
    with ExitStack() as stack:
        # a file alone needs no database
        store, settings = stack.enter_context(open_store()) if apply or history is None else (None, load_settings())
        person = None if store is None or not apply else authorise(store, settings, f"replay --apply {history or ''}")
        offered = [*shipped_policies(), *map(read_policy, policy or [])]
        if store is not None:
            offered.append(configured(settings.policy))
        policies = choose_policies(offered, only)
        if history is not None:
            source = FileSource(history, preset, parse_columns(column))
            told: History = read_history.from_file(source, history.name, since=first, until=last)
        else:
            assert store is not None
            assert first is not None
            assert last is not None
            told = read_history.from_tables(
                store, settings.policy.snapshot, settings.policy.label, since=first, until=last
            )
        result = run_replay.run(
            told, order, policies, settings.policy, cache or out / "cache", progress=None if as_json else _reporter()
        )
        data, page = run_replay.write(result, out)
        shown: dict[str, object] = {"conclusion": result.conclusion, "caution": result.caution}
        shown["refit"] = result.refit
        shown |= {"json": str(data), "page": str(page)}
        lines = [result.conclusion]
        if result.caution is not None:
            lines.append(
                f"The gate promotes {result.caution.promotions} of {result.caution.trainings} and costs "
                f"{100 * result.caution.lost.value:.2f} points of accuracy against promoting all."
            )
        if result.refit is not None:
            lines.append(
                f"Refitting what it lets serve on the holdout, too, would change accuracy by "
                f"{100 * result.refit.gain.value:+.2f} points."
            )
        lines += [f"Page: {page}", f"JSON: {data}"]
        if store is not None and person is not None:
            named = {one.name: one for one in policies}
            author = Author(name=person.name, provenance=person.provenance)
            proposal = propose_policy.run(store, settings, result, named, author)
            shown["proposal_id"] = proposal.proposal_id
            lines.append(
                f"Proposed: “{proposal.title}”, as policy proposal {proposal.proposal_id}. "
                f"Another approver answers: sentiment policies approve {proposal.proposal_id}"
            )
    show(shown, as_json, "\n".join(lines))


def _day(written: str | None, option: str) -> datetime | None:
    if written is None:
        return None
    try:
        return datetime.strptime(written, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise BadInput(what=f"{option} {written}", problem="write YYYY-MM-DD") from None


def _duration(written: str) -> timedelta:
    match = re.fullmatch(r"(\d{1,5})([hd])|0", written)
    if match is None:
        raise BadInput(what=f"--label-delay {written}", problem="write 0, 12h or 3d")
    return int(match[1]) * _UNITS[match[2]] if match[1] else timedelta(0)


def _reporter() -> Progress:
    """Reports each training, with an estimate of what is left."""
    began = time.monotonic()

    def report(done: int, count: int, share: float) -> None:
        left = (time.monotonic() - began) * (1 - share) / share
        typer.echo(f"training {done} of {count}, about {left:,.0f} s left", err=True)

    return report
