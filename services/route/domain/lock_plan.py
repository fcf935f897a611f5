"""What a batch may have to take turns of, seen before its leads' states are known: little is locked for nothing.

It must name at least what `selection` asks for: a turn of a pool that was not locked is an error there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from policy.matching import LeadFacts
from schemas.events import Scored
from services.route.domain.compiled_routing import CompiledRep, CompiledRouting, CompiledRule
from services.route.domain.selection import DISQUALIFIED
from services.route.domain.turns import Load

_QUARTER_HOUR = 900
"""Seconds; everywhere on earth a day begins on a quarter of an hour."""


@dataclass(slots=True)
class LockPlan:
    """What a batch may ask of `Turns`, to be locked and loaded before it decides."""

    pools: set[str] = field(default_factory=set)
    loads: set[Load] = field(default_factory=set)
    domains: set[str] = field(default_factory=set)
    """Web domains of companies whose owner may be asked for."""

    def add(self, pools: Iterable[str], loads: Iterable[Load]) -> None:
        """Widens the plan."""
        self.pools.update(pools)
        self.loads.update(loads)

    def __bool__(self) -> bool:
        return bool(self.pools)


class LockPlanner:
    """Gathers the plan of one batch, input by input; `plan` is what there is so far."""

    def __init__(self, routing: CompiledRouting) -> None:
        self.plan = LockPlan()
        self._routing = routing
        self._planned: set[tuple[tuple[str, ...], int]] = set()
        """Rules, and the quarter of an hour since 1970, that are in the plan; many leads of a batch share them."""

    def add_score(self, scored: Scored, at: datetime) -> None:
        """Adds for a score: it may give its lead an owner by any rule that concerns it, or by the fallback pool."""
        routing, domain = self._routing, scored.profile.domain
        rules, falls_back = _rules_for(routing, routing.facts(scored))
        if not rules and not falls_back:
            return
        if domain and routing.asks_for_accounts:
            self.plan.domains.add(domain)
        moment = (tuple([rule.id for rule in rules]), int(at.timestamp()) // _QUARTER_HOUR)
        if moment not in self._planned:
            self._planned.add(moment)
            self._add_rules(rules, at)

    def add_everything(self, at: datetime) -> None:
        """Adds for a lead given back, or a timer: what it is about is known only from the lead's state."""
        moment = (("*",), int(at.timestamp()) // _QUARTER_HOUR)
        if moment not in self._planned:
            self._planned.add(moment)
            self.plan.add(self._routing.all_pools(), _loads_at(at, self._routing.reps.values()))

    def _add_rules(self, rules: list[CompiledRule], at: datetime) -> None:
        rosters = [*self._routing.fallback, *(roster for rule in rules for roster in rule.rosters)]
        reps: set[CompiledRep] = {member.rep for roster in rosters for member in roster.members}
        reps.update(rule.rep for rule in rules if rule.rep is not None)
        if any(rule.account_owner for rule in rules):
            reps.update(self._routing.reps.values())
        self.plan.add((roster.pool for roster in rosters), _loads_at(at, reps))


def _loads_at(at: datetime, reps: Iterable[CompiledRep]) -> Iterator[Load]:
    return (rep.load_at(at) for rep in reps)


def _rules_for(routing: CompiledRouting, facts: LeadFacts) -> tuple[list[CompiledRule], bool]:
    """Returns the rules that may place the lead, and whether the fallback pool may have to.

    What follows a rule that parks the lead for sure is not reached.
    """
    rules: list[CompiledRule] = []
    for rule in routing.rules:
        if not rule.concerns(facts):
            continue
        if not rule.parks:
            rules.append(rule)
        elif rule.account_has_owner is None:
            return rules, False
    return rules, facts.qualification != DISQUALIFIED
