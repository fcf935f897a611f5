"""Who owns a lead: teams, reps, territories, pools and the rules that choose among them."""

from __future__ import annotations

from typing import Any, Literal, Self, TypeVar

from pydantic import Field, model_validator

from policy.conditions import LeadConditions, check_employees
from policy.hours import Schedule, WeeklyHours
from policy.scoring import Tier
from policy.types import (
    Count,
    Country,
    DateRange,
    Email,
    Flag,
    Identifier,
    Link,
    Lowered,
    OneOrMore,
    Phone,
    PolicyModel,
    Positive,
    PositiveDuration,
    Sentence,
    TimeZone,
)
from schemas.events.scored import Band, Qualification

Role = Literal["founder", "sdr", "account_executive", "account_manager", "customer_success", "manager"]


class Team(PolicyModel):
    """People who work the same hours unless they say otherwise."""

    id: Identifier
    name: Sentence
    manager: Identifier | None = Field(default=None, description="Rep to whom breaches are escalated.")
    timezone: TimeZone
    working_hours: WeeklyHours
    holidays: tuple[DateRange, ...] = Field(default=(), description="Public holidays; a rep's own come on top.")


class Rep(PolicyModel):
    """A person who can own leads."""

    id: Identifier
    name: Sentence
    email: Email
    team: Identifier
    role: Role
    timezone: TimeZone | None = Field(default=None, description="None: the team's.")
    working_hours: WeeklyHours | None = Field(default=None, description="None: the team's.")
    holidays: tuple[DateRange, ...] = Field(default=(), description="Own days off, on top of the team's.")
    capacity_per_day: Positive = Field(description="New leads a day, in the rep's time zone.")
    territories: tuple[Identifier, ...] = Field(default=(), description="Empty: any territory.")
    skills: tuple[Identifier, ...] = Field(default=(), description="Languages, products… that rules may ask for.")
    phone: Phone | None = Field(default=None, description="E.164, for templates.")
    booking_link: Link | None = Field(default=None, description="For templates.")
    active: Flag = True


class Territory(PolicyModel):
    """Part of the market. All stated conditions hold; a lead is in the first territory that fits.

    One without conditions takes every lead that is left, so it comes last.
    """

    id: Identifier
    name: Sentence
    countries: OneOrMore[Country] = ()
    regions: OneOrMore[Lowered] = Field(default=(), description="States or provinces of those countries.")
    industries: OneOrMore[Identifier] = ()
    employees_at_least: Count | None = None
    employees_at_most: Count | None = None

    @property
    def takes_all(self) -> bool:
        """True when it has no conditions."""
        return not any((self.countries, self.regions, self.industries)) and (
            self.employees_at_least is None and self.employees_at_most is None
        )

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        check_employees(self.employees_at_least, self.employees_at_most)
        return self


class PoolMember(PolicyModel):
    """A rep's share of a pool's turns; `- anna` is short for `- {rep: anna, weight: 1}`."""

    rep: Identifier
    weight: Positive = 1

    @model_validator(mode="before")
    @classmethod
    def _by_name(cls, value: Any) -> Any:
        return {"rep": value} if isinstance(value, str) else value


class Pool(PolicyModel):
    """Reps who take turns, in this order, each as often as their weight.

    Who is inactive or has no capacity left today is passed over, as is who is off work where `only_working`.
    """

    id: Identifier
    members: tuple[PoolMember, ...] = Field(min_length=1)
    only_working: Flag = Field(default=True, description="Prefer reps who are at work when the lead comes in.")
    overflow: Identifier | None = Field(default=None, description="Pool to ask when no member can take the lead.")


class RoutingConditions(LeadConditions):
    """What a routing rule asks of a lead, besides who it is."""

    band: OneOrMore[Band] = ()
    tier: OneOrMore[Tier] = ()
    qualification: OneOrMore[Qualification] = ()
    territory: OneOrMore[Identifier] = ()
    in_territory: bool | None = Field(default=None, strict=True, description="Whether any territory fits.")
    account_has_owner: bool | None = Field(
        default=None,
        strict=True,
        description="Whether another lead of the same company domain has an active owner.",
    )


class RouteTarget(PolicyModel):
    """Where a rule sends a lead: exactly one of these.

    `skills` narrows a pool or team to those who have them all.
    """

    rep: Identifier | None = None
    pool: Identifier | None = None
    team: Identifier | None = Field(
        default=None, description="Turns among the team's active reps who cover the lead's territory."
    )
    account_owner: Flag = Field(default=False, description="Who owns the company's other leads.")
    park: Flag = Field(default=False, description="Nobody: kept, nurtured or not, without an owner.")
    skills: OneOrMore[Identifier] = ()

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        chosen = [name for name in ("rep", "pool", "team", "account_owner", "park") if getattr(self, name)]
        if len(chosen) != 1:
            said = f"not {' and '.join(chosen)}" if chosen else "and names none"
            raise ValueError(f"must name exactly one of rep, pool, team, account_owner, park, {said}")
        if self.skills and not (self.pool or self.team):
            raise ValueError("skills can only narrow a pool or a team")
        return self


class RoutingRule(PolicyModel):
    """The first rule, in order, whose conditions hold and whose target can take the lead decides."""

    id: Identifier
    when: RoutingConditions
    then: RouteTarget
    reason: Sentence


class Recycling(PolicyModel):
    """A lead whose owner leaves it untouched goes back to a pool."""

    untouched_for: PositiveDuration
    pool: Identifier
    at_most: Positive = Field(default=2, description="Times one lead is recycled before it is parked.")


_Named = TypeVar("_Named", Team, Rep, Pool)


class Routing(PolicyModel):
    """Routing, whole."""

    teams: tuple[Team, ...] = Field(min_length=1)
    reps: tuple[Rep, ...] = Field(min_length=1)
    territories: tuple[Territory, ...] = Field(default=(), description="In order: the first that fits is the lead's.")
    pools: tuple[Pool, ...] = Field(min_length=1)
    rules: tuple[RoutingRule, ...] = Field(default=(), description="In order.")
    fallback_pool: Identifier = Field(description="Takes a lead that no rule placed, capacity or not.")
    keep_owner: Flag = Field(default=True, description="A lead that enquires again stays with its owner.")
    recycling: Recycling | None = None

    def team(self, team_id: str) -> Team:
        """Returns the team with this id.

        Raises:
            KeyError: there is none; the policy's own references have been checked.
        """
        return _by_id(self.teams, team_id)

    def rep(self, rep_id: str) -> Rep:
        """Returns the rep with this id, active or not.

        Raises:
            KeyError: there is none, as when an old event names somebody who has left the policy.
        """
        return _by_id(self.reps, rep_id)

    def pool(self, pool_id: str) -> Pool:
        """Returns the pool with this id.

        Raises:
            KeyError: there is none.
        """
        return _by_id(self.pools, pool_id)

    def schedule(self, rep_id: str) -> Schedule:
        """Returns when the rep works: their own hours and time zone where given, else the team's; days off of both.

        Raises:
            KeyError: no such rep.
        """
        rep = self.rep(rep_id)
        team = self.team(rep.team)
        return Schedule(
            timezone=rep.timezone or team.timezone,
            working_hours=rep.working_hours or team.working_hours,
            holidays=team.holidays + rep.holidays,
        )


def _by_id(items: tuple[_Named, ...], wanted: str) -> _Named:
    for item in items:
        if item.id == wanted:
            return item
    raise KeyError(wanted)
