"""`leads.outcomes`: what became of the lead."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal, Self

from pydantic import ConfigDict, Field, model_validator

from schemas.base import Code, Event, Moment, Record, Text

OutcomeKind = Literal[
    "accepted", "contacted", "meeting", "sql", "opportunity", "quote_sent",
    "signed", "paid", "won", "lost", "returned",
]  # fmt: skip


class Outcome(Record):
    """One step of the sale, as the CRM or a rep reports it."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"outcome": {"enum": ["lost", "returned"]}}},
            "then": {"required": ["reason"], "properties": {"reason": {"type": "string", "minLength": 1}}},
        }
    )

    outcome_id: Text = Field(description="The reporter's id for it; a repeat is the same outcome.")
    outcome: OutcomeKind
    occurred_at: Moment
    channel: Code = "api"
    rep: Code | None = None
    reason: Text | None = Field(default=None, description="Required for `lost` and `returned`.")
    value: Decimal | None = Field(default=None, ge=0, description="Deal value in `currency`.")
    currency: Text | None = Field(default=None, description="ISO 4217.")

    @model_validator(mode="after")
    def _reason_for_a_loss(self) -> Self:
        if self.outcome in ("lost", "returned") and not self.reason:
            raise ValueError(f"an outcome of `{self.outcome}` needs a reason")
        return self


class OutcomeRecorded(Event):
    """The sale moved on."""

    type: Literal["leadstream.outcome.recorded.v1"] = "leadstream.outcome.recorded.v1"
    data: Outcome
