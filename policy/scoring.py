"""How promising a lead is: fit, intent, total, band, tier and qualification."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal, Self, get_args

from pydantic import Field, model_validator

from policy.conditions import LeadConditions
from policy.types import (
    Duration,
    Identifier,
    Lowered,
    OneOrMore,
    Points,
    PolicyModel,
    Positive,
    PositiveDuration,
    Score,
    Sentence,
)
from schemas.events.outcomes import OutcomeKind
from schemas.events.scored import Band
from schemas.events.signals import SignalType

BANDS: tuple[Band, ...] = get_args(Band)
"""Hottest first."""

FitGrade = Literal["A", "B", "C", "D"]
IntentGrade = Literal["1", "2", "3", "4"]
Tier = Literal["A1", "A2", "A3", "A4", "B1", "B2", "B3", "B4", "C1", "C2", "C3", "C4", "D1", "D2", "D3", "D4"]
"""Fit grade and intent grade."""


class FitRule(PolicyModel):
    """Points for who the lead is."""

    id: Identifier
    when: LeadConditions
    unless: LeadConditions | None = Field(default=None, description="The rule does not count where these hold.")
    points: Points
    reason: Sentence
    group: Identifier | None = Field(
        default=None, description="Of the rules of one group, only the first that matches counts."
    )


class Fit(PolicyModel):
    """Fit = `base` + the points of all rules that match, held to 0-100."""

    base: Score = 0
    rules: tuple[FitRule, ...]


class SignalWeight(PolicyModel):
    """Points for one thing a lead did.

    A signal of age t is worth points x 0.5^(t / half_life); all of its type together are held to `cap`.
    """

    points: Points
    half_life: PositiveDuration
    cap: Score = Field(default=100, description="Most that this type adds (or, with negative points, takes away).")
    reason: Sentence | None = Field(default=None, description="Shown in the explanation; None: the type's name.")


class UnansweredWeight(SignalWeight):
    """Points for a touch that the lead has left without an answer for the time `after`."""

    after: Duration = Field(default=timedelta(days=2), description="How long a lead may take to answer.")


class SubmissionSignal(PolicyModel):
    """Submissions that count as a signal, at the time they were sent: a demo form is a demo request.

    Without `channel` and `source` it takes every submission.
    """

    channel: OneOrMore[Identifier] = ()
    source: OneOrMore[Lowered] = Field(default=(), description="Form, campaign, list or partner; or `utm_source`.")
    signal: SignalType


class Intent(PolicyModel):
    """Intent = the sum over signal types, held to 0-100. A type that is not listed counts nothing."""

    signals: Mapping[SignalType, SignalWeight]
    submissions: tuple[SubmissionSignal, ...] = Field(
        default=(), description="The first that fits a submission decides; none: it counts nothing."
    )
    unanswered: UnansweredWeight | None = Field(
        default=None,
        description="For each touch sent since the lead last did anything, and some time ago; points below zero make "
        "sense.",
    )
    forget_after: PositiveDuration = Field(description="Signals older than this count nothing.")


class OutcomeAdjustment(PolicyModel):
    """Points for what became of the lead; every adjustment that matches a recorded outcome counts once."""

    id: Identifier
    outcome: OneOrMore[OutcomeKind]
    reason_contains: OneOrMore[Lowered] = Field(default=(), description="Any of these words in the outcome's reason.")
    fit: Points = 0
    intent: Points = 0
    half_life: PositiveDuration | None = Field(default=None, description="None: the adjustment does not fade.")
    reason: Sentence


class TotalWeights(PolicyModel):
    """Total = (fit x fit points + intent x intent points) / 100, in percent; both add up to 100."""

    fit: Score
    intent: Score

    @model_validator(mode="after")
    def _add_up(self) -> Self:
        if self.fit + self.intent != 100:
            raise ValueError(f"fit and intent must add up to 100 percent, not {self.fit + self.intent}")
        return self


class BandRule(PolicyModel):
    """A band that a lead is in when all thresholds are reached; the first that holds is the lead's."""

    band: Band
    total_at_least: Score = 0
    fit_at_least: Score = 0
    intent_at_least: Score = 0


class BandPromotion(PolicyModel):
    """Lifts a lead to at least `band` for a while after a signal, whatever its total."""

    id: Identifier
    signal: OneOrMore[SignalType]
    within: PositiveDuration = Field(description="Age of the signal up to which it lifts.")
    fit_at_least: Score = 0
    band: Band
    reason: Sentence


class FitGrades(PolicyModel):
    """Lowest fit of each grade; below C is D."""

    A: Score
    B: Score
    C: Score

    @model_validator(mode="after")
    def _fall(self) -> Self:
        if not self.A > self.B > self.C:
            raise ValueError("grades must fall: A above B above C")
        return self


class IntentGrades(PolicyModel):
    """Lowest intent of grades 1, 2 and 3, in this order; below is 4."""

    first: Score
    second: Score
    third: Score

    @model_validator(mode="after")
    def _fall(self) -> Self:
        if not self.first > self.second > self.third:
            raise ValueError("grades must fall: first above second above third")
        return self


class Tiers(PolicyModel):
    """A-D by fit and 1-4 by intent: A1 is the right company asking now."""

    fit: FitGrades
    intent: IntentGrades

    def tier(self, fit: int, intent: int) -> str:
        """Returns the tier of a lead with this fit and intent, such as `A2`."""
        f, i = self.fit, self.intent
        letter = "A" if fit >= f.A else "B" if fit >= f.B else "C" if fit >= f.C else "D"
        number = 1 if intent >= i.first else 2 if intent >= i.second else 3 if intent >= i.third else 4
        return f"{letter}{number}"


class MqlRule(PolicyModel):
    """A way to be marketing-qualified: all thresholds reached and, if signals are named, one came."""

    id: Identifier
    total_at_least: Score = 0
    fit_at_least: Score = 0
    intent_at_least: Score = 0
    signal: OneOrMore[SignalType] = ()
    reason: Sentence


class Disqualifier(PolicyModel):
    """Who is not a lead at all: parked without an owner, and sent nothing."""

    id: Identifier
    when: LeadConditions
    unless: LeadConditions | None = None
    reason: Sentence


class QualificationRules(PolicyModel):
    """`disqualified` if a disqualifier holds, else `mql` if any rule holds, else `nurture`."""

    mql: tuple[MqlRule, ...] = Field(min_length=1)
    disqualify: tuple[Disqualifier, ...] = ()


class Recompute(PolicyModel):
    """How often fading intent is computed anew, and how much must change to be worth an event."""

    every: PositiveDuration
    min_change: Positive = Field(description="Points of total; a change of band, tier or qualification always counts.")


class Scoring(PolicyModel):
    """Scoring, whole."""

    fit: Fit
    intent: Intent
    outcomes: tuple[OutcomeAdjustment, ...] = ()
    total: TotalWeights
    bands: tuple[BandRule, ...] = Field(min_length=1, description="Hottest first; the last takes every lead.")
    promotions: tuple[BandPromotion, ...] = ()
    tiers: Tiers
    qualification: QualificationRules
    recompute: Recompute
