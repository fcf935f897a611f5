"""Why a lead goes where it goes: the same rules and functions that decide, asked to show their work."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from policy import Policy
from policy.matching import LeadFacts
from schemas.events import Deadlines, Scored
from services.route.domain import sla
from services.route.domain.compiled_routing import CompiledRep, CompiledRule, Roster, compile_routing
from services.route.domain.decision_builder import why_disqualified
from services.route.domain.selection import DISQUALIFIED, FALLBACK, Parking, Placement, Selection, choose, place_by
from services.route.domain.state import ScoredSnapshot
from services.route.domain.turns import PoolTurns, Turns


@dataclass(frozen=True, slots=True)
class CandidateStep:
    """Somebody a rule could give the lead to."""

    rep: str
    name: str
    group: str | None
    """The pool or team they are asked in; None when they are named, or own the company."""
    available: bool
    """Whether they can be given it; who is not at work comes after who is."""
    why: str


@dataclass(frozen=True, slots=True)
class RuleStep:
    """What became of one rule."""

    rule: str
    decided: bool
    why: str
    candidates: tuple[CandidateStep, ...] = ()
    """In the order they are asked; empty where the conditions don't hold, or the rule parks."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """A routing decision, step by step."""

    territory: str | None
    rules: tuple[RuleStep, ...]
    """In order, up to the one that decided."""
    fallback: tuple[CandidateStep, ...]
    """Who is in the fallback pool, where no rule decided; empty where one did."""
    decision: Placement | Parking
    deadlines: Deadlines | None
    """None when parked."""

    def lines(self) -> Iterator[str]:
        """Yields the explanation for people to read, a line at a time."""
        yield f"territory: {self.territory or 'none fits'}"
        for step in self.rules:
            yield f"{'✓' if step.decided else '·'} {step.rule}: {step.why}"
            if step.decided:
                yield from _candidate_lines(step.candidates)
        if self.fallback:
            yield "✓ no rule decided; the fallback pool:"
            yield from _candidate_lines(self.fallback)
        yield self.decision.reason
        if self.deadlines is not None:
            kind = "business hours" if self.deadlines.business_hours else "around the clock"
            yield f"owned by {self.deadlines.owned_by:%Y-%m-%d %H:%M %Z} ({kind})"
            yield f"contacted by {self.deadlines.contacted_by:%Y-%m-%d %H:%M %Z}"


def _candidate_lines(candidates: tuple[CandidateStep, ...]) -> Iterator[str]:
    for each in candidates:
        yield f"    {each.name}{f' ({each.group})' if each.group else ''}: {each.why}"


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

    Args:
        policy: the rules.
        scored: the lead.
        at: business time, with a time zone.
        turns: where the pools stand, and what reps have been given that day.
        excluded: reps who gave the lead back.
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
    fallback = tuple(_in_rosters(selection, routing.fallback)) if decision.rule == FALLBACK else ()
    deadlines = None
    if isinstance(decision, Placement):
        clock = sla.start_clock(routing, ScoredSnapshot.of(scored), scored.origin.captured_at, decision.rep)
        deadlines = sla.deadlines_of(clock)
    return Explanation(facts.territory, rules, fallback, decision, deadlines)


def _rule_steps(selection: Selection, facts: LeadFacts) -> Iterator[RuleStep]:
    for rule in selection.routing.rules:
        unmet = _unmet(selection, rule, facts)
        if unmet is not None:
            yield RuleStep(rule.id, decided=False, why=unmet)
            continue
        candidates = tuple(_candidates(selection, rule))
        if rule.parks or place_by(selection, rule) is not None:
            yield RuleStep(rule.id, decided=True, why=rule.reason, candidates=candidates)
            return
        busy = "; ".join(dict.fromkeys(f"{each.name} {each.why}" for each in candidates))
        why = f"nobody can take it: {busy or 'it names nobody with these skills'}"
        yield RuleStep(rule.id, decided=False, why=why, candidates=candidates)


def _unmet(selection: Selection, rule: CompiledRule, facts: LeadFacts) -> str | None:
    """Returns why the rule does not concern the lead; None when it does."""
    if facts.qualification == DISQUALIFIED and not rule.takes_disqualified:
        return "is not for disqualified leads"
    unmet = rule.conditions.why_not(facts)
    if unmet is not None:
        return unmet
    owner = selection.account_owner()
    if rule.account_has_owner not in (None, owner is not None):
        return f"the company's other leads have {'an' if owner else 'no'} active owner"
    return None


def _candidates(selection: Selection, rule: CompiledRule) -> Iterator[CandidateStep]:
    named = selection.account_owner() if rule.account_owner else rule.rep
    if named is not None:
        yield _candidate(selection, named, None)
    yield from _in_rosters(selection, rule.rosters)


def _in_rosters(selection: Selection, rosters: tuple[Roster, ...]) -> Iterator[CandidateStep]:
    for roster in rosters:
        for member in roster.members:
            yield _candidate(selection, member.rep, roster)


def _candidate(selection: Selection, rep: CompiledRep, roster: Roster | None) -> CandidateStep:
    group = roster.label if roster else None
    busy = _why_unavailable(selection, rep, roster)
    if busy is not None:
        return CandidateStep(rep.id, rep.name, group, available=False, why=busy)
    day, _ = rep.calendar.today(selection.at)
    at_work = "at work" if rep.calendar.is_open(selection.at) else "not at work"
    given = f"{selection.turns.load(rep.id, day)} of {rep.capacity} leads that day"
    return CandidateStep(rep.id, rep.name, group, available=True, why=f"is free, {at_work}, {given}")


def _why_unavailable(selection: Selection, rep: CompiledRep, roster: Roster | None) -> str | None:
    """Returns why a rep can't be given the lead; None when they can."""
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
    if roster is not None and roster.by_territory and not rep.covers(selection.territory):
        return f"does not cover territory '{selection.territory}'"
    return None
