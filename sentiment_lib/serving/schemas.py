"""Request and response bodies of the API, with examples for its OpenAPI document."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from sentiment_lib.errors import BadInput
from sentiment_lib.text.limits import bad_text

LabelName = Literal["negative", "neutral", "positive"]


def _valid_text(text: str) -> str:
    if reason := bad_text(text):
        raise ValueError(reason)
    return text


#: Tweets in one request to forget.
MOST_TWEETS = 10_000
#: As text, since a tweet's id exceeds the integers that JavaScript holds exactly.
TweetId = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,18}$")]

Text = Annotated[
    str, AfterValidator(_valid_text), Field(examples=["@united 3 hours late and nobody tells us anything"])
]


class Body(BaseModel):
    """Base of request bodies: an unknown field is an error, so a typo never passes silently."""

    model_config = ConfigDict(extra="forbid")


class PredictBody(Body):
    """One text, or a list."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"text": "@united 3 hours late and nobody tells us anything", "explain": True},
                {"texts": ["@delta great crew today", "what is the baggage allowance?"]},
            ]
        },
    )
    text: Text | None = None
    #: the maximum length is a setting: `batch` checks it, before it looks at any text
    #: fail_fast: an error for each of two million items would take seconds and gigabytes
    texts: Annotated[list[str], Field(min_length=1, fail_fast=True, examples=[["@delta great crew today"]])] | None = (
        None
    )
    explain: bool = Field(False, description="also return the weight of each part of the text (at most 50 texts)")

    def batch(self, maximum_texts: int) -> list[str]:
        """The texts to predict, one or many; raises BadInput without exactly one of the two fields, for more than
        `maximum_texts`, and for a text that ingest would quarantine.
        """
        if (self.text is None) == (self.texts is None):
            raise BadInput(what="the request", problem="it needs either `text` or `texts`")
        if self.text is not None:
            return [self.text]
        texts = self.texts or []
        if len(texts) > maximum_texts:
            raise BadInput(what="texts", problem=f"there are {len(texts):,}, and the maximum is {maximum_texts:,}")
        for index, text in enumerate(texts):
            if reason := bad_text(text):
                raise BadInput(what=f"texts.{index}", problem=reason)
        return texts


class PartOut(BaseModel):
    """A span of the masked text and its weight for the predicted label, in log-odds."""

    start: int
    end: int
    text: str
    weight: float


class PredictionOut(BaseModel):
    """The champion's prediction for one text."""

    prediction_id: str = Field(examples=["8228104857600000001-3"])
    text: str = Field(description="the text as stored: people, links, e-mail and phone numbers are masked")
    label: LabelName
    probabilities: dict[LabelName, float]
    explanation: list[PartOut] | None = None


class PredictOut(BaseModel):
    """Predictions of one request, all by one version."""

    model_version: int
    family: str
    latency_ms: float
    predictions: list[PredictionOut]


class FeedbackBody(Body):
    """Either `right`, or the correct label."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"prediction_id": "8228104857600000001-3", "label": "neutral"}]},
    )
    prediction_id: str = Field(max_length=60, pattern=r"^[0-9]{1,19}-[0-9]{1,18}$")
    right: bool = False
    label: LabelName | None = None


class FeedbackOut(BaseModel):
    """The recorded label."""

    prediction_id: str
    label: LabelName
    given_by: str


class ErasureBody(Body):
    """What to forget: tweets by their ids, or every tweet of an author."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"tweet_ids": ["1870000000000000000"]}, {"author": "@somebody"}]},
    )
    tweet_ids: Annotated[list[TweetId], Field(min_length=1, max_length=MOST_TWEETS, fail_fast=True)] | None = None
    author: Annotated[str, Field(min_length=1, max_length=80)] | None = None


class ErasureOut(BaseModel):
    """How far a request to forget is. It names no tweet and no author."""

    request_id: int
    state: Literal["received", "erasing", "models", "done"]
    requested_by: str
    received_at: datetime
    due_at: datetime = Field(description="end of the time in which all but models is erased")
    named: int = Field(description="tweets that it names, whether stored or not")
    erased_at: datetime | None = Field(description="when all but models was erased")
    finished_at: datetime | None = Field(description="when the models were erased as well")


class StoredPredictionOut(BaseModel):
    """A stored prediction, made by the API or by batch scoring."""

    prediction_id: str
    text: str
    label: LabelName
    probabilities: dict[LabelName, float]
    model_version: int
    language: str | None
    airline: str | None
    predicted_at: datetime


class ModelOut(BaseModel):
    """The version that serves."""

    version: int
    family: str
    digest: str
    serving_since: datetime


class HealthOut(BaseModel):
    """Liveness."""

    status: Literal["ok"] = "ok"


class ReadyOut(BaseModel):
    """Readiness, and what is unavailable."""

    ready: bool
    model_version: int | None
    #: degraded but serving: database or registry unavailable, spool filling
    warnings: list[str]
    spool_bytes: int


class ProblemOut(BaseModel):
    """An error (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    request_id: str | None = None
