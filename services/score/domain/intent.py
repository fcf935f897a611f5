"""Intent: do the things that the lead did say that it wants to buy, and now?

A thing of age t is worth points x 0.5^(t / half-life); those of one type together are held to the type's cap.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

from policy import Intent, LeadConditions, SignalWeight, SubmissionSignal
from policy.matching import Facts, Predicate, compile_conditions
from services.score.domain.lines import Line, faded, to_tenths
from services.score.domain.marks import Mark, to_milliseconds
from services.score.domain.state import ScoreState, Snapshot, last_act

_SPOKEN: Mapping[str, str] = {
    "page_view": "Visited the website",
    "pricing_visit": "Looked at the prices",
    "demo_request": "Asked for a demo",
    "download": "Downloaded something",
    "form_submission": "Filled in a form",
    "email_open": "Opened an email",
    "email_click": "Clicked a link in an email",
    "email_reply": "Answered an email",
    "linkedin_reply": "Answered on LinkedIn",
    "chat": "Chatted with us",
    "call": "Spoke with us on the phone",
    "meeting": "Met us",
    "event_attendance": "Came to an event",
    "product_usage": "Used the product",
    "unsubscribe": "Unsubscribed",
}
"""What a signal is called where the policy doesn't say."""

UNANSWERED = "unanswered"


class Weight(NamedTuple):
    """What one type of event is worth. Times in milliseconds, the cap in points."""

    points: int
    half_life: int
    cap: int
    reason: str


class IntentRules(NamedTuple):
    """The intent section of a policy, compiled."""

    weights: Mapping[str, Weight]
    unanswered: Weight | None
    answer_within: int
    """How long a lead may take to answer a touch."""
    forget_after: int
    submissions: tuple[tuple[Predicate, str], ...]
    """Which submissions count as which type."""


def compile_intent(intent: Intent) -> IntentRules:
    """Compiles the weights by type."""
    return IntentRules(
        weights={name: _weight(name, weight) for name, weight in intent.signals.items()},
        unanswered=_weight(UNANSWERED, intent.unanswered) if intent.unanswered else None,
        answer_within=milliseconds(intent.unanswered.after) if intent.unanswered else 0,
        forget_after=milliseconds(intent.forget_after),
        submissions=tuple((_submitted_by(each), each.signal) for each in intent.submissions),
    )


def intent_lines(rules: IntentRules, state: ScoreState, as_of: int) -> Iterator[Line]:
    """The points for each type of signal that came, and for touches without an answer."""
    oldest = as_of - rules.forget_after
    for name, marks in state.signals.items():
        weight = rules.weights.get(name)
        if weight is not None and marks[0][0] >= oldest:
            yield _line(name, weight, marks, as_of, oldest)
    if rules.unanswered and state.touches:
        since = max(_last_act(state), oldest - 1)
        touches = [mark for mark in state.touches if since < mark[0] <= as_of - rules.answer_within]
        if touches:
            yield _line(UNANSWERED, rules.unanswered, touches, as_of, oldest)


def signal_of(rules: IntentRules, facts: Facts) -> str | None:
    """The type of signal that the lead's latest submission counts as."""
    return next((signal for counts, signal in rules.submissions if counts(facts)), None)


def _submitted_by(each: SubmissionSignal) -> Predicate:
    return compile_conditions(LeadConditions.model_construct(channel=each.channel, source=each.source)).hold


def milliseconds(duration: timedelta) -> int:
    """Whole milliseconds of a duration."""
    return duration // timedelta(milliseconds=1)


def _weight(name: str, weight: SignalWeight) -> Weight:
    spoken = "A touch without an answer" if name == UNANSWERED else _SPOKEN.get(name, name)
    return Weight(weight.points, milliseconds(weight.half_life), weight.cap, weight.reason or spoken)


def _line(name: str, weight: Weight, marks: Sequence[Mark], as_of: int, oldest: int) -> Line:
    if marks[-1][0] < oldest:
        marks = [mark for mark in marks if mark[0] >= oldest]
    worth, half_life, cap, reason = weight
    points = worth * sum([faded(as_of - mark[0], half_life) for mark in marks])
    capped = not -cap <= points <= cap
    if capped:
        points = cap if points > 0 else -cap
    return Line("intent", name, to_tenths(points), reason, len(marks), marks[0][0], capped)


def _last_act(state: ScoreState) -> int:
    return max(last_act(state), _submitted(state.lead) if state.lead else 0)


def _submitted(lead: Snapshot) -> int:
    return to_milliseconds(lead.origin.submitted_at)
