"""What the score service keeps of one lead, and how facts are folded into it.

Every fold is a join (see `marks`) or takes the newest of one topic, whose order is fixed; so the state depends on
which facts came, not on how the topics were interleaved.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from msgspec import Meta, field

from policy.matching import words_of
from schemas.base import State
from schemas.events import Consent, Contact, Enriched, Origin, Outcome, Profile, Signal
from schemas.events.scored import Band, Qualification
from services.score.domain.marks import Mark, OutcomeMark, identify, remember

SIGNALS_KEPT = 32
"""Newest signals of one type that count. Caps are reached long before with the points a policy gives."""

TOUCHES_KEPT = 16
OUTCOMES_KEPT = 16
_REASON_CHARACTERS = 200


class Snapshot(State, frozen=True, kw_only=True):
    """The lead as last enriched: what scoring looks at, and what its events carry on."""

    origin: Origin
    person: Contact
    profile: Profile
    consent: Consent = Consent()


class Standing(State, frozen=True, kw_only=True):
    """A score without its explanation. Numbers are 0-100."""

    fit: int
    intent: int
    total: int
    tier: str
    band: Band
    qualification: Qualification


class ScoreState(State, frozen=True, kw_only=True):
    """One lead. Times are business times in milliseconds since 1970."""

    lead: Annotated[Snapshot | None, Meta(description="None until the lead is enriched.")] = None
    signals: Annotated[
        dict[str, tuple[Mark, ...]], Meta(description="By type, in the order of its name; newest first.")
    ] = field(default_factory=dict)
    touches: Annotated[tuple[Mark, ...], Meta(description="Touches sent, newest first.")] = ()
    outcomes: Annotated[tuple[OutcomeMark, ...], Meta(description="Newest first.")] = ()
    latest: Annotated[int, Meta(description="When the newest fact happened.")] = 0
    faded_to: Annotated[int, Meta(description="When a fading score was last computed anew.")] = 0
    told: Annotated[Standing | None, Meta(description="The score last emitted.")] = None
    timer: Annotated[int, Meta(description="When the timer is due that is set; 0: none is.")] = 0

    @property
    def as_of(self) -> int:
        """The moment that the score is about; it never goes back."""
        return max(self.latest, self.faded_to)

    def changed(self, **fields: Any) -> ScoreState:
        """A copy with these fields, unchecked: the folds below build nothing invalid."""
        return self.replace(**fields)


def fold_enriched(state: ScoreState, data: Enriched, happened: int, counts_as: str | None) -> ScoreState:
    """The lead as now known; its latest submission counts as a signal of type `counts_as`, once."""
    origin = data.origin
    lead = Snapshot(
        origin=origin,
        person=data.person,
        profile=data.profile,
        consent=data.consent,
    )
    latest = max(state.latest, happened)
    if counts_as is None:
        return state.changed(lead=lead, latest=latest)
    mark = (happened, identify("submission", origin.submission_id))
    marked = _mark(state, counts_as, mark)
    return marked.changed(lead=lead, latest=latest)


def fold_signal(state: ScoreState, signal: Signal, happened: int) -> ScoreState:
    """One more thing that the lead did; the same state if it was known, or is older than all that are kept."""
    return _mark(state, signal.signal, (happened, identify(signal.channel, signal.signal_id)))


def fold_touch(state: ScoreState, touch_id: str, happened: int) -> ScoreState:
    """One more touch that was sent; the same state if it was known, or is older than all that are kept."""
    touches = remember(state.touches, (happened, identify(touch_id)), TOUCHES_KEPT)
    if touches is state.touches:
        return state
    return state.changed(touches=touches, latest=max(state.latest, happened))


def fold_outcome(state: ScoreState, outcome: Outcome, happened: int) -> ScoreState:
    """One more step of the sale; the same state if it was known, or is older than all that are kept."""
    words = words_of(outcome.reason)[:_REASON_CHARACTERS]
    entry = (happened, identify(outcome.channel, outcome.outcome_id), str(outcome.outcome), words)
    outcomes = remember(state.outcomes, entry, OUTCOMES_KEPT)
    if outcomes is state.outcomes:
        return state
    return state.changed(outcomes=outcomes, latest=max(state.latest, happened))


def fold_time(state: ScoreState, due: int) -> ScoreState:
    """Time has gone on to when the timer was due, and the timer is spent."""
    return state.changed(faded_to=max(state.faded_to, due), timer=0)


def last_act(state: ScoreState) -> int:
    """When the lead last did anything; 0 if it never did."""
    return max((marks[0][0] for marks in state.signals.values()), default=0)


def newest(state: ScoreState, types: Iterable[str]) -> int | None:
    """When the newest signal of any of these types happened, if there is one."""
    found = [state.signals[each][0][0] for each in types if each in state.signals]
    return max(found) if found else None


def _mark(state: ScoreState, signal: str, mark: Mark) -> ScoreState:
    known = state.signals.get(signal)
    marks = remember(known or (), mark, SIGNALS_KEPT)
    if marks is known:
        return state
    signals = {**state.signals, signal: marks}
    if known is None:
        signals = dict(sorted(signals.items()))
    return state.changed(signals=signals, latest=max(state.latest, mark[0]))
