"""Intent: do the things that the lead did say that it wants to buy, and now?

A thing of age t is worth points x 0.5^(t / half-life); those of one type together are held to the type's cap.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from policy import Intent, LeadConditions, SignalWeight, SubmissionSignal
from policy.matching import LeadFacts, Predicate, compile_conditions
from services.score.domain.contributions import Contribution, faded, to_tenths
from services.score.domain.milliseconds import duration_ms, timestamp_ms
from services.score.domain.recent_set import Entry
from services.score.domain.state import EnrichedSnapshot, ScoreState, last_act

_DEFAULT_REASONS: Mapping[str, str] = {
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
    """How long a lead may take to answer a touch, in milliseconds."""
    forget_after: int
    """Milliseconds after which a signal counts for nothing."""
    submissions: tuple[tuple[Predicate, str], ...]
    """Which submissions count as which type."""


def compile_intent(intent: Intent) -> IntentRules:
    """Compiles the weights by type."""
    return IntentRules(
        weights={name: _weight(name, weight) for name, weight in intent.signals.items()},
        unanswered=_weight(UNANSWERED, intent.unanswered) if intent.unanswered else None,
        answer_within=duration_ms(intent.unanswered.after) if intent.unanswered else 0,
        forget_after=duration_ms(intent.forget_after),
        submissions=tuple((_submitted_by(each), each.signal) for each in intent.submissions),
    )


def intent_contributions(rules: IntentRules, state: ScoreState, as_of: int) -> Iterator[Contribution]:
    """Yields the points for each type of signal that came, and for touches without an answer.

    `as_of`: milliseconds since 1970.
    """
    oldest = as_of - rules.forget_after
    for name, entries in state.signals.items():
        weight = rules.weights.get(name)
        if weight is not None and entries[0][0] >= oldest:
            yield _contribution(name, weight, entries, as_of, oldest)
    if rules.unanswered and state.touches:
        since = max(_last_act(state), oldest - 1)
        touches = [entry for entry in state.touches if since < entry[0] <= as_of - rules.answer_within]
        if touches:
            yield _contribution(UNANSWERED, rules.unanswered, touches, as_of, oldest)


def signal_of(rules: IntentRules, facts: LeadFacts) -> str | None:
    """Returns the type of signal that the lead's latest submission counts as; None: it counts as none."""
    return next((signal for counts, signal in rules.submissions if counts(facts)), None)


def _submitted_by(each: SubmissionSignal) -> Predicate:
    return compile_conditions(LeadConditions.model_construct(channel=each.channel, source=each.source)).hold


def _weight(name: str, weight: SignalWeight) -> Weight:
    default = "A touch without an answer" if name == UNANSWERED else _DEFAULT_REASONS.get(name, name)
    return Weight(weight.points, duration_ms(weight.half_life), weight.cap, weight.reason or default)


def _contribution(name: str, weight: Weight, entries: Sequence[Entry], as_of: int, oldest: int) -> Contribution:
    if entries[-1][0] < oldest:
        entries = [entry for entry in entries if entry[0] >= oldest]
    worth, half_life, cap, reason = weight
    points = worth * sum([faded(as_of - entry[0], half_life) for entry in entries])
    capped = not -cap <= points <= cap
    if capped:
        points = cap if points > 0 else -cap
    return Contribution("intent", name, to_tenths(points), reason, len(entries), entries[0][0], capped)


def _last_act(state: ScoreState) -> int:
    return max(last_act(state), _submitted(state.lead) if state.lead else 0)


def _submitted(lead: EnrichedSnapshot) -> int:
    return timestamp_ms(lead.origin.submitted_at)
