"""The API's routes: HTTP in, HTTP out; the work is done by the service."""

from __future__ import annotations

import time
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, HTTPException, Path, Request, Response

from sentiment_lib.errors import BadInput, NotFound
from sentiment_lib.records import LABELS
from sentiment_lib.serving import schemas
from sentiment_lib.serving.api_keys import Caller
from sentiment_lib.serving.authentication import require
from sentiment_lib.serving.prediction.pipeline import Answer
from sentiment_lib.serving.service import Service

PROBLEMS: dict[int | str, dict[str, Any]] = {
    code: {"model": schemas.ProblemOut, "description": text}
    for code, text in {
        400: "The body is no text in UTF-8",
        401: "No key, or one that is not in use",
        403: "The key has not this role",
        408: "The body came too slowly",
        413: "The body is too large",
        422: "The request is not valid",
        429: "Too many texts with this key; Retry-After says when",
        503: "No champion yet, or something that is needed is away",
    }.items()
}

router = APIRouter(prefix="/v1", responses=PROBLEMS)
health = APIRouter(tags=["health"])


async def service_of(request: Request) -> Service:  # not in a thread: that would cost more than it does
    """The service of this process."""
    service: Service = request.app.state.service
    return service


Serving = Annotated[Service, Depends(service_of)]
Predicting = Annotated[Caller, Depends(require("predict"))]
Answering = Annotated[Caller, Depends(require("feedback"))]
PredictionId = Annotated[str, Path(max_length=60, pattern=r"^[0-9]{1,19}-[0-9]{1,18}$")]


@router.post("/predict", tags=["predict"], response_model=schemas.PredictOut)
async def predict(body: schemas.PredictBody, request: Request, caller: Predicting) -> Response:
    """Label and probabilities for one text or many."""
    started = time.perf_counter()
    service = await service_of(request)
    texts = body.batch(service.settings.serving.maximum_texts)
    charge(service, caller, len(texts))
    answers = await service.predict(texts, explain=body.explain)
    request.scope.setdefault("told", {}).update(texts=len(texts), version=answers[0].version)
    # made from our own values: to validate them once more would cost as much as a linear model's answer
    return Response(
        orjson.dumps(
            {
                "model_version": answers[0].version,
                "family": answers[0].family,
                "latency_ms": round((time.perf_counter() - started) * 1000, 3),
                "predictions": [_prediction(answer) for answer in answers],
            }
        ),
        media_type="application/json",
    )


@router.post("/feedback", tags=["feedback"], responses={404: {"model": schemas.ProblemOut}})
async def feedback(body: schemas.FeedbackBody, service: Serving, caller: Answering) -> schemas.FeedbackOut:
    """Say that a prediction was right, or what it should have been. The same answer twice is kept once."""
    if body.right == (body.label is not None):
        raise BadInput(what="the request", problem="it needs either `right: true` or a `label`")
    charge(service, caller, 1)
    label = await service.give_feedback(body.prediction_id, label=body.label, by=caller.name)
    return schemas.FeedbackOut.model_validate(
        {"prediction_id": body.prediction_id, "label": label, "given_by": caller.name}
    )


@router.get("/model", tags=["predict"])
async def model(service: Serving, caller: Predicting) -> schemas.ModelOut:  # noqa: ARG001
    """The version that answers now."""
    served = service.champion.served()
    return schemas.ModelOut(
        version=served.version, family=served.family, digest=served.digest, serving_since=served.loaded_at
    )


@router.get("/predictions/{prediction_id}", tags=["predict"], responses={404: {"model": schemas.ProblemOut}})
async def prediction(prediction_id: PredictionId, service: Serving, caller: Predicting) -> schemas.StoredPredictionOut:  # noqa: ARG001
    """A prediction made earlier."""
    found = await service.prediction(prediction_id)
    return schemas.StoredPredictionOut.model_validate(
        {
            **found,
            "prediction_id": prediction_id,
            "model_version": found["version"],
            "predicted_at": found["at"],
            "probabilities": {label: found[f"p_{label}"] for label in LABELS},
        }
    )


@health.get("/healthz")
async def healthz() -> schemas.HealthOut:
    """The process is alive."""
    return schemas.HealthOut()


@health.get("/readyz", responses={503: {"model": schemas.ReadyOut}})
async def readyz(service: Serving, response: Response) -> schemas.ReadyOut:
    """200 when there is a model to answer with and room for what it says; `warnings` name what is away."""
    warnings = []
    try:
        version: int | None = service.champion.served().version
    except NotFound:
        version = None
        warnings.append("there is no champion yet")
    if service.champion.problem:
        warnings.append(f"the champion cannot be looked up: {service.champion.problem}")
    if service.spool.last_error:
        warnings.append(f"predictions wait for the database: {service.spool.last_error}")
    held = service.spool.held_bytes()
    ready = version is not None and held < service.settings.serving.spool_bytes
    response.status_code = 200 if ready else 503
    return schemas.ReadyOut(ready=ready, model_version=version, warnings=warnings, spool_bytes=held)


@health.get("/metrics", response_class=Response)
async def metrics(service: Serving) -> Response:
    """Counts, times and states for Prometheus."""
    service.measure()
    return Response(service.metrics.page(), media_type="text/plain; version=0.0.4; charset=utf-8")


def charge(service: Service, caller: Caller, texts: int) -> None:
    """Take the texts from the caller's allowance; 429 with the time to wait when it is used up."""
    wait = service.rate.wait_needed(caller.name, texts)
    if wait:
        raise HTTPException(429, "too many texts with this key", headers={"Retry-After": str(max(1, round(wait)))})


def _prediction(answer: Answer) -> dict[str, Any]:
    """An answer in the form of schemas.PredictionOut."""
    parts = answer.explanation
    return {
        "prediction_id": answer.prediction_id,
        "text": answer.text,
        "label": answer.label,
        "probabilities": answer.probabilities,
        "explanation": None
        if parts is None
        else [{**vars(part), "text": answer.text[part.start : part.end]} for part in parts],
    }
