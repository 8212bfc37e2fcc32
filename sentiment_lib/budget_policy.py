"""What a month may cost."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class BudgetPolicy(BaseModel):
    """Caps of a calendar month (UTC). None: no cap."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    x_reads: int | None = Field(None, ge=1, description="tweets read from X; X is sampled when the forecast is above")
    x_price: float = Field(0.005, ge=0, description="price of one tweet read from X, in US dollars")
    training_hours: float | None = Field(None, gt=0, description="hours of training of registered versions")
    labelling_hours: float | None = Field(None, gt=0, description="hours in which people label")
    label_seconds: float = Field(20.0, gt=0, description="time that a person needs for a label")
