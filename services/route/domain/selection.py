"""Who a lead goes to: rules in order, then the fallback pool; and why, in a sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from policy.matching import LeadFacts
from schemas.events import RoundRobinTurn
from services.route.domain.compiled_routing import CompiledRep, CompiledRouting, CompiledRule, Roster
from services.route.domain.turns import Candidate, Turns

FALLBACK = "fallback"
"""Stands for the rule where none decided."""
DISQUALIFIED = "disqualified"
NAMED = 8
"""How many reps a sentence lists; the event has them all."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Somebody the lead goes to."""

    rep: CompiledRep
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
class Selection:
    """One lead looking for an owner, at one moment."""

    routing: CompiledRouting
    turns: Turns
    at: datetime
    territory: str | None
    excluded: frozenset[str] = frozenset()
    domain: str | None = None
    known: dict[str, bool] = field(default_factory=dict)
    """Who has been found free or not; several rules may ask for the same rep."""

    def is_free(self, rep: CompiledRep) -> bool:
        """Returns whether the rep can be given a lead: active, not away today, not full today, and not ruled out."""
        known = self.known.get(rep.id)
        if known is None:
            known = self.known[rep.id] = self._is_free(rep)
        return known

    def _is_free(self, rep: CompiledRep) -> bool:
        if not rep.active or rep.id in self.excluded:
            return False
        day, is_off = rep.calendar.today(self.at)
        return not is_off and self.turns.load(rep.id, day) < rep.capacity

    def account_owner(self) -> CompiledRep | None:
        """Returns who owns the company's other leads and is still there."""
        owner = self.turns.account_owner(self.domain) if self.domain else None
        rep = self.routing.reps.get(owner) if owner else None
        return rep if rep and rep.active else None


def choose(selection: Selection, facts: LeadFacts, disqualified_because: str = "") -> Placement | Parking:
    """Asks the rules in order, then the fallback pool. Who gave the lead back is asked again before nobody gets it."""
    chosen = _first_that_can(selection, facts, disqualified_because)
    if chosen is None and selection.excluded:
        selection = replace(selection, excluded=frozenset(), known={})
        chosen = _first_that_can(selection, facts, disqualified_because)
    return chosen or NOBODY


def _first_that_can(selection: Selection, facts: LeadFacts, disqualified_because: str) -> Placement | Parking | None:
    """None only when everybody is ruled out or inactive."""
    has_owner = selection.routing.asks_for_accounts and selection.account_owner() is not None
    for rule in selection.routing.rules:
        if rule.account_has_owner not in (None, has_owner) or not rule.concerns(facts):
            continue
        if rule.parks:
            return Parking(rule.id, f"{rule.reason} → parked")
        placed = place_by(selection, rule)
        if placed is not None:
            return placed
    if facts.qualification == DISQUALIFIED:
        return Parking(DISQUALIFIED, f"Disqualified: {disqualified_because or 'no reason given'} → parked")
    return place_by_fallback(selection, "No rule placed it")


def place_by(selection: Selection, rule: CompiledRule) -> Placement | None:
    """Returns who the rule's target gives the lead to; None when the target can't take it."""
    if rule.rep is not None:
        return _directly(selection, rule, rule.rep, "named by the rule")
    if rule.account_owner:
        owner = selection.account_owner()
        return _directly(selection, rule, owner, "the company's owner") if owner else None
    return place_in(selection, rule.rosters, rule.id, rule.reason)


def _directly(selection: Selection, rule: CompiledRule, rep: CompiledRep, how: str) -> Placement | None:
    if not selection.is_free(rep):
        return None
    reason = f"{rule.reason}{_in_territory(selection)} → {rep.name}, {how}"
    return Placement(rep, rule.id, selection.territory, None, reason)


def place_in(selection: Selection, rosters: tuple[Roster, ...], rule: str, reason: str) -> Placement | None:
    """Returns a turn of the first of the rosters that has somebody at work; else of the first that has anybody free."""
    resting_roster: tuple[Roster, list[Candidate]] | None = None
    for roster in rosters:
        free = list(_candidates(selection, roster, selection.is_free))
        working = [each for each in free if _at_work(selection, roster, each)]
        if working:
            return _turn(selection, roster, working, rule, reason)
        if free and resting_roster is None:
            resting_roster = (roster, free)
    if resting_roster is None:
        return None
    return _turn(selection, *resting_roster, rule, reason, "nobody at work, ")


def place_by_fallback(selection: Selection, reason: str) -> Placement | None:
    """Returns a turn of the fallback pool: of who is free if anybody is, else of all its active reps, full or away."""
    rosters = selection.routing.fallback
    placed = place_in(selection, rosters, FALLBACK, f"{reason}: fallback")
    if placed is not None:
        return placed
    active = list(_candidates(selection, rosters[0], lambda rep: rep.active and rep.id not in selection.excluded))
    if not active:
        return None
    return _turn(selection, rosters[0], active, FALLBACK, f"{reason}: fallback", "all full or away, ")


def _candidates(selection: Selection, roster: Roster, can: Callable[[CompiledRep], bool]) -> Iterator[Candidate]:
    for member in roster.members:
        rep = member.rep
        if can(rep) and (not roster.by_territory or rep.covers(selection.territory)):
            yield Candidate(rep.id, member.weight)


def _at_work(selection: Selection, roster: Roster, candidate: Candidate) -> bool:
    return not roster.only_working or selection.routing.reps[candidate.rep].calendar.is_open(selection.at)


def _turn(
    selection: Selection, roster: Roster, candidates: list[Candidate], rule: str, reason: str, remark: str = ""
) -> Placement:
    turn = selection.turns.take(roster.pool, candidates)
    rep = selection.routing.reps[turn.rep]
    reps = tuple(candidate.rep for candidate in candidates)
    more = f" and {len(reps) - NAMED} more" if len(reps) > NAMED else ""
    sentence = (
        f"{reason}{_in_territory(selection)} → {roster.label}, turn {turn.ordinal + 1}, "
        f"{remark}available: {', '.join(reps[:NAMED])}{more} → {rep.name}"
    )
    recorded = RoundRobinTurn(pool=roster.pool, ordinal=turn.ordinal, available=reps)
    return Placement(rep, rule, selection.territory, recorded, sentence)


def _in_territory(selection: Selection) -> str:
    return f" → territory '{selection.territory}'" if selection.territory else ""
