"""A small sales team, leads to route to it, and a runtime in miniature that locks, decides and fires timers."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from policy import Policy, Routing, Sla
from policy.loading import load_policy
from runtime.stage import Context, Decision, Input, SetTimer, TimerDue
from schemas.base import Cause, Event, Mode, Record, cause_of, derived_id
from schemas.events import (
    Consent,
    Contact,
    LeadScored,
    Origin,
    Outcome,
    OutcomeRecorded,
    Profile,
    Reason,
    Scored,
    Touch,
    TouchRecorded,
)
from services.route.domain.lock_plan import LockPlan
from services.route.domain.state import RouteState
from services.route.domain.turns import PoolTurns, Turns
from services.route.stage import RouteStage
from services.route.store import SharedState
from tests.support.events import make_event

E = TypeVar("E", bound=Event)
ROOT = Path(__file__).parents[3]
LEAD = "lead-1"
MONDAY = datetime(2026, 3, 2, 10, tzinfo=UTC)
"""10:00 in London, where the team is at work; 5:00 in New York, where it is not."""
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

ROUTING: dict[str, Any] = {
    "teams": [
        {
            "id": "london",
            "name": "London",
            "manager": "maria",
            "timezone": "Europe/London",
            "working_hours": {"mon-fri": "09:00-17:00"},
        },
        {
            "id": "new-york",
            "name": "New York",
            "timezone": "America/New_York",
            "working_hours": {"mon-fri": "09:00-17:00"},
        },
    ],
    "reps": [
        {"id": "anna", "name": "Anna", "team": "london", "role": "sdr", "skills": ["german"]},
        {"id": "ben", "name": "Ben", "team": "london", "role": "sdr"},
        {"id": "carl", "name": "Carl", "team": "london", "role": "sdr"},
        {"id": "maria", "name": "Maria", "team": "london", "role": "manager"},
        {"id": "uma", "name": "Uma", "team": "new-york", "role": "sdr"},
        {"id": "vic", "name": "Vic", "team": "new-york", "role": "sdr", "territories": ["us"]},
    ],
    "territories": [
        {"id": "large", "name": "Large", "employees_at_least": 1000},
        {"id": "dach", "name": "DACH", "countries": ["DE", "AT", "CH"]},
        {"id": "us", "name": "United States", "countries": "US"},
    ],
    "pools": [
        {"id": "emea", "members": ["anna", "ben", "carl"]},
        {"id": "us", "members": ["uma", "vic"]},
        {"id": "managers", "members": ["maria"], "only_working": False},
    ],
    "rules": [
        {"id": "junk", "when": {"qualification": "disqualified"}, "then": {"park": True}, "reason": "Not a lead"},
        {"id": "cold", "when": {"band": "cold"}, "then": {"park": True}, "reason": "Too cold"},
        {"id": "us", "when": {"territory": "us"}, "then": {"pool": "us"}, "reason": "In the United States"},
        {"id": "emea", "when": {"band": ["hot", "warm"]}, "then": {"pool": "emea"}, "reason": "Elsewhere"},
    ],
    "fallback_pool": "managers",
}
SLA: dict[str, Any] = {
    "business_hours": {"timezone": "Europe/London", "working_hours": {"mon-fri": "09:00-17:00"}},
    "bands": [
        {
            "band": "hot",
            "owned_within": "1m",
            "contacted_within": "5m",
            "outside": "clock_runs",
            "outside_owned_within": "5m",
            "outside_contacted_within": "2h",
            "escalations": [
                {"on": "owned", "after": "0m", "action": "notify_manager"},
                {"on": "contacted", "after": "0m", "action": "remind_owner"},
                {"on": "contacted", "after": "5m", "action": "notify_manager"},
                {"on": "contacted", "after": "10m", "action": "reassign"},
            ],
        },
        {"band": "warm", "owned_within": "15m", "contacted_within": "30m", "outside": "wait_for_hours"},
        {"band": "cold", "owned_within": "4h", "contacted_within": "16h", "outside": "wait_for_hours"},
    ],
    "reassign_at_most": 2,
}


@cache
def _shipped() -> Policy:
    return load_policy(ROOT / "policy" / "starters" / "solo-founder.yaml")


def policy_of(
    sla: dict[str, Any] | None = None,
    reps: dict[str, dict[str, Any]] | None = None,
    without: Collection[str] = (),
    **routing: Any,
) -> Policy:
    """The small team's policy; `routing` replaces sections, `reps` adds to single reps, `without` takes some out."""
    content = deepcopy(ROUTING) | routing
    content["reps"] = [rep for rep in content["reps"] if rep["id"] not in without]
    for rep in content["reps"]:
        rep.setdefault("email", f"{rep['id']}@example.com")
        rep.setdefault("capacity_per_day", 100)
        rep.update((reps or {}).get(rep["id"], {}))
    return _shipped().model_copy(
        update={
            "version": "test-1",
            "routing": Routing.model_validate(content),
            "sla": Sla.model_validate(SLA | (sla or {})),
        }
    )


def origin(submission: str = "s1", captured_at: datetime = MONDAY, channel: str = "web_form", **fields: Any) -> Origin:
    return Origin.from_dict(
        {"submission_id": submission, "channel": channel, "submitted_at": captured_at, "captured_at": captured_at}
        | fields
    )


def _event(kind: type[E], lead: str, identity: str, at: datetime, mode: Mode, data: Record, name: str = "") -> E:
    return make_event(kind, identity, at, data, subject=lead, mode=mode, type=name or kind.TYPES[0])


def scored(
    at: datetime = MONDAY,
    band: str = "hot",
    *,
    lead: str = LEAD,
    mode: Mode = "live",
    origin: Origin | None = None,
    qualification: str | None = None,
    **profile: Any,
) -> LeadScored:
    """A score as of `at`, of a submission captured then unless `origin` says otherwise."""
    told = qualification or ("nurture" if band == "cold" else "mql")
    data = Scored.from_dict(
        {
            "origin": origin or Origin(submission_id="s1", channel="web_form", submitted_at=at, captured_at=at),
            "person": Contact(full_name="Jo Doe", email="jo@acme.example"),
            "profile": Profile(**{"country": "GB", "domain": "acme.example"} | profile),
            "consent": Consent(),
            "fit": 50,
            "intent": 50,
            "total": 50,
            "tier": "B2",
            "band": band,
            "qualification": told,
            "reasons": (Reason(part="qualification", code="q", text="A student", points=0),),
            "model": "rules",
            "as_of": at,
            "trigger": "enriched",
        }
    )
    return _event(LeadScored, lead, derived_id(lead, "scored", at, band, data.origin), at, mode, data)


def touch(
    occurred_at: datetime, *, at: datetime | None = None, human: bool = True, status: str = "sent", mode: Mode = "live"
) -> TouchRecorded:
    """A touch that happened at `occurred_at` and was reported at `at`."""
    data = Touch(touch_id=f"t-{occurred_at}", channel="call", human=human, due_at=occurred_at, occurred_at=occurred_at)
    at = at or occurred_at
    return _event(
        TouchRecorded,
        LEAD,
        derived_id("touch", occurred_at, at, human),
        at,
        mode,
        data,
        f"leadstream.touch.{status}.v1",
    )


def outcome(
    kind: str,
    occurred_at: datetime,
    *,
    at: datetime | None = None,
    identity: str = "",
    lead: str = LEAD,
    mode: Mode = "live",
    rep: str | None = None,
) -> OutcomeRecorded:
    """An outcome that happened at `occurred_at` and was reported at `at`."""
    identity, at = identity or f"{kind}-{occurred_at}", at or occurred_at
    reason = "wrong region" if kind in ("returned", "lost") else None
    data = Outcome.from_dict(
        {"outcome_id": identity, "outcome": kind, "occurred_at": occurred_at, "reason": reason, "rep": rep}
    )
    return _event(OutcomeRecorded, lead, derived_id("outcome", identity, at), at, mode, data)


@dataclass
class Office:
    """The route service in one process: shared rows, states, timers, and every event it emitted.

    Each input is a batch of its own that finds only the pools it has foreseen, as under the database's locks.
    """

    policy: Policy = field(default_factory=policy_of)
    lag: timedelta = timedelta()
    """How far the worker's clock is behind events."""
    stage: RouteStage = field(default_factory=RouteStage)
    pools: dict[str, PoolTurns] = field(default_factory=dict)
    loads: dict[Any, int] = field(default_factory=dict)
    accounts: dict[str, str] = field(default_factory=dict)
    states: dict[str, RouteState] = field(default_factory=dict)
    timers: dict[tuple[str, str], TimerDue] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)

    def take(self, *items: Input) -> list[Event]:
        """Decides about the inputs in turn; what was emitted."""
        before = len(self.events)
        for item in items:
            self._decide(item)
        return self.events[before:]

    def decide(self, item: Input, shared: SharedState) -> Decision[RouteState]:
        """What the stage says to one input."""
        cause = cause_of(item) if isinstance(item, Event) else item.cause
        now = item.time if isinstance(item, Event) else getattr(item, "due", MONDAY)
        context = Context("route", cause, self.policy, now, now + self.lag, shared)
        return self.stage.decide(item, self.states.get(item.lead_id), context)

    def _decide(self, item: Input) -> None:
        real, _ = self.stage.plan_locks([item], self.policy)
        shared = SharedState(real=self._locked(real))
        decision = self.decide(item, shared)
        assert decision.state is not None
        # As the runtime does it: the state goes through the database.
        self.states[item.lead_id] = RouteState.from_json(decision.state.to_json())
        self.events += [type(event).from_json(event.to_json()) for event in decision.events]
        self._keep(shared.real)
        cause = cause_of(item) if isinstance(item, Event) else item.cause
        if isinstance(item, TimerDue):
            self.timers.pop((item.lead_id, item.name), None)
        for timer in decision.timers:
            if isinstance(timer, SetTimer):
                due = TimerDue(item.lead_id, timer.name, timer.due, timer.data or {}, _of_timer(cause, timer))
                self.timers[item.lead_id, timer.name] = due
            else:
                self.timers.pop((item.lead_id, timer.name), None)

    def _locked(self, plan: LockPlan) -> Turns:
        return Turns(
            {pool: self.pools.get(pool, PoolTurns()) for pool in plan.pools},
            {load: self.loads.get(load, 0) for load in plan.loads},
            {domain: self.accounts[domain] for domain in plan.domains if domain in self.accounts},
        )

    def _keep(self, turns: Turns) -> None:
        self.pools.update({pool: turns.pools[pool] for pool in turns.taken})
        for load, added in turns.added.items():
            self.loads[load] = self.loads.get(load, 0) + added
        self.accounts.update(turns.claimed)

    def until(self, moment: datetime) -> list[Event]:
        """Fires the timers that are due by `moment`, in order; what was emitted."""
        before = len(self.events)
        while due := sorted((t for t in self.timers.values() if t.due <= moment), key=lambda t: t.due):
            self._decide(due[0])
        return self.events[before:]

    @property
    def state(self) -> RouteState:
        """The state of the one lead."""
        return self.states[LEAD]

    @property
    def owner(self) -> str | None:
        """Who has the one lead."""
        return self.state.owner.rep if self.state.owner else None


def _of_timer(cause: Cause, timer: SetTimer) -> Cause:
    return cause.replace(id=derived_id(cause.id, "timer", timer.name, timer.due))


def kinds(events: Iterable[Event]) -> list[str]:
    """Class names, in order."""
    return [type(event).__name__ for event in events]


def only(kind: type[E], events: Iterable[Event]) -> E:
    """The one event of the kind."""
    (found,) = (event for event in events if isinstance(event, kind))
    return found


def all_of(kind: type[E], events: Iterable[Event]) -> list[E]:
    """The events of the kind, in order."""
    return [event for event in events if isinstance(event, kind)]
