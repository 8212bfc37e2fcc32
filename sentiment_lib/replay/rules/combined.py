"""Several rules: any of them asks."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from sentiment_lib.replay.rules.cost import Forecast, Opportunity, Staleness
from sentiment_lib.replay.rules.detectors import Budgeted, Ddm, PageHinkley
from sentiment_lib.replay.rules.drift import Drift, Evidently, TwoSample
from sentiment_lib.replay.rules.fixed import Always, Calendar, Never, NewLabels, Scheduled
from sentiment_lib.replay.rules.quality import Decline, EstimateFall, MeasuredFall

AnyRule = Annotated[
    Never
    | Always
    | Calendar
    | Scheduled
    | NewLabels
    | Drift
    | Evidently
    | TwoSample
    | EstimateFall
    | MeasuredFall
    | Decline
    | PageHinkley
    | Ddm
    | Budgeted
    | Staleness
    | Opportunity
    | Forecast,
    Field(discriminator="kind"),
]
