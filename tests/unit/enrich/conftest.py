"""Submissions to enrich, and what enrich makes of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from policy import Policy
from policy.loading import load_policy
from runtime.stage import Context, Decision
from schemas.base import Mode, cause_of, new_traceparent
from schemas.events import Captured, Enriched, IdentityMatch, LeadCaptured, LeadEnriched, Origin
from services.enrich.domain.lead import KnownLead
from services.enrich.stage import EnrichStage

MONDAY = datetime(2026, 11, 2, 9, tzinfo=UTC)
POLICIES = Path(__file__).parents[3] / "policy" / "starters"


def make_submission(number: int = 1, *, day: int | None = None, channel: str = "web_form", **said: Any) -> Captured:
    """The `number`th submission, sent on that day (Monday is 1); `said` are the parts of the form."""
    sent = MONDAY + timedelta(days=(number if day is None else day) - 1)
    return Captured.from_dict(
        {
            "origin": Origin(
                submission_id=f"submission-{number}", channel=channel, submitted_at=sent, captured_at=sent
            ),
            "person": {},
            "identity": IdentityMatch(new=number == 1),
            **said,
        }
    )


def make_event(data: Captured, mode: Mode = "live") -> LeadCaptured:
    """The event that brings a submission."""
    return LeadCaptured(
        id=f"event-of-{data.origin.submission_id}",
        source="leadstream/capture",
        subject="lead-1",
        time=data.origin.captured_at,
        traceparent=new_traceparent(data.origin.submission_id),
        mode=mode,
        data=data,
    )


Decide = Callable[[LeadCaptured, KnownLead | None], Decision[KnownLead]]


@pytest.fixture
def submission() -> Callable[..., Captured]:
    return make_submission


@pytest.fixture
def as_event() -> Callable[..., LeadCaptured]:
    return make_event


@pytest.fixture(scope="session")
def policy() -> Policy:
    return load_policy(POLICIES / "sales-team.yaml")


@pytest.fixture
def decide(policy: Policy) -> Decide:
    stage = EnrichStage()

    def decide(event: LeadCaptured, state: KnownLead | None) -> Decision[KnownLead]:
        context = Context(service="enrich", cause=cause_of(event), policy=policy, now=event.time, clock=event.time)
        return stage.decide(event, state, context)

    return decide


@pytest.fixture
def enrich(decide: Decide) -> Callable[..., Enriched]:
    """What is known of a lead after submissions, in the order given."""

    def enrich(*submissions: Captured) -> Enriched:
        state: KnownLead | None = None
        event: Any = None
        for data in submissions:
            decision = decide(make_event(data), state)
            state = decision.state
            (event,) = decision.events
        assert isinstance(event, LeadEnriched)
        return event.data

    return enrich
