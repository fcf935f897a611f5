"""The stage: a submission in, one event out, a repeat dropped with its reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy import Policy
from runtime.stage import Context, Decision
from schemas.base import Mode, cause_of
from schemas.events import Captured, LeadCaptured, LeadEnriched
from schemas.topics import CAPTURED, ENRICHED
from services.enrich.domain.lead import KnownLead, enriched, fold_submission
from services.enrich.domain.mail import MailRules
from services.enrich.domain.submission import ReadingRules, read_submission
from services.enrich.stage import DUPLICATE, EnrichStage

Decide = Callable[[LeadCaptured, KnownLead | None], Decision[KnownLead]]
Submission = Callable[..., Captured]
AsEvent = Callable[..., LeadCaptured]
RULES = ReadingRules(mail=MailRules(), phone_country="US")


def test_a_submission_becomes_one_enriched_event(
    decide: Decide, policy: Policy, submission: Submission, as_event: AsEvent
) -> None:
    event = as_event(submission(person={"email": "jane@acme.com"}))
    decision = decide(event, None)
    (out,) = decision.events
    assert isinstance(out, LeadEnriched)
    assert ENRICHED.decode(out.to_json()) == out
    assert (out.subject, out.traceparent[:36], out.policy) == (event.subject, event.traceparent[:36], policy.version)
    assert (decision.dropped, decision.timers, decision.effects) == (None, (), ())


def test_the_same_submission_twice_is_dropped_with_a_reason(
    decide: Decide, submission: Submission, as_event: AsEvent
) -> None:
    event = as_event(submission())
    first = decide(event, None)
    again = decide(event, first.state)
    assert (again.dropped, again.events, again.state) == (DUPLICATE, (), first.state)


def test_the_same_submission_under_another_event_id_is_still_the_same(
    decide: Decide, submission: Submission, as_event: AsEvent
) -> None:
    event = as_event(submission())
    again = decide(event.replace(id="another"), decide(event, None).state)
    assert again.dropped == DUPLICATE


def test_the_same_decision_has_the_same_event_id(decide: Decide, submission: Submission, as_event: AsEvent) -> None:
    event = as_event(submission())
    assert decide(event, None) == decide(event, None)


@pytest.mark.parametrize("mode", ["live", "history", "shadow"])
def test_history_and_shadow_are_decided_like_live(
    mode: Mode, decide: Decide, submission: Submission, as_event: AsEvent
) -> None:
    data = submission(person={"title": "CEO"})
    (live,) = decide(as_event(data), None).events
    (other,) = decide(as_event(data, mode), None).events
    assert other.data == live.data
    assert other.mode == mode


def test_a_new_policy_is_followed_at_once(policy: Policy, submission: Submission, as_event: AsEvent) -> None:
    stage = EnrichStage()
    event = as_event(submission(person={"email": "jane@club.example", "phone": "030 901820"}))

    def decided(under: Policy) -> tuple[str | None, str | None]:
        context = Context("enrich", cause_of(event), under, now=event.time, clock=event.time)
        (out,) = stage.decide(event, None, context).events
        assert isinstance(out, LeadEnriched)
        return out.data.profile.email_kind, out.data.person.phone

    changed = {"disposable_domains": ("club.example",), "default_phone_region": "DE"}
    stricter = policy.model_copy(update={"identity": policy.identity.model_copy(update=changed)})
    assert decided(policy) == ("business", None)
    assert decided(stricter) == ("disposable", "+4930901820")
    assert decided(policy) == ("business", None)


def test_anything_but_a_submission_is_refused(decide: Decide, submission: Submission, as_event: AsEvent) -> None:
    (wrong,) = decide(as_event(submission()), None).events
    with pytest.raises(TypeError, match="LeadEnriched"):
        decide(wrong, None)  # type: ignore[arg-type]  # that it is the wrong type is the point


def test_the_stage_reads_submissions_and_writes_facts() -> None:
    assert (EnrichStage.name, EnrichStage.inputs, EnrichStage.outputs) == ("enrich", (CAPTURED,), (ENRICHED,))


# ── whatever was captured can be enriched ─────────────────────────────────────────────────────────

ANYTHING = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=50)
LONG = st.sampled_from(["ß" * 1000, "İ" * 1000, "ﷺ" * 1000, "A." * 500, "x" * 1000, "1" * 1000, "a@" * 500])
FIELD = st.none() | ANYTHING | LONG


def record(*names: str, **more: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={**dict.fromkeys(names, FIELD), **more})


@given(
    record(
        "name", "given_name", "family_name", "email", "phone", "title", "linkedin_url",
        answers=st.dictionaries(ANYTHING | st.sampled_from(["employees", "country", "tz"]), ANYTHING, max_size=4),
    ),
    record("name", "website", "industry", "country", "region", employees=st.none() | st.integers(0, 10_000_000)),
)  # fmt: skip
def test_whatever_was_captured_can_be_enriched(person: dict[str, Any], company: dict[str, Any]) -> None:
    captured = Captured.from_dict(
        {
            "origin": {
                "submission_id": "s",
                "channel": "api",
                "submitted_at": "2026-11-02T09:00:00Z",
                "captured_at": "2026-11-02T09:00:00Z",
            },
            "person": person,
            "company": company,
            "identity": {"new": True},
        }
    )
    known = fold_submission(KnownLead(), captured, read_submission(captured, RULES))
    out = enriched(known, captured)
    assert type(out).from_json(out.to_json()) == out
    assert KnownLead.from_json(known.to_json()) == known
