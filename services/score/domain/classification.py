"""From fit and intent to what sales acts on: total, tier, band and qualification."""

from __future__ import annotations

from typing import NamedTuple

from policy import BANDS, Scoring
from policy.matching import LeadFacts, Predicate, compile_unless
from schemas.events.scored import Band, Qualification
from services.score.domain.contributions import Contribution, fixed_contribution
from services.score.domain.milliseconds import duration_ms
from services.score.domain.state import ScoreState, Standing, newest


class Thresholds(NamedTuple):
    """Points, 0-100, that must all be reached."""

    total: int
    fit: int
    intent: int

    def reached(self, total: int, fit: int, intent: int) -> bool:
        """Returns whether they are."""
        return total >= self.total and fit >= self.fit and intent >= self.intent


class Promotion(NamedTuple):
    """Lifts leads to at least `band` while a signal of these types is younger than `within` milliseconds."""

    signals: tuple[str, ...]
    within: int
    fit: int
    band: Band
    contribution: Contribution


class Qualifier(NamedTuple):
    """A way to be marketing-qualified."""

    thresholds: Thresholds
    signals: tuple[str, ...]
    contribution: Contribution


class ClassificationRules(NamedTuple):
    """The sections of a policy on total, bands, tiers and qualification, compiled."""

    weights: tuple[int, int]
    """Percent of fit and of intent in the total."""
    tiers: tuple[tuple[str, ...], ...]
    """By fit, then by intent, each 0-100."""
    bands: tuple[tuple[Thresholds, Band], ...]
    promotions: tuple[Promotion, ...]
    disqualifiers: tuple[tuple[Predicate, Contribution], ...]
    qualifiers: tuple[Qualifier, ...]
    forget_after: int
    """Milliseconds after which a signal counts for nothing."""


class Classification(NamedTuple):
    """A standing, and what about it points don't explain."""

    standing: Standing
    contributions: tuple[Contribution, ...]


def compile_classification(scoring: Scoring) -> ClassificationRules:
    """Compiles total, bands, tiers and qualification."""
    scores = range(101)
    return ClassificationRules(
        weights=(scoring.total.fit, scoring.total.intent),
        tiers=tuple(tuple(scoring.tiers.tier(fit, intent) for intent in scores) for fit in scores),
        bands=tuple(
            (Thresholds(each.total_at_least, each.fit_at_least, each.intent_at_least), each.band)
            for each in scoring.bands
        ),
        promotions=tuple(
            Promotion(
                each.signal,
                duration_ms(each.within),
                each.fit_at_least,
                each.band,
                _remark(each.id, each.reason),
            )
            for each in scoring.promotions
        ),
        disqualifiers=tuple(
            (compile_unless(each.when, each.unless), _remark(each.id, each.reason))
            for each in scoring.qualification.disqualify
        ),
        qualifiers=tuple(
            Qualifier(
                Thresholds(each.total_at_least, each.fit_at_least, each.intent_at_least),
                each.signal,
                _remark(each.id, each.reason),
            )
            for each in scoring.qualification.mql
        ),
        forget_after=duration_ms(scoring.intent.forget_after),
    )


def classify(rules: ClassificationRules, facts: LeadFacts, state: ScoreState, fit: int, intent: int) -> Classification:
    """Returns the standing of a lead with this fit and intent (0-100), at the newest business time known of it."""
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
    return Classification(standing, lifted + why)


def _band(
    rules: ClassificationRules, state: ScoreState, total: int, fit: int, intent: int
) -> tuple[Band, tuple[Contribution, ...]]:
    """Returns the band by points, or a hotter one by promotion, with the reasons of those that lifted it."""
    band = rules.bands[-1][1]
    for thresholds, each in rules.bands:
        if thresholds.reached(total, fit, intent):
            band = each
            break
    lifted: tuple[Contribution, ...] = ()
    for promotion in rules.promotions:
        hotter = BANDS.index(promotion.band) < BANDS.index(band) and fit >= promotion.fit
        if hotter and _happened_within(state, promotion.signals, promotion.within):
            band, lifted = promotion.band, (*lifted, promotion.contribution)
    return band, lifted


def _qualify(
    rules: ClassificationRules, facts: LeadFacts, state: ScoreState, total: int, fit: int, intent: int
) -> tuple[Qualification, tuple[Contribution, ...]]:
    against = tuple([reason for holds, reason in rules.disqualifiers if holds(facts)])
    if against:
        return "disqualified", against
    for qualifier in rules.qualifiers:
        if qualifier.thresholds.reached(total, fit, intent) and (
            not qualifier.signals or _happened_within(state, qualifier.signals, rules.forget_after)
        ):
            return "mql", (qualifier.contribution,)
    return "nurture", (_NOT_YET,)


def _happened_within(state: ScoreState, signals: tuple[str, ...], within: int) -> bool:
    happened = newest(state, signals)
    return happened is not None and state.as_of - happened <= within


def _remark(code: str, reason: str) -> Contribution:
    return fixed_contribution("qualification", code, 0, reason)


_NOT_YET = _remark("not_yet", "Meets no rule for marketing-qualified leads yet")
