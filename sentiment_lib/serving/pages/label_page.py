"""The Label page: one tweet at a time; the model's prediction is shown after the person's label."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from sentiment_lib.errors import BadInput, NotFound
from sentiment_lib.records import LABELS
from sentiment_lib.serving.api_keys import Caller
from sentiment_lib.serving.pages.rendering import PageRoute, page, visitor
from sentiment_lib.serving.routes import Serving
from sentiment_lib.steps.labelling import label_progress, label_queue
from sentiment_lib.storage import synthetic_tweets
from sentiment_lib.storage.engine import Store

router = APIRouter(prefix="/label", route_class=PageRoute, include_in_schema=False)
Labeller = Annotated[Caller, Depends(visitor("label"))]
PickId = Annotated[int, Form(ge=1, lt=2**63)]
#: include texts that people sent to the API
ApiTexts = Annotated[bool, Form()]
_ID_LIMIT = 2**63

#: Why a tweet was selected; shown after the label, so that it does not bias it.
SELECTION_REASONS = {
    "audit": "part of the random audit sample, which measures the model",
    "uncertain": "selected because the model was uncertain",
    "disagreement": "selected because two versions disagreed",
    "second": "labelled by a second person to measure agreement",
    "correction": "kept as a correction, which may be trained on and does not measure the model",
}


# not async: FastAPI runs them in a thread, where they may wait for the database


@router.get("")
def next_tweet(
    request: Request, service: Serving, caller: Labeller, last: int = 0, api_texts: bool = False, message: str = ""
) -> Response:
    """The person's next tweet, and the result of the previous one."""
    before = label_queue.look(service.store, person=caller.name, pick_id=last) if 0 < last < _ID_LIMIT else None
    return page(
        request,
        "label.html",
        caller=caller,
        pick=label_queue.run(service.store, service.settings, person=caller.name, api_texts=api_texts),
        before=before if before is not None and before.state == "labelled" else None,
        why=SELECTION_REASONS,
        message=MESSAGES.get(message, ""),
        progress=label_progress.run(service.store, person=caller.name),
        maximum=label_progress.MOST,
        labels=[str(label) for label in LABELS],
        api_texts=api_texts,
        synthetic_data=_holds_synthetic(service.store),
    )


@router.post("/answer")
def answer(
    service: Serving,
    caller: Labeller,
    pick_id: PickId,
    label: Annotated[str, Form(max_length=20)],
    api_texts: ApiTexts = False,
) -> Response:
    """Record the label; the page shows the next tweet. Raises HTTPException 429 for labels that come too fast."""
    if wait := service.label_rate.acquire(caller.name):
        detail = "these labels come faster than a person reads"
        raise HTTPException(429, detail, headers={"Retry-After": str(max(1, round(wait)))})
    try:
        label_queue.answer(service.store, person=caller.name, pick_id=pick_id, label=label)
    except NotFound:
        return _back(api_texts, message="reassigned")
    return _back(api_texts, last=pick_id)


@router.post("/skip")
def skip(service: Serving, caller: Labeller, pick_id: PickId, api_texts: ApiTexts = False) -> Response:
    """Leave the tweet to others."""
    try:
        label_queue.skip(service.store, person=caller.name, pick_id=pick_id)
    except NotFound:
        return _back(api_texts, message="reassigned")
    return _back(api_texts, message="skipped")


@router.post("/undo")
def undo(service: Serving, caller: Labeller, api_texts: ApiTexts = False) -> Response:
    """Take the last label back and show its tweet again."""
    try:
        label_queue.undo(service.store, person=caller.name)
    except NotFound:
        return _back(api_texts, message="nothing")
    except BadInput:
        return _back(api_texts, message="too_late")
    return _back(api_texts, message="undone")


#: Messages above the next tweet; the query string can name only these.
MESSAGES = {
    "reassigned": "That tweet had waited too long and was assigned to someone else. Here is another one.",
    "skipped": "Skipped. Someone else will label it.",
    "nothing": "There is nothing to undo.",
    "too_late": "Too late to undo: a snapshot contains the label, or someone else is labelling the tweet.",
    "undone": "Undone.",
}


def _back(api_texts: bool, **parameters: object) -> Response:
    query = urlencode({**parameters, **({"api_texts": "true"} if api_texts else {})})
    return RedirectResponse(f"/label?{query}", status_code=303)


def _holds_synthetic(store: Store) -> bool:
    with store.begin() as connection:
        return synthetic_tweets.any_stored(connection)
