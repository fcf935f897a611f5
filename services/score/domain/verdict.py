"""From fit and intent to what sales acts on: total, tier, band and qualification."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from schemas.events.scored import Qualification
from schemas.policy import BANDS, BandPromotion, BandRule, MqlRule, Scoring
from services.score.domain.conditions import LeadFacts, Predicate, compile_conditions
from services.score.domain.intent import milliseconds
from services.score.domain.lines import Line
from services.score.domain.state import ScoreState, Standing, newest


class VerdictRules(NamedTuple):
    """What a policy says about bands, tiers and qualification, compiled."""

    scoring: Scoring
    promotions: tuple[tuple[BandPromotion, int], ...]
    """With how long each lifts, in milliseconds."""
    disqualifiers: tuple[tuple[Predicate, Line], ...]
    forget_after: int


class Verdict(NamedTuple):
    """A standing, and what about it points don't explain."""

    standing: Standing
    lines: tuple[Line, ...]


def compile_verdict(scoring: Scoring) -> VerdictRules:
    """Compiles bands, promotions and qualification."""
    return VerdictRules(
        scoring=scoring,
        promotions=tuple((each, milliseconds(each.within)) for each in scoring.promotions),
        disqualifiers=tuple(
            (compile_conditions(each.when, each.unless), _note(each.id, each.reason))
            for each in scoring.qualification.disqualify
        ),
        forget_after=milliseconds(scoring.intent.forget_after),
    )


def judge(rules: VerdictRules, facts: LeadFacts, state: ScoreState, fit: int, intent: int, as_of: int) -> Verdict:
    """The standing of a lead with this fit and intent."""
    scoring = rules.scoring
    weights = scoring.total
    total = (weights.fit * fit + weights.intent * intent + 50) // 100
    band = next((rule.band for rule in scoring.bands if _reaches(rule, total, fit, intent)), scoring.bands[-1].band)
    lines: list[Line] = []
    for promotion in _promotions(rules, state, fit, as_of):
        if BANDS.index(promotion.band) < BANDS.index(band):
            band = promotion.band
            lines.append(_note(promotion.id, promotion.reason))
    qualification, why = _qualify(rules, facts, state, (total, fit, intent), as_of)
    standing = Standing.model_construct(
        fit=fit,
        intent=intent,
        total=total,
        tier=scoring.tiers.tier(fit, intent),
        band=band,
        qualification=qualification,
    )
    return Verdict(standing, (*lines, *why))


def _promotions(rules: VerdictRules, state: ScoreState, fit: int, as_of: int) -> Iterator[BandPromotion]:
    for promotion, within in rules.promotions:
        if fit >= promotion.fit_at_least:
            came = newest(state, promotion.signal)
            if came is not None and as_of - came <= within:
                yield promotion


def _qualify(
    rules: VerdictRules, facts: LeadFacts, state: ScoreState, points: tuple[int, int, int], as_of: int
) -> tuple[Qualification, tuple[Line, ...]]:
    against = tuple(line for holds, line in rules.disqualifiers if holds(facts))
    if against:
        return "disqualified", against
    for rule in rules.scoring.qualification.mql:
        if _reaches(rule, *points) and _came(rule, state, as_of - rules.forget_after):
            return "mql", (_note(rule.id, rule.reason),)
    return "nurture", (_NOT_YET,)


def _reaches(rule: BandRule | MqlRule, total: int, fit: int, intent: int) -> bool:
    return total >= rule.total_at_least and fit >= rule.fit_at_least and intent >= rule.intent_at_least


def _came(rule: MqlRule, state: ScoreState, oldest: int) -> bool:
    if not rule.signal:
        return True
    came = newest(state, rule.signal)
    return came is not None and came >= oldest


def _note(code: str, reason: str) -> Line:
    return Line("qualification", code, 0, reason)


_NOT_YET = _note("not_yet", "Meets no rule for marketing-qualified leads yet")
