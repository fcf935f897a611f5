"""From fit and intent to what sales acts on: total, tier, band and qualification."""

from __future__ import annotations

from typing import NamedTuple

from policy import BANDS, Scoring
from policy.matching import Facts, Predicate, compile_unless
from schemas.events.scored import Band, Qualification
from services.score.domain.intent import milliseconds
from services.score.domain.lines import Line, fixed_line
from services.score.domain.state import ScoreState, Standing, newest


class Thresholds(NamedTuple):
    """Points that must all be reached."""

    total: int
    fit: int
    intent: int

    def reached(self, total: int, fit: int, intent: int) -> bool:
        """Whether they are."""
        return total >= self.total and fit >= self.fit and intent >= self.intent


class Promotion(NamedTuple):
    """Lifts leads to at least `band` while a signal of these types is younger than `within` milliseconds."""

    signals: tuple[str, ...]
    within: int
    fit: int
    band: Band
    line: Line


class Qualifier(NamedTuple):
    """A way to be marketing-qualified."""

    thresholds: Thresholds
    signals: tuple[str, ...]
    line: Line


class VerdictRules(NamedTuple):
    """What a policy says about total, bands, tiers and qualification, compiled."""

    weights: tuple[int, int]
    """Percent of fit and of intent in the total."""
    tiers: tuple[tuple[str, ...], ...]
    """By fit, then by intent, each 0-100."""
    bands: tuple[tuple[Thresholds, Band], ...]
    promotions: tuple[Promotion, ...]
    disqualifiers: tuple[tuple[Predicate, Line], ...]
    qualifiers: tuple[Qualifier, ...]
    forget_after: int


class Verdict(NamedTuple):
    """A standing, and what about it points don't explain."""

    standing: Standing
    lines: tuple[Line, ...]


def compile_verdict(scoring: Scoring) -> VerdictRules:
    """Compiles total, bands, tiers and qualification."""
    scores = range(101)
    return VerdictRules(
        weights=(scoring.total.fit, scoring.total.intent),
        tiers=tuple(tuple(scoring.tiers.tier(fit, intent) for intent in scores) for fit in scores),
        bands=tuple(
            (Thresholds(each.total_at_least, each.fit_at_least, each.intent_at_least), each.band)
            for each in scoring.bands
        ),
        promotions=tuple(
            Promotion(
                each.signal,
                milliseconds(each.within),
                each.fit_at_least,
                each.band,
                _note(each.id, each.reason),
            )
            for each in scoring.promotions
        ),
        disqualifiers=tuple(
            (compile_unless(each.when, each.unless), _note(each.id, each.reason))
            for each in scoring.qualification.disqualify
        ),
        qualifiers=tuple(
            Qualifier(
                Thresholds(each.total_at_least, each.fit_at_least, each.intent_at_least),
                each.signal,
                _note(each.id, each.reason),
            )
            for each in scoring.qualification.mql
        ),
        forget_after=milliseconds(scoring.intent.forget_after),
    )


def judge(rules: VerdictRules, facts: Facts, state: ScoreState, fit: int, intent: int) -> Verdict:
    """The standing of a lead with this fit and intent, at the newest business time known of it."""
    of_fit, of_intent = rules.weights
    total = (of_fit * fit + of_intent * intent + 50) // 100
    band, lifted = _band(rules, state, total, fit, intent)
    qualification, why = _qualify(rules, facts, state, total, fit, intent)
    standing = Standing(
        fit=fit,
        intent=intent,
        total=total,
        tier=rules.tiers[fit][intent],
        band=band,
        qualification=qualification,
    )
    return Verdict(standing, lifted + why)


def _band(rules: VerdictRules, state: ScoreState, total: int, fit: int, intent: int) -> tuple[Band, tuple[Line, ...]]:
    """The band by points, or a hotter one by promotion, with the reasons of those that lifted it."""
    band = rules.bands[-1][1]
    for thresholds, each in rules.bands:
        if thresholds.reached(total, fit, intent):
            band = each
            break
    lifted: tuple[Line, ...] = ()
    for promotion in rules.promotions:
        hotter = BANDS.index(promotion.band) < BANDS.index(band) and fit >= promotion.fit
        if hotter and _came(state, promotion.signals, promotion.within):
            band, lifted = promotion.band, (*lifted, promotion.line)
    return band, lifted


def _qualify(
    rules: VerdictRules, facts: Facts, state: ScoreState, total: int, fit: int, intent: int
) -> tuple[Qualification, tuple[Line, ...]]:
    against = tuple([line for holds, line in rules.disqualifiers if holds(facts)])
    if against:
        return "disqualified", against
    for qualifier in rules.qualifiers:
        if qualifier.thresholds.reached(total, fit, intent) and (
            not qualifier.signals or _came(state, qualifier.signals, rules.forget_after)
        ):
            return "mql", (qualifier.line,)
    return "nurture", (_NOT_YET,)


def _came(state: ScoreState, signals: tuple[str, ...], within: int) -> bool:
    came = newest(state, signals)
    return came is not None and state.as_of - came <= within


def _note(code: str, reason: str) -> Line:
    return fixed_line("qualification", code, 0, reason)


_NOT_YET = _note("not_yet", "Meets no rule for marketing-qualified leads yet")
