"""Who a lead goes to: rules in order, then the fallback pool; and why, in a sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from policy.matching import LeadFacts
from schemas.events import RoundRobinTurn
from services.route.domain.plan import Plan, RepPlan, Roster, RulePlan
from services.route.domain.turns import Candidate, Turns

FALLBACK = "fallback"
"""Stands for the rule where none decided."""
DISQUALIFIED = "disqualified"
NAMED = 8
"""How many reps a sentence lists; the event has them all."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Somebody the lead goes to."""

    rep: RepPlan
    rule: str
    territory: str | None
    turn: RoundRobinTurn | None
    reason: str


@dataclass(frozen=True, slots=True)
class Parking:
    """Nobody gets the lead for now."""

    rule: str
    reason: str


NOBODY = Parking("nobody", "No active rep could be given it → parked; add one to the fallback pool")


@dataclass(slots=True)
class Asking:
    """One lead looking for an owner, at one moment."""

    plan: Plan
    turns: Turns
    at: datetime
    territory: str | None
    excluded: frozenset[str] = frozenset()
    domain: str | None = None
    known: dict[str, bool] = field(default_factory=dict)
    """Who has been found free or not; several rules may ask for the same rep."""

    def is_free(self, rep: RepPlan) -> bool:
        """Whether the rep can be given a lead: active, not away today, not full today, and not ruled out."""
        known = self.known.get(rep.id)
        if known is None:
            known = self.known[rep.id] = self._is_free(rep)
        return known

    def _is_free(self, rep: RepPlan) -> bool:
        if not rep.active or rep.id in self.excluded:
            return False
        day, is_off = rep.calendar.today(self.at)
        return not is_off and self.turns.load(rep.id, day) < rep.capacity

    def account_owner(self) -> RepPlan | None:
        """Who owns the company's other leads and is still there."""
        owner = self.turns.account_owner(self.domain) if self.domain else None
        rep = self.plan.reps.get(owner) if owner else None
        return rep if rep and rep.active else None


def choose(asking: Asking, facts: LeadFacts, disqualified_because: str = "") -> Placement | Parking:
    """Asks the rules in order, then the fallback pool. Who gave the lead back is asked again before nobody gets it."""
    chosen = _first_that_can(asking, facts, disqualified_because)
    if chosen is None and asking.excluded:
        asking = replace(asking, excluded=frozenset(), known={})
        chosen = _first_that_can(asking, facts, disqualified_because)
    return chosen or NOBODY


def _first_that_can(asking: Asking, facts: LeadFacts, disqualified_because: str) -> Placement | Parking | None:
    """None only when everybody is ruled out or inactive."""
    has_owner = asking.plan.asks_for_accounts and asking.account_owner() is not None
    for rule in asking.plan.rules:
        if rule.account_has_owner not in (None, has_owner) or not rule.concerns(facts):
            continue
        if rule.parks:
            return Parking(rule.id, f"{rule.reason} → parked")
        placed = place_by(asking, rule)
        if placed is not None:
            return placed
    if facts.qualification == DISQUALIFIED:
        return Parking(DISQUALIFIED, f"Disqualified: {disqualified_because or 'no reason given'} → parked")
    return place_by_fallback(asking, "No rule placed it")


def place_by(asking: Asking, rule: RulePlan) -> Placement | None:
    """Who the rule's target gives the lead to; None when the target can't take it."""
    if rule.rep is not None:
        return _directly(asking, rule, rule.rep, "named by the rule")
    if rule.account_owner:
        owner = asking.account_owner()
        return _directly(asking, rule, owner, "the company's owner") if owner else None
    return place_in(asking, rule.rosters, rule.id, rule.reason)


def _directly(asking: Asking, rule: RulePlan, rep: RepPlan, how: str) -> Placement | None:
    if not asking.is_free(rep):
        return None
    reason = f"{rule.reason}{_in_territory(asking)} → {rep.name}, {how}"
    return Placement(rep, rule.id, asking.territory, None, reason)


def place_in(asking: Asking, rosters: tuple[Roster, ...], rule: str, reason: str) -> Placement | None:
    """A turn of the first of the rosters that has somebody at work; else of the first that has anybody free."""
    resting: tuple[Roster, list[Candidate]] | None = None
    for roster in rosters:
        free = list(_candidates(asking, roster, asking.is_free))
        working = [each for each in free if _at_work(asking, roster, each)]
        if working:
            return _turn(asking, roster, working, rule, reason)
        if free and resting is None:
            resting = (roster, free)
    if resting is None:
        return None
    return _turn(asking, *resting, rule, reason, "nobody at work, ")


def place_by_fallback(asking: Asking, reason: str) -> Placement | None:
    """A turn of the fallback pool: of who is free if anybody is, else of all its active reps, full or away."""
    rosters = asking.plan.fallback
    placed = place_in(asking, rosters, FALLBACK, f"{reason}: fallback")
    if placed is not None:
        return placed
    active = list(_candidates(asking, rosters[0], lambda rep: rep.active and rep.id not in asking.excluded))
    if not active:
        return None
    return _turn(asking, rosters[0], active, FALLBACK, f"{reason}: fallback", "all full or away, ")


def _candidates(asking: Asking, roster: Roster, can: Callable[[RepPlan], bool]) -> Iterator[Candidate]:
    for member in roster.members:
        rep = member.rep
        if can(rep) and (not roster.by_territory or rep.covers(asking.territory)):
            yield Candidate(rep.id, member.weight)


def _at_work(asking: Asking, roster: Roster, candidate: Candidate) -> bool:
    return not roster.only_working or asking.plan.reps[candidate.rep].calendar.is_open(asking.at)


def _turn(
    asking: Asking, roster: Roster, candidates: list[Candidate], rule: str, reason: str, remark: str = ""
) -> Placement:
    turn = asking.turns.take(roster.turns, candidates)
    rep = asking.plan.reps[turn.rep]
    reps = tuple(candidate.rep for candidate in candidates)
    more = f" and {len(reps) - NAMED} more" if len(reps) > NAMED else ""
    sentence = (
        f"{reason}{_in_territory(asking)} → {roster.label}, turn {turn.ordinal + 1}, "
        f"{remark}available: {', '.join(reps[:NAMED])}{more} → {rep.name}"
    )
    recorded = RoundRobinTurn(pool=roster.turns, ordinal=turn.ordinal, available=reps)
    return Placement(rep, rule, asking.territory, recorded, sentence)


def _in_territory(asking: Asking) -> str:
    return f" → territory '{asking.territory}'" if asking.territory else ""
