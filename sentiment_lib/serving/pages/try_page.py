"""The test page: type or paste tweets, see the champion's answers and why, confirm or correct them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, Request, Response, UploadFile

from sentiment_lib.errors import BadInput
from sentiment_lib.records import LABELS
from sentiment_lib.serving.api_keys import Caller
from sentiment_lib.serving.pages.rendering import PageRoute, is_partial, page, visitor
from sentiment_lib.serving.pages.text_input import Typed, lines, table
from sentiment_lib.serving.prediction.highlighting import Piece, pieces
from sentiment_lib.serving.prediction.pipeline import Answer
from sentiment_lib.serving.prediction.prediction_ids import prediction_key
from sentiment_lib.serving.routes import Serving, charge
from sentiment_lib.serving.service import MOST_EXPLAINED, Service

router = APIRouter(route_class=PageRoute, include_in_schema=False)
Visitor = Annotated[Caller, Depends(visitor("predict"))]
Corrector = Annotated[Caller, Depends(visitor("feedback"))]


@dataclass(frozen=True, kw_only=True)
class Result:
    """One text with its answer, or with why there is none."""

    number: int
    text: str
    problem: str | None = None
    prediction_id: str = ""
    label: str = ""
    probabilities: dict[str, float] | None = None
    version: int = 0
    pieces: Sequence[Piece] = ()
    #: what a person said of it
    answered: str = ""


@router.get("/")
async def empty_page(request: Request, service: Serving, caller: Visitor) -> Response:
    """The form."""
    return _page(request, service, caller, typed="", results=[])


@router.post("/")
async def predict(
    request: Request,
    service: Serving,
    caller: Visitor,
    typed: Annotated[str, Form()] = "",
    file: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """Answers to what was typed, or to a CSV file."""
    most = service.settings.serving.maximum_texts
    texts = table(await file.read(), most) if file is not None and file.size else lines(typed)
    if not texts:
        raise BadInput(what="the form", problem="type a tweet, or choose a CSV file")
    if len(texts) > most:
        raise BadInput(what="the text", problem=f"it has {len(texts):,} lines, and at most {most:,} are taken")
    good = [one.text for one in texts if one.problem is None]
    answers: list[Answer] = []
    if good:
        charge(service, caller, len(good))
        answers = await service.predict(good, explain=len(good) <= MOST_EXPLAINED)
        request.scope.setdefault("told", {}).update(texts=len(good), version=answers[0].version)
    return _page(request, service, caller, typed=typed, results=_results(texts, answers))


@router.post("/answer")
async def answer(
    request: Request,
    service: Serving,
    caller: Corrector,
    prediction_id: Annotated[str, Form(max_length=60)],
    label: Annotated[str, Form(max_length=20)],
) -> Response:
    """Keep what a person says of a prediction; the page shows it again with that."""
    charge(service, caller, 1)
    kept = await service.give_feedback(prediction_id, label=label, by=caller.name)
    found = await service.prediction(prediction_id)
    result = Result(
        number=1,
        text=found["text"],
        prediction_id=prediction_key(found["tweet_id"], found["version"]),
        label=found["label"],
        probabilities={str(name): found[f"p_{name}"] for name in LABELS},
        version=found["version"],
        pieces=pieces(found["text"], None),
        answered=kept,
    )
    return _page(request, service, caller, typed="", results=[result])


def _results(texts: Sequence[Typed], answers: Sequence[Answer]) -> list[Result]:
    left = iter(answers)
    found = []
    for one in texts:
        if one.problem is not None:
            found.append(Result(number=one.number, text=one.text[:300], problem=one.problem))
            continue
        given = next(left)
        found.append(
            Result(
                number=one.number,
                text=given.text,
                prediction_id=given.prediction_id,
                label=given.label,
                probabilities=given.probabilities,
                version=given.version,
                pieces=pieces(given.text, given.explanation),
            )
        )
    return found


def _page(request: Request, service: Service, caller: Caller, *, typed: str, results: list[Result]) -> Response:
    values: dict[str, Any] = {
        "typed": typed,
        "results": results,
        "counts": Counter(result.label for result in results if result.problem is None),
        "labels": [str(label) for label in LABELS],
        "may_correct": caller.may("feedback"),
        "most": service.settings.serving.maximum_texts,
    }
    if is_partial(request):
        return page(request, "results.html", caller=caller, **values)
    served = service.champion.served() if not results else None
    return page(request, "try.html", caller=caller, served=served, **values)
