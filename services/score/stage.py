"""The score service: folds what is known of a lead, and says how promising it is whenever that changes."""

from __future__ import annotations

from typing import NamedTuple

from policy.contact import happened_at
from policy.matching import LeadFacts, facts_of
from runtime.stage import CancelTimer, Context, Decision, Input, SetTimer, Stage, TimerDue
from schemas.events import (
    TOUCH_NOT_MADE,
    LeadEnriched,
    LeadScored,
    OutcomeRecorded,
    Scored,
    SignalRecorded,
    TouchRecorded,
)
from schemas.topics import ENRICHED, OUTCOMES, SCORED, SIGNALS, TOUCHED
from services.score.domain import state as fold
from services.score.domain.decay import next_due, should_emit
from services.score.domain.intent import signal_of
from services.score.domain.milliseconds import datetime_of, timestamp_ms
from services.score.domain.model import MODEL, Score, ScoringModel, compile_scoring, evaluate
from services.score.domain.state import EnrichedSnapshot, ScoreState

DECAY = "decay"
_NEW = ScoreState()


class Folded(NamedTuple):
    """The state after an input, what the input was, and whether a new score is due in any case."""

    state: ScoreState
    trigger: str
    lead_changed: bool = False
    facts: LeadFacts | None = None
    """Of the lead, where the input told them anew."""


class ScoreStage(Stage[ScoreState]):
    """Enriched leads, signals, touches and outcomes in; scores out."""

    name = "score"
    inputs = (ENRICHED, SIGNALS, TOUCHED, OUTCOMES)
    outputs = (SCORED,)
    state_type = ScoreState
    ignores = TOUCH_NOT_MADE

    def decide(self, item: Input, state: ScoreState | None, ctx: Context) -> Decision[ScoreState]:
        """Folds the input; once the lead is enriched, scores it as of the newest business time known."""
        model = compile_scoring(ctx.policy.scoring)
        folded = _fold(item, state or _NEW, model)
        if isinstance(folded, str):
            return Decision(state, dropped=folded)
        after = folded.state
        if after.lead is None:
            return Decision(after)
        score = evaluate(model, folded.facts or facts_of(after.lead), after)
        emits = _emits(folded, score, model)
        events = (_scored(after.lead, score, folded.trigger, ctx),) if emits else ()
        timers, due = _timers(after, score, model, ctx)
        if emits or due != after.timer:
            after = after.changed(last_emitted=score.standing if emits else after.last_emitted, timer=due)
        return Decision(after, events, timers)


def _fold(item: Input, state: ScoreState, model: ScoringModel) -> Folded | str:
    """Returns the state with the input in it, or the reason why it changes nothing."""
    match item:
        case LeadEnriched():
            return _fold_enriched(item, state, model)
        case SignalRecorded(data=signal):
            trigger, after = "signal", fold.fold_signal(state, signal, timestamp_ms(happened_at(item)))
        case OutcomeRecorded(data=outcome):
            trigger, after = "outcome", fold.fold_outcome(state, outcome, timestamp_ms(happened_at(item)))
        case TouchRecorded(data=touch):
            if item.status != "sent":
                return "touch_not_sent"
            trigger, after = "touch", fold.fold_touch(state, touch.touch_id, timestamp_ms(happened_at(item)))
        case TimerDue(name="decay") if state.lead is not None:
            trigger, after = DECAY, fold.fold_time(state, timestamp_ms(item.due))
        case _:
            return "nothing_to_score"
    return f"{trigger}_known_or_too_old" if after is state else Folded(after, trigger)


def _fold_enriched(event: LeadEnriched, state: ScoreState, model: ScoringModel) -> Folded:
    data = event.data
    facts = facts_of(data)
    counts_as = signal_of(model.intent, facts)
    # Nothing happens after it was recorded, see `happened_at`.
    submitted = timestamp_ms(min(data.origin.submitted_at, event.time))
    after = fold.fold_enriched(state, data, submitted, counts_as)
    return Folded(after, "enriched", lead_changed=after.lead != state.lead, facts=facts)


def _emits(folded: Folded, score: Score, model: ScoringModel) -> bool:
    """Returns whether downstream must hear of the score: it differs, or its event would carry another lead."""
    last_emitted = folded.state.last_emitted
    if folded.trigger == DECAY and last_emitted is not None:
        return should_emit(model.decay, last_emitted, score.standing)
    return folded.lead_changed or score.standing != last_emitted


def _timers(
    state: ScoreState, score: Score, model: ScoringModel, ctx: Context
) -> tuple[tuple[SetTimer | CancelTimer, ...], int]:
    """Returns the timer to be set or cancelled, and when the lead's timer is due after that, in milliseconds since
    1970 (0: it has none). Only live leads have one.
    """
    if ctx.cause.mode != "live":
        return (), state.timer
    due = next_due(model.decay, ctx.cause.lead_id, state, score.standing)
    if due == state.timer:
        return (), due
    return ((SetTimer(DECAY, datetime_of(due)),) if due else (CancelTimer(DECAY),)), due


def _scored(lead: EnrichedSnapshot, score: Score, trigger: str, ctx: Context) -> LeadScored:
    standing = score.standing
    data = Scored(
        origin=lead.origin,
        person=lead.person,
        profile=lead.profile,
        consent=lead.consent,
        fit=standing.fit,
        intent=standing.intent,
        total=standing.total,
        tier=standing.tier,
        band=standing.band,
        qualification=standing.qualification,
        reasons=score.reasons(),
        model=MODEL,
        as_of=datetime_of(score.as_of),
        trigger=trigger,
    )
    return ctx.emit(LeadScored, data)
