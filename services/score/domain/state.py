"""What the score service keeps of one lead, and how facts are folded into it.

Every fold is a join (see `recent_set`) or takes the newest of one topic, whose order is fixed; so the state depends on
which facts came, not on how the topics were interleaved. Times are business times in milliseconds since 1970.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from msgspec import Meta, field

from policy.matching import words_of
from schemas.base import State
from schemas.events import Consent, Contact, Enriched, Origin, Outcome, Profile, Signal
from schemas.events.scored import Band, Qualification
from services.score.domain.recent_set import Entry, OutcomeEntry, identity_of, with_entry

SIGNALS_KEPT = 32
"""Newest signals of one type that count. Caps are reached long before with the points a policy gives."""

TOUCHES_KEPT = 16
OUTCOMES_KEPT = 16
_REASON_CHARACTERS = 200

Signals = dict[str, tuple[Entry, ...]]
"""By type of signal, in the order of its name; newest first."""


class EnrichedSnapshot(State, frozen=True, kw_only=True):
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
    """One lead. A field that was renamed keeps, as `name`, what it is called in stored states."""

    lead: Annotated[EnrichedSnapshot | None, Meta(description="None until the lead is enriched.")] = None
    signals: Annotated[Signals, Meta(description="By type, in the order of its name; newest first.")] = field(
        default_factory=dict
    )
    touches: Annotated[tuple[Entry, ...], Meta(description="Touches sent, newest first.")] = ()
    outcomes: Annotated[tuple[OutcomeEntry, ...], Meta(description="Newest first.")] = ()
    latest: Annotated[int, Meta(description="When the newest fact happened.")] = 0
    faded_to: Annotated[int, Meta(description="When a fading score was last computed anew.")] = 0
    last_emitted: Annotated[Standing | None, Meta(description="The score last emitted.")] = field(
        default=None, name="told"
    )
    timer: Annotated[int, Meta(description="When the timer is due that is set; 0: none is.")] = 0

    @property
    def as_of(self) -> int:
        """The moment that the score is about; it never goes back."""
        return max(self.latest, self.faded_to)

    def changed(self, **fields: Any) -> ScoreState:
        """Returns a copy with these fields, unchecked: the folds below build nothing invalid."""
        return self.replace(**fields)


def fold_enriched(state: ScoreState, data: Enriched, happened: int, counts_as: str | None) -> ScoreState:
    """Takes in the lead as now known; its latest submission counts as a signal of type `counts_as`, once."""
    origin = data.origin
    lead = EnrichedSnapshot(
        origin=origin,
        person=data.person,
        profile=data.profile,
        consent=data.consent,
    )
    signals = state.signals
    if counts_as is not None:
        entry = (happened, identity_of("submission", origin.submission_id))
        signals = _with_signal(signals, counts_as, entry)
    return state.changed(lead=lead, signals=signals, latest=max(state.latest, happened))


def fold_signal(state: ScoreState, signal: Signal, happened: int) -> ScoreState:
    """Takes in what the lead did; the same state if it was known, or is older than all that are kept."""
    entry = (happened, identity_of(signal.channel, signal.signal_id))
    signals = _with_signal(state.signals, signal.signal, entry)
    if signals is state.signals:
        return state
    return state.changed(signals=signals, latest=max(state.latest, happened))


def fold_touch(state: ScoreState, touch_id: str, happened: int) -> ScoreState:
    """Takes in a touch that was sent; the same state if it was known, or is older than all that are kept."""
    touches = with_entry(state.touches, (happened, identity_of(touch_id)), TOUCHES_KEPT)
    if touches is state.touches:
        return state
    return state.changed(touches=touches, latest=max(state.latest, happened))


def fold_outcome(state: ScoreState, outcome: Outcome, happened: int) -> ScoreState:
    """Takes in a step of the sale; the same state if it was known, or is older than all that are kept."""
    words = words_of(outcome.reason)[:_REASON_CHARACTERS]
    entry = (happened, identity_of(outcome.channel, outcome.outcome_id), str(outcome.outcome), words)
    outcomes = with_entry(state.outcomes, entry, OUTCOMES_KEPT)
    if outcomes is state.outcomes:
        return state
    return state.changed(outcomes=outcomes, latest=max(state.latest, happened))


def fold_time(state: ScoreState, due: int) -> ScoreState:
    """Moves time on to when the timer was due; the timer is spent."""
    return state.changed(faded_to=max(state.faded_to, due), timer=0)


def last_act(state: ScoreState) -> int:
    """Returns when the lead last did anything; 0 if it never did."""
    return max((entries[0][0] for entries in state.signals.values()), default=0)


def newest(state: ScoreState, types: Iterable[str]) -> int | None:
    """Returns when the newest signal of any of these types happened; None when there is none."""
    found = [state.signals[each][0][0] for each in types if each in state.signals]
    return max(found) if found else None


def _with_signal(signals: Signals, signal: str, entry: Entry) -> Signals:
    """Returns the signals with the entry among those of its type; the same object when it adds nothing."""
    known = signals.get(signal)
    entries = with_entry(known or (), entry, SIGNALS_KEPT)
    if entries is known:
        return signals
    added = {**signals, signal: entries}
    return dict(sorted(added.items())) if known is None else added
