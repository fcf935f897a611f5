"""The score service: folds what is known of a lead, and says how promising it is whenever that changes."""

from __future__ import annotations

from typing import NamedTuple

from policy.contact import happened_at
from policy.matching import facts_of
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
from services.score.domain.decay import next_due, worth_telling
from services.score.domain.intent import signal_of
from services.score.domain.marks import to_datetime, to_milliseconds
from services.score.domain.model import MODEL, Score, ScoringModel, compile_scoring, evaluate
from services.score.domain.state import ScoreState, Snapshot

DECAY = "decay"
_NEW = ScoreState()


class Folded(NamedTuple):
    """The state after an input, what the input was, and whether downstream must hear of it in any case."""

    state: ScoreState
    trigger: str
    news: bool = False


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
        before = state or _NEW
        folded = _fold(item, before, model)
        if isinstance(folded, str):
            return Decision(state, dropped=folded)
        after = folded.state
        if after.lead is None:
            return Decision(after)
        score = evaluate(model, after.lead, after)
        told = before.told
        if folded.trigger == DECAY and told is not None:
            tell = worth_telling(model.decay, told, score.standing)
        else:
            tell = folded.news or score.standing != told
        events = (_scored(after.lead, score, folded.trigger, ctx),) if tell else ()
        timers, timer = _timers(after, score, model, ctx)
        standing = score.standing if tell else told
        if tell or timer != after.timer:
            after = after.changed(told=standing, timer=timer)
        return Decision(after, events, timers)


def _fold(item: Input, state: ScoreState, model: ScoringModel) -> Folded | str:
    """The state with the input in it, or the reason why it changes nothing."""
    match item:
        case LeadEnriched():
            return _fold_enriched(item, state, model)
        case SignalRecorded(data=signal):
            trigger, after = "signal", fold.fold_signal(state, signal, to_milliseconds(happened_at(item)))
        case OutcomeRecorded(data=outcome):
            trigger, after = "outcome", fold.fold_outcome(state, outcome, to_milliseconds(happened_at(item)))
        case TouchRecorded(data=touch):
            if item.status != "sent":
                return "touch_not_sent"
            trigger, after = "touch", fold.fold_touch(state, touch.touch_id, to_milliseconds(happened_at(item)))
        case TimerDue(name="decay") if state.lead is not None:
            trigger, after = DECAY, fold.fold_time(state, to_milliseconds(item.due))
        case _:
            return "nothing_to_score"
    return f"{trigger}_known_or_too_old" if after is state else Folded(after, trigger)


def _fold_enriched(event: LeadEnriched, state: ScoreState, model: ScoringModel) -> Folded:
    data = event.data
    counts_as = signal_of(model.intent, facts_of(data))
    # Nothing happens after it was recorded, see `happened_at`.
    submitted = to_milliseconds(min(data.origin.submitted_at, event.time))
    after = fold.fold_enriched(state, data, submitted, counts_as)
    return Folded(after, "enriched", news=after.lead != state.lead)


def _timers(
    state: ScoreState, score: Score, model: ScoringModel, ctx: Context
) -> tuple[tuple[SetTimer | CancelTimer, ...], int]:
    """The timer to be set or cancelled, and when the lead's timer is due after that; only live leads have one."""
    if ctx.cause.mode != "live":
        return (), state.timer
    due = next_due(model.decay, ctx.cause.lead_id, state, score.standing)
    if due == state.timer:
        return (), due
    return ((SetTimer(DECAY, to_datetime(due)),) if due else (CancelTimer(DECAY),)), due


def _scored(lead: Snapshot, score: Score, trigger: str, ctx: Context) -> LeadScored:
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
        reasons=score.explain(),
        model=MODEL,
        as_of=to_datetime(score.as_of),
        trigger=trigger,
    )
    return ctx.emit(LeadScored, data)
