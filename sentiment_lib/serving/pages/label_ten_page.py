"""The Label page's view of ten tweets at once: answered and skipped together, by the rules of the view of one."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from sentiment_lib.errors import BadInput, NotFound
from sentiment_lib.records import LABELS
from sentiment_lib.serving.pages.label_page import Asked, Kept, Labeller, charge_labels
from sentiment_lib.serving.pages.rendering import PageRoute, page
from sentiment_lib.serving.routes import Serving
from sentiment_lib.steps.labelling import assign, label_progress, label_queue
from sentiment_lib.storage.label_queue import MOST_OPEN

router = APIRouter(prefix="/label/ten", route_class=PageRoute, include_in_schema=False)
SKIP = "skip"
#: Name of the field of a pick's answer.
FIELD = re.compile(r"pick-([1-9][0-9]{0,18})")


async def _answers(request: Request) -> dict[int, str]:
    """Answers by pick: a label or SKIP. Raises BadInput for what is neither, and for more than can be open."""
    form = await request.form()
    answers = {int(field[1]): str(value) for name, value in form.items() if (field := FIELD.fullmatch(name))}
    if len(answers) > MOST_OPEN:
        raise BadInput(what="the form", problem=f"it answers more than {MOST_OPEN} tweets")
    if unknown := sorted(set(answers.values()) - {SKIP, *LABELS}):
        raise BadInput(what="label", problem=f"'{unknown[0][:40]}' is none of {', '.join(LABELS)}")
    return answers


@router.get("")
def next_tweets(
    request: Request,
    service: Serving,
    caller: Labeller,
    choice: Asked,
    last: Annotated[list[int], Query(max_length=MOST_OPEN)] = [],  # noqa: B006 - FastAPI copies it
    lost: int = 0,
) -> Response:
    """The person's open tweets, ten if there are as many, and the results of the previous ones."""
    results = [label_queue.look(service.store, person=caller.name, pick_id=number) for number in last if number > 0]
    finished = [pick for pick in results if pick is not None and pick.state != "open"]
    return page(
        request,
        "label_ten.html",
        caller=caller,
        picks=assign.run(
            service.store,
            service.settings,
            person=caller.name,
            count=MOST_OPEN,
            api_texts=choice.api_texts,
            scope=choice.scope(),
        ),
        results=finished,
        agreeing=sum(pick.label == pick.predicted for pick in finished if pick.state == "labelled"),
        lost=min(max(lost, 0), MOST_OPEN),
        progress=label_progress.run(service.store, person=caller.name),
        **choice.values(service),
    )


@router.post("")
def answer(
    service: Serving,
    caller: Labeller,
    answers: Annotated[dict[int, str], Depends(_answers)],
    choice: Kept,
) -> Response:
    """Record each answer and skip as the view of one does; a tweet without an answer stays open.

    Raises HTTPException 429 for labels that come too fast, and records none of them.
    """
    charge_labels(service, caller, sum(value != SKIP for value in answers.values()))
    lost = 0
    for pick_id, value in answers.items():
        try:
            if value == SKIP:
                label_queue.skip(service.store, person=caller.name, pick_id=pick_id)
            else:
                label_queue.answer(service.store, person=caller.name, pick_id=pick_id, label=value)
        except (NotFound, BadInput):  # somebody else's by now, or answered before: the others count all the same
            lost += 1
    return choice.back(last=list(answers), **({"lost": lost} if lost else {}))
