"""A policy's routing, compiled: names looked up, schedules made calendars, conditions made functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from policy import BandSla, LeadConditions, Policy, Pool, Recycling, Rep, Routing, RoutingRule, Territory
from policy.compiled import compiled_once
from policy.matching import Conditions, LeadFacts, Predicate, ScoredLead, compile_conditions, facts_of
from schemas.events import Band
from services.route.domain.business_time import Calendar
from services.route.domain.turns import Load

TEAM = "team:"
"""Before a team's id, it names the turns that rules for the whole team take."""


@dataclass(frozen=True, slots=True, eq=False)
class CompiledRep:
    """A rep with what is asked of them for every lead."""

    id: str
    name: str
    email: str
    team: str
    active: bool
    capacity: int
    territories: frozenset[str]
    skills: frozenset[str]
    calendar: Calendar

    def load_at(self, at: datetime) -> Load:
        """Returns under which day a lead given to the rep at `at` counts."""
        return self.id, self.calendar.today(at)[0]

    def covers(self, territory: str | None) -> bool:
        """Returns whether the rep takes leads of the territory; who names none takes all."""
        return not self.territories or territory in self.territories


@dataclass(frozen=True, slots=True)
class Member:
    """A rep's place in a pool."""

    rep: CompiledRep
    weight: int


@dataclass(frozen=True, slots=True)
class Roster:
    """Who may be given turns, in order: a pool or a team, whole or those of some skills."""

    pool: str
    """Name of the turns that are shared by all who ask this pool or team."""
    label: str
    members: tuple[Member, ...]
    only_working: bool
    by_territory: bool = False

    def narrowed(self, skills: frozenset[str]) -> Roster:
        """Returns those who have all the skills, on the same turns."""
        fitting = tuple(member for member in self.members if skills <= member.rep.skills)
        return Roster(self.pool, self.label, fitting, self.only_working, self.by_territory)


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A routing rule, ready to be asked."""

    id: str
    reason: str
    conditions: Conditions
    account_has_owner: bool | None
    takes_disqualified: bool
    parks: bool
    rep: CompiledRep | None
    account_owner: bool
    rosters: tuple[Roster, ...]
    """A pool and where it overflows to, or a team; in the order they are asked."""

    def concerns(self, facts: LeadFacts) -> bool:
        """Returns whether the conditions on the lead itself hold.

        A disqualified lead concerns only rules that name the disqualified, lest a rule for everybody give
        somebody's time to it.
        """
        if facts.qualification == "disqualified" and not self.takes_disqualified:
            return False
        return self.conditions.hold(facts)

    def reps(self) -> Iterator[CompiledRep]:
        """Yields everybody the rule could give a lead to, but for account owners."""
        if self.rep is not None:
            yield self.rep
        for roster in self.rosters:
            for member in roster.members:
                yield member.rep


class CompiledRouting:
    """One policy's routing and service levels."""

    def __init__(self, policy: Policy) -> None:
        routing = policy.routing
        self.policy = policy
        self.reps: Mapping[str, CompiledRep] = {rep.id: _rep(rep, routing) for rep in routing.reps}
        self.managers: Mapping[str, str | None] = {team.id: team.manager for team in routing.teams}
        self._territories = tuple((territory.id, _fits(territory)) for territory in routing.territories)
        pools = {pool.id: pool for pool in routing.pools}
        self.pools: Mapping[str, tuple[Roster, ...]] = {name: self._chain(name, pools) for name in pools}
        self.rules = tuple(self._rule(rule, routing) for rule in routing.rules)
        self.rule_of: Mapping[str, CompiledRule] = {rule.id: rule for rule in self.rules}
        self.fallback = self.pools[routing.fallback_pool]
        self.keep_owner = routing.keep_owner
        self.recycling: Recycling | None = routing.recycling
        self.asks_for_accounts = any(r.account_owner or r.account_has_owner is not None for r in self.rules)
        self.company_calendar = Calendar(policy.sla.business_hours)
        self.reassign_at_most = policy.sla.reassign_at_most
        self._slas: Mapping[str, BandSla] = {sla.band: sla for sla in policy.sla.bands}

    def facts(self, lead: ScoredLead) -> LeadFacts:
        """Returns the lead as the rules see it, in the first territory that fits."""
        facts = facts_of(lead)
        for territory, fits in self._territories:
            if fits(facts):
                return facts.with_score(lead, territory)
        return facts.with_score(lead, None)

    def sla(self, band: Band) -> BandSla:
        """Returns the band's service level; for a band the policy does not know, as in an old event, its slowest."""
        return self._slas.get(band) or self.policy.sla.bands[-1]

    def all_pools(self) -> Iterator[str]:
        """Yields every name under which turns are given."""
        yield from self.pools
        for rule in self.rules:
            yield from (roster.pool for roster in rule.rosters if roster.by_territory)

    def _chain(self, name: str, pools: Mapping[str, Pool]) -> tuple[Roster, ...]:
        """Returns a pool, the one it overflows to, and so on; the policy has been checked for circles."""
        chain: list[Roster] = []
        next_pool: str | None = name
        while next_pool is not None and all(roster.pool != next_pool for roster in chain):
            pool = pools[next_pool]
            members = tuple(Member(self.reps[member.rep], member.weight) for member in pool.members)
            chain.append(Roster(pool.id, f"pool '{pool.id}'", members, pool.only_working))
            next_pool = pool.overflow
        return tuple(chain)

    def _rule(self, rule: RoutingRule, routing: Routing) -> CompiledRule:
        target = rule.then
        rosters: tuple[Roster, ...] = ()
        if target.pool:
            rosters = self.pools[target.pool]
        elif target.team:
            members = tuple(Member(self.reps[rep.id], 1) for rep in routing.reps if rep.team == target.team)
            rosters = (Roster(TEAM + target.team, f"team '{target.team}'", members, True, True),)  # noqa: FBT003  # a record's fields
        if target.skills:
            rosters = tuple(roster.narrowed(frozenset(target.skills)) for roster in rosters)
        return CompiledRule(
            id=rule.id,
            reason=rule.reason,
            conditions=compile_conditions(rule.when),
            account_has_owner=rule.when.account_has_owner,
            takes_disqualified="disqualified" in rule.when.qualification,
            parks=target.park,
            rep=self.reps[target.rep] if target.rep else None,
            account_owner=target.account_owner,
            rosters=rosters,
        )


@compiled_once
def compile_routing(policy: Policy) -> CompiledRouting:
    """Compiles the policy's routing and service levels."""
    return CompiledRouting(policy)


def _fits(territory: Territory) -> Predicate:
    conditions = LeadConditions.model_construct(
        country=territory.countries,
        region=territory.regions,
        industry=territory.industries,
        employees_at_least=territory.employees_at_least,
        employees_at_most=territory.employees_at_most,
    )
    return compile_conditions(conditions).hold


def _rep(rep: Rep, routing: Routing) -> CompiledRep:
    return CompiledRep(
        id=rep.id,
        name=rep.name,
        email=rep.email,
        team=rep.team,
        active=rep.active,
        capacity=rep.capacity_per_day,
        territories=frozenset(rep.territories),
        skills=frozenset(rep.skills),
        calendar=Calendar(routing.schedule(rep.id)),
    )
