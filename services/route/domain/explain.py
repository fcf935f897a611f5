"""Why a lead goes where it goes: the same rules and functions that decide, asked to show their work."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from policy import Policy
from policy.matching import LeadFacts
from schemas.events import Deadlines, Scored
from services.route.domain import sla
from services.route.domain.compiled_routing import CompiledRep, CompiledRule, compile_routing
from services.route.domain.decision_builder import why_disqualified
from services.route.domain.selection import DISQUALIFIED, Parking, Placement, Selection, choose, place_by
from services.route.domain.state import ScoredSnapshot
from services.route.domain.turns import PoolTurns, Turns


@dataclass(frozen=True, slots=True)
class RuleStep:
    """What became of one rule."""

    rule: str
    decided: bool
    why: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """A routing decision, step by step."""

    territory: str | None
    rules: tuple[RuleStep, ...]
    """In order, up to the one that decided."""
    decision: Placement | Parking
    deadlines: Deadlines | None
    """None when parked."""

    def lines(self) -> Iterator[str]:
        """For people to read."""
        yield f"territory: {self.territory or 'none fits'}"
        for line in self.rules:
            yield f"{'✓' if line.decided else '·'} {line.rule}: {line.why}"
        yield self.decision.reason
        if self.deadlines is not None:
            kind = "business hours" if self.deadlines.business_hours else "around the clock"
            yield f"owned by {self.deadlines.owned_by:%Y-%m-%d %H:%M %Z} ({kind})"
            yield f"contacted by {self.deadlines.contacted_by:%Y-%m-%d %H:%M %Z}"


def explain(
    policy: Policy,
    scored: Scored,
    at: datetime,
    *,
    turns: Turns | None = None,
    excluded: frozenset[str] = frozenset(),
) -> Explanation:
    """Returns what routing would decide about the lead at `at`, were it new.

    Without `turns`, every pool stands at the start of its round and nobody has been given a lead that day. Nothing
    is changed: the turns that it takes to find out are given back.
    """
    routing, at = compile_routing(policy), at.astimezone(UTC)
    turns = turns or Turns({name: PoolTurns() for name in routing.all_pools()})
    facts = routing.facts(scored)
    selection = Selection(routing, turns, at, facts.territory, excluded, scored.profile.domain)
    turns.begin()
    try:
        rules = tuple(_rule_steps(selection, facts))
        turns.undo()
        decision = choose(selection, facts, why_disqualified(scored))
    finally:
        turns.undo()
    lead = ScoredSnapshot.of(scored)
    deadlines = None
    if isinstance(decision, Placement):
        deadlines = sla.deadlines_of(sla.start_clock(routing, lead, scored.origin.captured_at, decision.rep))
    return Explanation(facts.territory, rules, decision, deadlines)


def _rule_steps(selection: Selection, facts: LeadFacts) -> Iterator[RuleStep]:
    for rule in selection.routing.rules:
        refusal = _why_not(selection, rule, facts)
        yield RuleStep(rule.id, refusal is None, refusal or rule.reason)
        if refusal is None:
            return


def _why_not(selection: Selection, rule: CompiledRule, facts: LeadFacts) -> str | None:
    """Returns why the rule does not decide; None when it does."""
    if facts.qualification == DISQUALIFIED and not rule.takes_disqualified:
        return "is not for disqualified leads"
    unmet = rule.conditions.why_not(facts)
    if unmet is not None:
        return unmet
    owner = selection.account_owner()
    if rule.account_has_owner not in (None, owner is not None):
        return f"the company's other leads have {'an' if owner else 'no'} active owner"
    if rule.parks or place_by(selection, rule) is not None:
        return None
    return f"nobody can take it: {'; '.join(_standings(selection, rule)) or 'it names nobody with these skills'}"


def _standings(selection: Selection, rule: CompiledRule) -> Iterator[str]:
    owner = selection.account_owner() if rule.account_owner else None
    for rep in dict.fromkeys((*rule.reps(), *([owner] if owner else []))):
        yield f"{rep.name} {_standing(selection, rep)}"


def _standing(selection: Selection, rep: CompiledRep) -> str:
    """Returns why a rep can't be given the lead."""
    if not rep.active:
        return "is not active"
    if rep.id in selection.excluded:
        return "gave it back"
    day, is_off = rep.calendar.today(selection.at)
    if is_off:
        return "is away"
    given = selection.turns.load(rep.id, day)
    if given >= rep.capacity:
        return f"is full ({given} of {rep.capacity})"
    return f"does not cover territory '{selection.territory}'"
