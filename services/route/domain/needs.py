"""What a batch may have to take turns of, seen before its leads' states are known: little is locked for nothing.

It must foresee at least what `choice` asks for: a turn of a pool that was not locked is an error there.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from policy.matching import LeadFacts
from schemas.events import Scored
from services.route.domain.choice import DISQUALIFIED
from services.route.domain.plan import Plan, RepPlan, RulePlan
from services.route.domain.turns import Needs

_QUARTER_HOUR = 900
"""Seconds; everywhere on earth a day begins on a quarter of an hour."""


class Foresight:
    """Gathers the needs of one batch."""

    def __init__(self, plan: Plan) -> None:
        self.needs = Needs()
        self._plan = plan
        self._foreseen: set[tuple[tuple[str, ...], int]] = set()

    def score(self, scored: Scored, at: datetime) -> None:
        """A score may give its lead an owner by any rule that concerns it, or by the fallback pool."""
        plan, profile = self._plan, scored.profile
        facts = plan.facts(scored)
        rules = tuple(_rules_for(plan, facts))
        if not rules and not _falls_back(plan, facts):
            return
        if profile.domain and plan.asks_for_accounts:
            self.needs.domains.add(profile.domain)
        moment = (tuple(rule.id for rule in rules), int(at.timestamp()) // _QUARTER_HOUR)
        if moment not in self._foreseen:
            self._foreseen.add(moment)
            self._add(rules, at)

    def anything(self, at: datetime) -> None:
        """A lead given back, or a timer: what it is about is known only from its state."""
        moment = (("*",), int(at.timestamp()) // _QUARTER_HOUR)
        if moment not in self._foreseen:
            self._foreseen.add(moment)
            self.needs.add(self._plan.all_turns(), (rep.load_at(at) for rep in self._plan.reps.values()))

    def _add(self, rules: tuple[RulePlan, ...], at: datetime) -> None:
        rosters = [*self._plan.fallback, *(roster for rule in rules for roster in rule.rosters)]
        reps: set[RepPlan] = {member.rep for roster in rosters for member in roster.members}
        reps.update(rule.rep for rule in rules if rule.rep is not None)
        if any(rule.account_owner for rule in rules):
            reps.update(self._plan.reps.values())
        self.needs.add((roster.turns for roster in rosters), (rep.load_at(at) for rep in reps))


def _rules_for(plan: Plan, facts: LeadFacts) -> Iterator[RulePlan]:
    """The rules that may place the lead; those after one that parks it for sure can't."""
    for rule in plan.rules:
        if rule.concerns(facts):
            if rule.parks and rule.account_has_owner is None:
                return
            if not rule.parks:
                yield rule


def _falls_back(plan: Plan, facts: LeadFacts) -> bool:
    """Whether the fallback pool may be asked although no rule concerns the lead."""
    if facts.qualification == DISQUALIFIED:
        return False
    return not any(rule.parks and rule.account_has_owner is None and rule.concerns(facts) for rule in plan.rules)
