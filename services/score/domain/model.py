"""Scores a lead by a policy's rules, which are compiled once."""

from __future__ import annotations

from typing import NamedTuple

from policy import Scoring
from policy.compiled import compiled_once
from policy.matching import LeadFacts
from schemas.events import Reason
from services.score.domain.classification import ClassificationRules, classify, compile_classification
from services.score.domain.contributions import Contribution, reasons_of, score_of
from services.score.domain.decay import DecayRules, compile_decay
from services.score.domain.fit import FitRules, compile_fit, fit_contributions
from services.score.domain.intent import IntentRules, compile_intent, intent_contributions
from services.score.domain.outcomes import Adjustment, compile_outcomes, outcome_contributions
from services.score.domain.state import ScoreState, Standing

MODEL = "rules"
"""Names in each event what computed it."""


class ScoringModel(NamedTuple):
    """The scoring section of a policy, compiled."""

    fit: FitRules
    intent: IntentRules
    outcomes: tuple[Adjustment, ...]
    classification: ClassificationRules
    decay: DecayRules


class Score(NamedTuple):
    """A standing at a moment, and the contributions it is the sum of."""

    standing: Standing
    contributions: tuple[Contribution, ...]
    as_of: int
    """Milliseconds since 1970."""

    def reasons(self) -> tuple[Reason, ...]:
        """Returns the reasons, the weightiest first; those of a part add up to it before it is held to 0-100."""
        return reasons_of(self.contributions, self.as_of)


@compiled_once
def compile_scoring(scoring: Scoring) -> ScoringModel:
    """Compiles the rules of a policy."""
    return ScoringModel(
        fit=compile_fit(scoring.fit),
        intent=compile_intent(scoring.intent),
        outcomes=compile_outcomes(scoring.outcomes),
        classification=compile_classification(scoring),
        decay=compile_decay(scoring.recompute),
    )


def evaluate(model: ScoringModel, facts: LeadFacts, state: ScoreState) -> Score:
    """Returns the score of a lead with these facts, at the newest business time known of it."""
    as_of = state.as_of
    fit = list(fit_contributions(model.fit, facts))
    intent = list(intent_contributions(model.intent, state, as_of))
    if state.outcomes:
        for each in outcome_contributions(model.outcomes, state.outcomes, as_of):
            (fit if each.part == "fit" else intent).append(each)
    found = classify(model.classification, facts, state, score_of(fit), score_of(intent))
    return Score(found.standing, (*fit, *intent, *found.contributions), as_of)
