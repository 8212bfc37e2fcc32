"""The API's routes: HTTP in, HTTP out; the service does the work."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Header, HTTPException, Path, Request, Response

from sentiment_lib.errors import BadInput, NotFound
from sentiment_lib.records import NO_CHAMPION
from sentiment_lib.serving import schemas
from sentiment_lib.serving.admission import cost_of
from sentiment_lib.serving.api_keys import Caller
from sentiment_lib.serving.authentication import require
from sentiment_lib.serving.bodies import JsonRoute, charge
from sentiment_lib.serving.idempotency import LONGEST_KEY
from sentiment_lib.serving.middleware import add_log_fields
from sentiment_lib.serving.prediction.pipeline import Prediction
from sentiment_lib.serving.service import Service
from sentiment_lib.steps.erasure import request_erasure
from sentiment_lib.steps.erasure.request_erasure import ErasureOrder
from sentiment_lib.storage import erasure_requests

PROBLEMS: dict[int | str, dict[str, Any]] = {
    code: {"model": schemas.ProblemOut, "description": text}
    for code, text in {
        400: "The body is not UTF-8 text",
        401: "No API key, or one that is not in use",
        403: "The key lacks the role",
        408: "The body arrived too slowly",
        413: "The body is too large",
        422: "The request is not valid",
        429: "Rate limit of this key exceeded; see Retry-After",
        503: "No champion yet, or a dependency is unavailable",
    }.items()
}

router = APIRouter(prefix="/v1", responses=PROBLEMS, route_class=JsonRoute)
health = APIRouter(tags=["health"])


async def service_of(request: Request) -> Service:  # async: a thread would cost more than the work
    """The service of this process."""
    service: Service = request.app.state.service
    return service


Serving = Annotated[Service, Depends(service_of)]
MAY_PREDICT = Depends(require("predict"))
Predictor = Annotated[Caller, MAY_PREDICT]
Labeller = Annotated[Caller, Depends(require("feedback"))]
PrivacyDesk = Annotated[Caller, Depends(require("privacy"))]
RetryKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=LONGEST_KEY,
        description="a value of the caller's choice: a retry with the same value and body gets the first answer",
    ),
]
PredictionId = Annotated[str, Path(max_length=60, pattern=r"^[0-9]{1,19}-[0-9]{1,18}$")]


@router.post("/predict", tags=["predict"], summary="Predict the sentiment of texts", response_model=schemas.PredictOut)
async def predict(
    body: schemas.PredictBody, request: Request, caller: Predictor, idempotency_key: RetryKey = None
) -> Response:
    """Label and probabilities for one text or many."""
    service = await service_of(request)
    work = partial(_predict, service, body, request, caller)
    return await _once(service, request, caller, idempotency_key, work)


async def _predict(service: Service, body: schemas.PredictBody, request: Request, caller: Caller) -> bytes:
    started = time.perf_counter()
    texts = body.batch(service.settings.serving.maximum_texts)
    units = cost_of(texts, explain=body.explain)
    charge(service, caller, units)
    with service.admission.admit(caller.name, units, explain=body.explain):
        predictions = await service.predict(texts, caller=caller, explain=body.explain)
    add_log_fields(request.scope, texts=len(texts), version=predictions[0].version)
    # not validated by the response model: that would cost as much as a linear model's prediction
    head = {
        "model_version": predictions[0].version,
        "family": predictions[0].family,
        "latency_ms": round((time.perf_counter() - started) * 1000, 3),
    }
    return _encode(head, predictions)


@router.post(
    "/feedback",
    tags=["feedback"],
    summary="Confirm or correct a prediction",
    response_model=schemas.FeedbackOut,
    responses={404: {"model": schemas.ProblemOut}},
)
async def feedback(
    body: schemas.FeedbackBody, request: Request, service: Serving, caller: Labeller, idempotency_key: RetryKey = None
) -> Response:
    """Confirm a prediction or correct its label. Idempotent; a person's last label stands."""
    return await _once(service, request, caller, idempotency_key, partial(_feedback, service, body, caller))


async def _feedback(service: Service, body: schemas.FeedbackBody, caller: Caller) -> bytes:
    if body.right == (body.label is not None):
        raise BadInput(what="the request", problem="it needs either `right: true` or a `label`")
    charge(service, caller, 1)
    label = await service.record_feedback(body.prediction_id, label=body.label, caller=caller)
    return orjson.dumps({"prediction_id": body.prediction_id, "label": label, "given_by": caller.name})


async def _once(
    service: Service, request: Request, caller: Caller, key: str | None, work: Callable[[], Awaitable[bytes]]
) -> Response:
    """The answer of `work`, or with a key the answer of the first request with it."""
    if key is None:
        return Response(await work(), media_type="application/json")
    content = request.url.path.encode() + b"\n" + await request.body()
    body, replayed = await service.retries.run(caller=caller.key_id, key=key, request=content, work=work)
    if replayed:
        charge(service, caller, 1)
    headers = {"Idempotency-Replayed": "true"} if replayed else None
    return Response(body, media_type="application/json", headers=headers)


@router.get("/model", tags=["predict"], summary="Which version serves", dependencies=[MAY_PREDICT])
async def model(service: Serving) -> schemas.ModelOut:
    """The version that serves."""
    loaded = service.champion.current()
    return schemas.ModelOut(
        version=loaded.version, family=loaded.family, digest=loaded.digest, serving_since=loaded.loaded_at
    )


@router.get(
    "/predictions/{prediction_id}",
    tags=["predict"],
    summary="Read a stored prediction",
    responses={404: {"model": schemas.ProblemOut}},
)
async def prediction(prediction_id: PredictionId, service: Serving, caller: Predictor) -> schemas.StoredPredictionOut:
    """A stored prediction, made with this key or by batch scoring; an admin reads all of them."""
    charge(service, caller, 1)
    stored = await service.prediction(prediction_id, caller)
    return schemas.StoredPredictionOut.model_validate(
        {
            "prediction_id": prediction_id,
            "text": stored.text,
            "label": stored.label,
            "probabilities": stored.probabilities,
            "model_version": stored.version,
            "language": stored.language,
            "airline": stored.airline,
            "predicted_at": stored.at,
        }
    )


@router.post("/erasure", tags=["privacy"], summary="Ask to forget tweets or an author", status_code=202)
async def forget(body: schemas.ErasureBody, service: Serving, caller: PrivacyDesk) -> schemas.ErasureOut:
    """Ask to forget tweets or an author. From now on they are refused; they are erased within the hour."""
    if (body.tweet_ids is None) == (body.author is None):
        raise BadInput(what="the request", problem="it needs either `tweet_ids` or an `author`")
    charge(service, caller, 1)
    order = ErasureOrder(
        tweet_ids=[int(number) for number in body.tweet_ids or ()],
        author=body.author or "",
        requested_by=caller.name,
        recorded=False,
    )
    request_id = await asyncio.to_thread(request_erasure.run, service.store, service.settings, order)
    return await asyncio.to_thread(_erasure, service, request_id)


@router.get(
    "/erasure/{request_id}",
    tags=["privacy"],
    summary="How far a request to forget is",
    responses={404: {"model": schemas.ProblemOut}},
)
async def erasure(
    request_id: Annotated[int, Path(ge=1, lt=2**63)], service: Serving, caller: PrivacyDesk
) -> schemas.ErasureOut:
    """How far a request to forget is."""
    charge(service, caller, 1)
    return await asyncio.to_thread(_erasure, service, request_id)


def _erasure(service: Service, request_id: int) -> schemas.ErasureOut:
    with service.store.begin() as connection:
        request = erasure_requests.by_id(connection, request_id)
    names = schemas.ErasureOut.model_fields
    return schemas.ErasureOut.model_validate({name: getattr(request, name) for name in names})


@health.get("/healthz", summary="Is the process alive")
async def healthz() -> schemas.HealthOut:
    """Liveness."""
    return schemas.HealthOut()


@health.get("/readyz", summary="Is it ready to predict", responses={503: {"model": schemas.ReadyOut}})
async def readyz(service: Serving, response: Response) -> schemas.ReadyOut:
    """Readiness: 200 with a model loaded and room in the spool; `warnings` name what is unavailable."""
    warnings = []
    try:
        version: int | None = service.champion.current().version
    except NotFound:
        version = None
        warnings.append(NO_CHAMPION)
    if service.champion.last_error:
        warnings.append(f"the champion cannot be looked up: {service.champion.last_error}")
    if service.spool.last_error:
        warnings.append(f"predictions wait for the database: {service.spool.last_error}")
    spool_bytes = service.spool.held_bytes()
    ready = version is not None and spool_bytes < service.settings.serving.spool_bytes
    response.status_code = 200 if ready else 503
    return schemas.ReadyOut(ready=ready, model_version=version, warnings=warnings, spool_bytes=spool_bytes)


@health.get(
    "/metrics",
    summary="Metrics for Prometheus",
    response_class=Response,
    responses={401: {"model": schemas.ProblemOut}},
)
async def metrics(service: Serving, request: Request) -> Response:
    """Metrics in Prometheus text format; raises HTTPException 401 without the token, if the settings name one."""
    token = service.settings.serving.metrics_key.get_secret_value()
    authorization = request.headers.get("authorization", "")
    if token and not hmac.compare_digest(authorization.encode(), f"Bearer {token}".encode()):
        raise HTTPException(401, "the metrics need their token", headers={"WWW-Authenticate": "Bearer"})
    service.update_gauges()
    await service.update_store_sizes()
    return Response(service.metrics.exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _encode(head: dict[str, Any], predictions: Sequence[Prediction]) -> bytes:
    return orjson.dumps({**head, "predictions": [_prediction_out(prediction) for prediction in predictions]})


def _prediction_out(prediction: Prediction) -> dict[str, Any]:
    """The JSON of schemas.PredictionOut."""
    explanation = prediction.explanation
    return {
        "prediction_id": prediction.prediction_id,
        "text": prediction.text,
        "label": prediction.label,
        "probabilities": prediction.probabilities,
        # thousands of words: as the process that explains wrote them
        "explanation": None if explanation is None else orjson.Fragment(explanation.json),
    }
