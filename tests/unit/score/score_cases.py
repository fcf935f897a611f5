"""Leads, events and policies that the tests of the score service are made of."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, get_args

from hypothesis import strategies as st

from policy import Policy, Scoring
from policy.loading import load_policy
from runtime.stage import Context, Decision, Input, TimerDue
from schemas.base import Cause, Event, Mode, Record, cause_of, derived_id, new_traceparent
from schemas.events import (
    Consent,
    Contact,
    Enriched,
    LeadEnriched,
    LeadScored,
    Origin,
    Outcome,
    OutcomeKind,
    OutcomeRecorded,
    Profile,
    Signal,
    SignalRecorded,
    SignalType,
    Touch,
    TouchRecorded,
)
from services.score.domain.state import ScoreState
from services.score.stage import DECAY, ScoreStage
from tests.support.events import make_event

ROOT = Path(__file__).parents[3]
POLICY_FILES = (ROOT / "policy.yaml", *sorted((ROOT / "policy" / "starters").glob("*.yaml")))
LEAD = "lead-1"
E = TypeVar("E", bound=Event)
MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
SIGNALS: tuple[str, ...] = get_args(SignalType)
OUTCOMES: tuple[str, ...] = get_args(OutcomeKind)


@cache
def policy_at(path: Path) -> Policy:
    return load_policy(path)


def default_policy() -> Policy:
    return policy_at(POLICY_FILES[0])


def scoring_of(**sections: Any) -> Scoring:
    """A small policy for scoring; `sections` replace its own."""
    content: dict[str, Any] = {
        "fit": {"base": 0, "rules": []},
        "intent": {"forget_after": "90d", "signals": {"pricing_visit": {"points": 10, "half_life": "7d"}}},
        "total": {"fit": 50, "intent": 50},
        "bands": [
            {"band": "hot", "total_at_least": 70},
            {"band": "warm", "total_at_least": 40},
            {"band": "cool", "total_at_least": 20},
            {"band": "cold"},
        ],
        "tiers": {"fit": {"A": 75, "B": 50, "C": 25}, "intent": {"first": 75, "second": 50, "third": 25}},
        "qualification": {"mql": [{"id": "good", "total_at_least": 40, "reason": "Good enough"}]},
        "recompute": {"every": "1d", "min_change": 3},
    }
    return Scoring.model_validate({**content, **sections})


def policy_of(**sections: Any) -> Policy:
    """The default policy with the small scoring section."""
    return default_policy().model_copy(update={"scoring": scoring_of(**sections), "version": "small"})


def profile_of(**fields: Any) -> Profile:
    known: dict[str, Any] = {
        "title": "Head of Sales",
        "seniority": "director",
        "department": "sales",
        "email_kind": "business",
        "employees": 120,
        "industry": "software",
        "country": "GB",
    }
    return Profile(**{**known, **fields})


def enriched(
    at: datetime = MONDAY,
    submission: str = "s1",
    *,
    channel: str = "web_form",
    source: str | None = None,
    email: str | None = "jane@acme.example",
    marketing: bool | None = None,
    utm_source: str | None = None,
    mode: Mode = "live",
    **profile: Any,
) -> LeadEnriched:
    data = Enriched(
        origin=Origin(
            submission_id=submission,
            channel=channel,
            source=source,
            utm_source=utm_source,
            submitted_at=at,
            captured_at=at,
        ),
        person=Contact(full_name="Jane Roe", email=email),
        profile=profile_of(**profile),
        consent=Consent(marketing=marketing),
        submissions=1,
    )
    return _event(LeadEnriched, f"e-{submission}", at, data, mode=mode)


def signal(
    kind: str = "pricing_visit",
    at: datetime = MONDAY,
    name: str = "g1",
    *,
    recorded: datetime | None = None,
    mode: Mode = "live",
) -> SignalRecorded:
    data = Signal.from_dict({"signal_id": name, "signal": kind, "channel": "web", "occurred_at": at})
    return _event(SignalRecorded, f"g-{name}", recorded or at, data, mode=mode)


def outcome(kind: str = "won", at: datetime = MONDAY, name: str = "o1", reason: str | None = None) -> OutcomeRecorded:
    said = reason or ("no budget" if kind in ("lost", "returned") else None)
    data = Outcome.from_dict({"outcome_id": name, "outcome": kind, "occurred_at": at, "reason": said})
    return _event(OutcomeRecorded, f"o-{name}", at, data)


def touch(at: datetime = MONDAY, name: str = "t1", status: str = "sent") -> TouchRecorded:
    data = Touch(touch_id=name, channel="email", human=False, due_at=at, occurred_at=at)
    return _event(TouchRecorded, f"t-{name}", at, data, type=f"leadstream.touch.{status}.v1")


def decay_due(at: datetime) -> TimerDue:
    cause = Cause(id="timer", lead_id=LEAD, traceparent=new_traceparent("timer"))
    return TimerDue(LEAD, DECAY, at, {}, cause)


def _event(kind: type[E], name: str, at: datetime, data: Record, **fields: Any) -> E:
    return make_event(kind, derived_id(name, at), at, data, **fields)


class Journey:
    """One lead's way through the stage."""

    def __init__(self, policy: Policy | None = None) -> None:
        self.policy = policy or default_policy()
        self.stage = ScoreStage()
        self.state: ScoreState | None = None
        self.scored: list[LeadScored] = []

    def take(self, item: Input) -> Decision[ScoreState]:
        now = item.time if isinstance(item, Event) else item.due if isinstance(item, TimerDue) else item.at
        cause = cause_of(item) if isinstance(item, Event) else item.cause
        decision = self.stage.decide(item, self.state, Context("score", cause, self.policy, now, now))
        self.state = decision.state
        self.scored += [event for event in decision.events if isinstance(event, LeadScored)]
        return decision

    def follow(self, items: Iterable[Input]) -> Journey:
        for item in items:
            self.take(item)
        return self

    @property
    def known(self) -> ScoreState:
        assert self.state is not None
        return self.state


# ── random histories ──────────────────────────────────────────────────────────────────────────────

moments = st.integers(0, 60 * 24 * 30).map(lambda minutes: MONDAY + timedelta(minutes=minutes))
names = st.integers(0, 30).map(str)
signal_events = st.builds(signal, st.sampled_from(SIGNALS), moments, names)
outcome_events = st.builds(
    outcome,
    st.sampled_from(OUTCOMES),
    moments,
    names,
    st.sampled_from([None, "Wrong person", "too small for us", "price"]),
)
touch_events = st.builds(touch, moments, names, st.sampled_from(["sent", "planned", "failed"]))
enriched_events = st.builds(
    enriched,
    moments,
    names,
    channel=st.sampled_from(["web_form", "csv_import", "chat", "referral"]),
    source=st.sampled_from([None, "Demo", "newsletter"]),
    seniority=st.sampled_from([None, "c_level", "manager", "student"]),
    employees=st.none() | st.integers(0, 20_000),
    email_kind=st.sampled_from([None, "business", "free", "disposable"]),
)


Topics = tuple[tuple[Event, ...], ...]
"""What came for one lead on each topic, in the topic's order."""


def _in_order(events: st.SearchStrategy[Any], at_most: int, at_least: int = 0) -> st.SearchStrategy[Any]:
    return st.lists(events, min_size=at_least, max_size=at_most).map(tuple)


def histories() -> st.SearchStrategy[Topics]:
    """Enriched events, signals, touches and outcomes, with repeats and late ones among them."""
    return st.tuples(
        _in_order(enriched_events, 3, at_least=1),
        _in_order(signal_events, 12),
        _in_order(touch_events, 5),
        _in_order(outcome_events, 5),
    )
