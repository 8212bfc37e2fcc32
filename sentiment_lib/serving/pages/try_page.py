"""The Try page: type or paste tweets, see the champion's predictions and why, confirm or correct them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, Request, Response, UploadFile

from sentiment_lib.errors import BadInput
from sentiment_lib.families.highlighting import Span, highlight_spans
from sentiment_lib.records import LABELS
from sentiment_lib.serving.admission import cost_of
from sentiment_lib.serving.api_keys import Caller
from sentiment_lib.serving.bodies import charge
from sentiment_lib.serving.middleware import add_log_fields
from sentiment_lib.serving.pages.rendering import PageRoute, is_partial, page, visitor
from sentiment_lib.serving.pages.text_input import InputText, parse_csv, parse_lines
from sentiment_lib.serving.prediction.pipeline import Prediction
from sentiment_lib.serving.routes import Serving
from sentiment_lib.serving.service import MAX_EXPLAINED, Service

router = APIRouter(route_class=PageRoute, include_in_schema=False)
Visitor = Annotated[Caller, Depends(visitor("predict"))]
Corrector = Annotated[Caller, Depends(visitor("feedback"))]


@dataclass(frozen=True, kw_only=True)
class Result:
    """One text with its prediction, or with the reason why it has none."""

    number: int
    text: str
    problem: str | None = None
    prediction_id: str = ""
    label: str = ""
    probabilities: dict[str, float] | None = None
    version: int = 0
    spans: Sequence[Span] = ()
    #: the label that a person gave it
    true_label: str = ""


@router.get("/")
async def empty_page(request: Request, service: Serving, caller: Visitor) -> Response:
    """The empty form."""
    return _page(request, service, caller, typed="", results=[])


@router.post("/")
async def predict(
    request: Request,
    service: Serving,
    caller: Visitor,
    typed: Annotated[str, Form()] = "",
    file: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """Predictions for the lines typed, or for a CSV file. Raises BadInput for no text or too many."""
    maximum = service.settings.serving.maximum_texts
    if file is not None and file.size:
        texts = await asyncio.to_thread(parse_csv, await file.read(), maximum)
    else:
        texts = await asyncio.to_thread(parse_lines, typed, maximum)
    if not texts:
        raise BadInput(what="the form", problem="type a tweet, or choose a CSV file")
    valid = [text.text for text in texts if text.problem is None]
    predictions: list[Prediction] = []
    if valid:
        explain = len(valid) <= MAX_EXPLAINED
        units = cost_of(valid, explain=explain)
        charge(service, caller, units)
        with service.admission.admit(caller.name, units, explain=explain):
            predictions = await service.predict(valid, caller=caller, explain=explain)
        add_log_fields(request.scope, texts=len(valid), version=predictions[0].version)
    return _page(request, service, caller, typed=typed, results=_results(texts, predictions))


@router.post("/answer")
async def correct(
    request: Request,
    service: Serving,
    caller: Corrector,
    prediction_id: Annotated[str, Form(max_length=60)],
    label: Annotated[str, Form(max_length=20)],
) -> Response:
    """Record the label that a person gives; the page shows the prediction again with it."""
    charge(service, caller, 1)
    true_label = await service.record_feedback(prediction_id, label=label, caller=caller)
    prediction = await service.prediction(prediction_id, caller)
    result = Result(
        number=1,
        text=prediction.text,
        prediction_id=prediction_id,
        label=prediction.label,
        probabilities=prediction.probabilities,
        version=prediction.version,
        spans=highlight_spans(prediction.text, None),
        true_label=true_label,
    )
    return _page(request, service, caller, typed="", results=[result])


def _results(texts: Sequence[InputText], predictions: Sequence[Prediction]) -> list[Result]:
    """Results in the order of the input; valid texts take the predictions in turn."""
    remaining = iter(predictions)
    results = []
    for text in texts:
        if text.problem is not None:
            results.append(Result(number=text.number, text=text.text[:300], problem=text.problem))
            continue
        prediction = next(remaining)
        explanation = prediction.explanation
        results.append(
            Result(
                number=text.number,
                text=prediction.text,
                prediction_id=prediction.prediction_id,
                label=prediction.label,
                probabilities=prediction.probabilities,
                version=prediction.version,
                spans=highlight_spans(prediction.text, explanation.parts() if explanation else None),
            )
        )
    return results


def _page(request: Request, service: Service, caller: Caller, *, typed: str, results: list[Result]) -> Response:
    values: dict[str, Any] = {
        "typed": typed,
        "results": results,
        "counts": Counter(result.label for result in results if result.problem is None),
        "labels": [str(label) for label in LABELS],
        "may_correct": caller.may("feedback"),
        "maximum": service.settings.serving.maximum_texts,
    }
    if is_partial(request):
        return page(request, "results.html", caller=caller, **values)
    champion = service.champion.current()
    values |= {"champion": champion, "synthetic_champion": champion.learned_synthetic}
    return page(request, "try.html", caller=caller, **values)
