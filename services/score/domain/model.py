"""Scores a lead by a policy's rules, which are compiled once."""

from __future__ import annotations

from typing import NamedTuple

from policy import Scoring
from policy.compiled import compiled_once
from policy.matching import facts_of
from schemas.events import Reason
from services.score.domain.decay import DecayRules, compile_decay
from services.score.domain.fit import FitRules, compile_fit, fit_lines
from services.score.domain.intent import IntentRules, compile_intent, intent_lines
from services.score.domain.lines import Line, explain, score_of
from services.score.domain.outcomes import Adjustment, compile_outcomes, outcome_lines
from services.score.domain.state import ScoreState, Snapshot, Standing
from services.score.domain.verdict import VerdictRules, compile_verdict, judge

MODEL = "rules"


class ScoringModel(NamedTuple):
    """The scoring section of a policy, compiled."""

    fit: FitRules
    intent: IntentRules
    outcomes: tuple[Adjustment, ...]
    verdict: VerdictRules
    decay: DecayRules


class Score(NamedTuple):
    """A standing at a moment, and the lines it is the sum of."""

    standing: Standing
    lines: tuple[Line, ...]
    as_of: int
    """Milliseconds since 1970."""

    def explain(self) -> tuple[Reason, ...]:
        """The reasons, the weightiest first; those of fit, and of intent, add up to it before it is held to 0-100."""
        return explain(self.lines, self.as_of)


@compiled_once
def compile_scoring(scoring: Scoring) -> ScoringModel:
    """Compiles the rules of a policy."""
    return ScoringModel(
        fit=compile_fit(scoring.fit),
        intent=compile_intent(scoring.intent),
        outcomes=compile_outcomes(scoring.outcomes),
        verdict=compile_verdict(scoring),
        decay=compile_decay(scoring.recompute),
    )


def evaluate(model: ScoringModel, lead: Snapshot, state: ScoreState) -> Score:
    """The score of `lead` at the newest business time known of it."""
    as_of = state.as_of
    facts = facts_of(lead)
    moved = tuple(outcome_lines(model.outcomes, state.outcomes, as_of)) if state.outcomes else ()
    fit = (*fit_lines(model.fit, facts), *(line for line in moved if line.part == "fit"))
    intent = (*intent_lines(model.intent, state, as_of), *(line for line in moved if line.part == "intent"))
    verdict = judge(model.verdict, facts, state, score_of(fit), score_of(intent))
    return Score(verdict.standing, (*fit, *intent, *verdict.lines), as_of)
