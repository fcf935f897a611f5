"""`leads.outcomes`: what became of the lead."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta

from schemas.base import Code, Event, Moment, Record, Text

OutcomeKind = Literal[
    "accepted", "contacted", "meeting", "sql", "opportunity", "quote_sent",
    "signed", "paid", "won", "lost", "returned",
]  # fmt: skip


NEEDS_REASON: frozenset[OutcomeKind] = frozenset(("lost", "returned"))


class Outcome(Record, frozen=True, kw_only=True):
    """One step of the sale, as the CRM or a rep reports it."""

    outcome_id: Annotated[Text, Meta(description="The reporter's id for it; a repeat is the same outcome.")]
    outcome: OutcomeKind
    occurred_at: Moment
    channel: Code = "api"
    rep: Code | None = None
    reason: Annotated[Text | None, Meta(description="Required for `lost` and `returned`.")] = None
    value: Annotated[Decimal | None, Meta(description="Deal value in `currency`.")] = None
    currency: Annotated[Text | None, Meta(description="ISO 4217.")] = None

    def __post_init__(self) -> None:
        """Checks what concerns more than one field, or what a decoder can't.

        Raises:
            ValueError: a loss without a reason, or a negative value.
        """
        if self.outcome in NEEDS_REASON and not self.reason:
            raise ValueError(f"an outcome of `{self.outcome}` needs a reason")
        if self.value is not None and not self.value >= 0:
            raise ValueError("a value can't be negative")


class OutcomeRecorded(Event, frozen=True, kw_only=True):
    """The sale moved on."""

    type: Literal["leadstream.outcome.recorded.v1"] = "leadstream.outcome.recorded.v1"
    data: Outcome
