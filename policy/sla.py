"""How fast a lead is owned and contacted, and what happens when it is not."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from policy.hours import Schedule
from policy.types import Count, Duration, Identifier, PolicyModel, PositiveDuration
from schemas.events.assigned import SlaKind
from schemas.events.scored import Band

EscalationAction = Literal["remind_owner", "notify_manager", "reassign"]


class Escalation(PolicyModel):
    """What to do once a deadline has passed."""

    on: SlaKind = Field(description="The clock that ran out.")
    after: Duration = Field(description="Time since the deadline, counted as that deadline was; 0m is at once.")
    action: EscalationAction
    pool: Identifier | None = Field(default=None, description="For `reassign`; None: route again without the owner.")

    @model_validator(mode="after")
    def _pool_to_reassign(self) -> Self:
        if self.pool and self.action != "reassign":
            raise ValueError("pool only makes sense where action is reassign")
        return self


class BandSla(PolicyModel):
    """Deadlines of one band, counted from the moment the lead was captured.

    With `outside: wait_for_hours` the clock only runs in business hours. With `clock_runs` a lead that comes
    in outside them has the `outside_*` limits instead, counted around the clock.
    """

    band: Band
    owned_within: PositiveDuration
    contacted_within: PositiveDuration = Field(description="Until the first touch by a person.")
    outside: Literal["wait_for_hours", "clock_runs"]
    outside_owned_within: PositiveDuration | None = None
    outside_contacted_within: PositiveDuration | None = None
    escalations: tuple[Escalation, ...] = ()

    @model_validator(mode="after")
    def _limits_fit_the_clock(self) -> Self:
        limits = (self.outside_owned_within, self.outside_contacted_within)
        if self.outside == "clock_runs" and None in limits:
            raise ValueError("outside: clock_runs needs outside_owned_within and outside_contacted_within")
        if self.outside == "wait_for_hours" and limits != (None, None):
            raise ValueError("outside_owned_within and outside_contacted_within need outside: clock_runs")
        return self

    @model_validator(mode="after")
    def _owned_first(self) -> Self:
        if self.contacted_within < self.owned_within:
            raise ValueError("contacted_within is shorter than owned_within; nobody could contact the lead")
        outside_owned, outside_contacted = self.outside_owned_within, self.outside_contacted_within
        if outside_owned and outside_contacted and outside_contacted < outside_owned:
            raise ValueError("outside_contacted_within is shorter than outside_owned_within")
        return self


class Sla(PolicyModel):
    """Service levels, whole. Business hours are the owner's; before there is one, `business_hours`."""

    business_hours: Schedule
    bands: tuple[BandSla, ...] = Field(min_length=1, description="One for each band of the scoring section.")
    reassign_at_most: Count = Field(default=2, description="Times one lead changes owner because of a breach.")

    def band(self, band: Band) -> BandSla:
        """Returns the service level of a band.

        Raises:
            KeyError: the policy has none; a checked policy has one for each of its bands.
        """
        for sla in self.bands:
            if sla.band == band:
                return sla
        raise KeyError(band)
