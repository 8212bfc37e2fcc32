"""The labelling page: one tweet after the other; the model's answer is shown once the person has said theirs."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from sentiment_lib.errors import BadInput, NotFound
from sentiment_lib.records import LABELS
from sentiment_lib.serving.api_keys import Caller
from sentiment_lib.serving.pages.rendering import PageRoute, page, visitor
from sentiment_lib.serving.routes import Serving
from sentiment_lib.steps.labelling import label_progress, label_queue

router = APIRouter(prefix="/label", route_class=PageRoute, include_in_schema=False)
Labeller = Annotated[Caller, Depends(visitor("feedback"))]
PickId = Annotated[int, Form(ge=1, lt=2**63)]
#: the box "also texts that were typed into the API"
ApiTexts = Annotated[bool, Form()]
LAST = 2**63

#: Why a tweet was picked, told after the answer so that it does not sway it.
WHY = {
    "audit": "drawn at random: it measures the model",
    "uncertain": "picked because the model was unsure",
    "disagreement": "picked because two versions disagreed",
    "second": "a second opinion: someone else labelled it before",
}


# plain functions: FastAPI runs them in a thread, where the database may take its time


@router.get("")
def next_tweet(
    request: Request, service: Serving, caller: Labeller, last: int = 0, api_texts: bool = False, word: str = ""
) -> Response:
    """The person's next tweet, and what became of the last one."""
    before = label_queue.look(service.store, person=caller.name, pick_id=last) if 0 < last < LAST else None
    return page(
        request,
        "label.html",
        caller=caller,
        pick=label_queue.run(service.store, service.settings, person=caller.name, api_texts=api_texts),
        before=before if before is not None and before.state == "labelled" else None,
        why=WHY,
        word=word if word in WORDS else "",
        words=WORDS,
        progress=label_progress.run(service.store, person=caller.name),
        most=label_progress.MOST,
        labels=[str(label) for label in LABELS],
        api_texts=api_texts,
    )


@router.post("/answer")
def answer(
    service: Serving,
    caller: Labeller,
    pick_id: PickId,
    label: Annotated[str, Form(max_length=20)],
    api_texts: ApiTexts = False,
) -> Response:
    """Keep the answer; the page shows the next tweet."""
    try:
        label_queue.answer(service.store, person=caller.name, pick_id=pick_id, label=label)
    except NotFound:
        return _back(api_texts, word="gone")
    return _back(api_texts, last=pick_id)


@router.post("/skip")
def skip(service: Serving, caller: Labeller, pick_id: PickId, api_texts: ApiTexts = False) -> Response:
    """Leave the tweet to others."""
    try:
        label_queue.skip(service.store, person=caller.name, pick_id=pick_id)
    except NotFound:
        return _back(api_texts, word="gone")
    return _back(api_texts, word="skipped")


@router.post("/undo")
def undo(service: Serving, caller: Labeller, api_texts: ApiTexts = False) -> Response:
    """Take the last answer back; its tweet is there again."""
    try:
        label_queue.undo(service.store, person=caller.name)
    except NotFound:
        return _back(api_texts, word="nothing")
    except BadInput:
        return _back(api_texts, word="too_late")
    return _back(api_texts, word="undone")


#: What is said above the next tweet; only these can be asked for by an address.
WORDS = {
    "gone": "That tweet had waited so long that it went to someone else. Here is another one.",
    "skipped": "Skipped. Someone else will see it.",
    "nothing": "There is nothing to undo.",
    "too_late": "It is too late to undo: a snapshot holds the label, or someone else works on the tweet.",
    "undone": "Taken back. What is it?",
}


def _back(api_texts: bool, **told: object) -> Response:
    query = urlencode({**told, **({"api_texts": "true"} if api_texts else {})})
    return RedirectResponse(f"/label?{query}", status_code=303)
