"""The Label page: one tweet at a time, or ten; the model's prediction is shown after the person's label."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, HTTPException, Query, Request, Response
from fastapi.responses import RedirectResponse

from sentiment_lib.errors import BadInput, NotFound
from sentiment_lib.records import LABELS
from sentiment_lib.serving.api_keys import Caller
from sentiment_lib.serving.pages.rendering import PageRoute, page, visitor
from sentiment_lib.serving.routes import Serving
from sentiment_lib.serving.service import Service
from sentiment_lib.steps.labelling import label_progress, label_queue
from sentiment_lib.storage import synthetic_tweets
from sentiment_lib.storage.engine import Store
from sentiment_lib.storage.label_candidates import LabelScope
from sentiment_lib.text.airlines import HANDLES

router = APIRouter(prefix="/label", route_class=PageRoute, include_in_schema=False)
Labeller = Annotated[Caller, Depends(visitor("label"))]
PickId = Annotated[int, Form(ge=1, lt=2**63)]
_ID_LIMIT = 2**63


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which tweets a person wants: texts sent to the API too, of an airline, of a day such as 2026-12-24; "" is any.

    ten: ten at once instead of one after another.
    """

    api_texts: bool
    airline: str
    day: str
    ten: bool = False

    def scope(self) -> LabelScope | None:
        """The tweets of the airline, the day, or both; None without either. Raises BadInput for what is no day."""
        if not self.airline and not self.day:
            return None
        since, until = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
        if self.day:
            try:
                since = datetime.fromisoformat(self.day).replace(tzinfo=UTC)
            except ValueError as error:
                raise BadInput(what="the day", problem="write it as 2026-12-24") from error
            until = since + timedelta(days=1)
        return LabelScope(airline=self.airline or None, since=since, until=until)

    def back(self, **parameters: object) -> Response:
        """Redirect to the page with the same choice; a parameter may have several values."""
        query = urlencode({**parameters, **self._kept()}, doseq=True)
        return RedirectResponse(f"/label{'/ten' if self.ten else ''}?{query}", status_code=303)

    def _kept(self) -> dict[str, str]:
        kept = {"api_texts": "true" if self.api_texts else "", "airline": self.airline, "day": self.day}
        return {name: value for name, value in kept.items() if value}

    def values(self, service: Service) -> dict[str, Any]:
        """Template values of both views."""
        return {
            "why": SELECTION_REASONS,
            "labels": [str(label) for label in LABELS],
            "maximum": label_progress.MOST,
            "api_texts": self.api_texts,
            "airline": self.airline,
            "day": self.day,
            "choice_query": urlencode(self._kept()),
            "airlines": sorted(set(HANDLES.values())),
            "synthetic_data": _holds_synthetic(service.store),
        }


def _of_query(
    api_texts: bool = False,
    airline: Annotated[str, Query(max_length=40)] = "",
    day: Annotated[str, Query(max_length=10)] = "",
) -> Choice:
    return Choice(api_texts=api_texts, airline=airline, day=day)


def _of_form(
    api_texts: Annotated[bool, Form()] = False,
    airline: Annotated[str, Form(max_length=40)] = "",
    day: Annotated[str, Form(max_length=10)] = "",
    ten: Annotated[bool, Form()] = False,
) -> Choice:
    return Choice(api_texts=api_texts, airline=airline, day=day, ten=ten)


Asked = Annotated[Choice, Depends(_of_query)]
Kept = Annotated[Choice, Depends(_of_form)]

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
    request: Request,
    service: Serving,
    caller: Labeller,
    choice: Asked,
    last: int = 0,
    message: str = "",
) -> Response:
    """The person's next tweet, of an airline or day when the query names one, and the result of the previous one."""
    before = label_queue.look(service.store, person=caller.name, pick_id=last) if 0 < last < _ID_LIMIT else None
    return page(
        request,
        "label.html",
        caller=caller,
        pick=label_queue.run(
            service.store, service.settings, person=caller.name, api_texts=choice.api_texts, scope=choice.scope()
        ),
        before=before if before is not None and before.state == "labelled" else None,
        message=MESSAGES.get(message, ""),
        progress=label_progress.run(service.store, person=caller.name),
        **choice.values(service),
    )


@router.post("/answer")
def answer(
    service: Serving,
    caller: Labeller,
    pick_id: PickId,
    label: Annotated[str, Form(max_length=20)],
    choice: Kept,
) -> Response:
    """Record the label; the page shows the next tweet. Raises HTTPException 429 for labels that come too fast."""
    charge_labels(service, caller, 1)
    try:
        label_queue.answer(service.store, person=caller.name, pick_id=pick_id, label=label)
    except NotFound:
        return choice.back(message="reassigned")
    return choice.back(last=pick_id)


def charge_labels(service: Service, caller: Caller, number: int) -> None:
    """Raises HTTPException 429 for labels that come faster than a person reads; then none of them is recorded."""
    if wait := service.label_rate.acquire(caller.name, number):
        detail = "these labels come faster than a person reads"
        raise HTTPException(429, detail, headers={"Retry-After": str(max(1, round(wait)))})


@router.post("/skip")
def skip(service: Serving, caller: Labeller, pick_id: PickId, choice: Kept) -> Response:
    """Leave the tweet to others."""
    try:
        label_queue.skip(service.store, person=caller.name, pick_id=pick_id)
    except NotFound:
        return choice.back(message="reassigned")
    return choice.back(message="skipped")


@router.post("/undo")
def undo(service: Serving, caller: Labeller, choice: Kept) -> Response:
    """Take the last label back and show its tweet again."""
    try:
        label_queue.undo(service.store, person=caller.name)
    except NotFound:
        return choice.back(message="nothing")
    except BadInput:
        return choice.back(message="too_late")
    return choice.back(message="undone")


#: Messages above the next tweet; the query string can name only these.
MESSAGES = {
    "reassigned": "That tweet had waited too long and was assigned to someone else. Here is another one.",
    "skipped": "Skipped. Someone else will label it.",
    "nothing": "There is nothing to undo.",
    "too_late": "Too late to undo: a snapshot contains the label, or someone else is labelling the tweet.",
    "undone": "Undone.",
}


def _holds_synthetic(store: Store) -> bool:
    with store.begin() as connection:
        return synthetic_tweets.any_stored(connection)
