"""What several submissions add up to: the best trusted, then the latest, in whatever order they arrive."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import Captured, Enriched
from services.enrich.domain.lead import MOST_CHANNELS, REMEMBERED_SUBMISSIONS, KnownLead, enriched, fold_submission
from services.enrich.domain.mail import MailRules
from services.enrich.domain.submission import ReadingRules, read_submission

Enrich = Callable[..., Enriched]
Submission = Callable[..., Captured]
RULES = ReadingRules(mail=MailRules(), phone_country="US")


def fold(submissions: list[Captured]) -> KnownLead:
    known = KnownLead()
    for captured in submissions:
        known = fold_submission(known, captured, read_submission(captured, RULES))
    return known


def test_a_full_form_becomes_a_contact_and_a_profile(enrich: Enrich, submission: Submission) -> None:
    known = enrich(
        submission(
            person={
                "name": "Dr. JANE VAN DER BERG",
                "email": "Jane.Berg@mail.ACME.de",
                "phone": "030 901820",
                "title": "VP of Engineering",
                "linkedin_url": "linkedin.com/in/janeberg?x=1",
                "answers": {"Company size": "51-200"},
            },
            company={"name": "ACME Robotics GmbH & Co. KG", "industry": "Maschinenbau", "country": "Deutschland"},
            attribution={"utm_source": "google"},
            consent={"marketing": True},
        )
    )
    assert known.person.to_dict() == {
        "full_name": "Jane van der Berg",
        "given_name": "Jane",
        "family_name": "van der Berg",
        "email": "Jane.Berg@mail.acme.de",
        "phone": "+4930901820",
        "linkedin_url": "https://www.linkedin.com/in/janeberg",
    }
    assert known.profile.to_dict() == {
        "title": "VP of Engineering",
        "seniority": "vp",
        "department": "engineering",
        "email_kind": "business",
        "company": "ACME Robotics",
        "company_key": "acmerobotics",
        "domain": "acme.de",
        "employees": 125,
        "industry": "engineering",
        "country": "DE",
        "region": None,
        "timezone": "Europe/Berlin",
    }
    assert known.attribution.utm_source == "google"
    assert known.consent.marketing is True
    assert (known.submissions, known.channels) == (1, ("web_form",))


def test_every_value_has_a_fact_with_its_source(enrich: Enrich, submission: Submission) -> None:
    known = enrich(submission(person={"email": "jane.doe@acme.de", "title": "CEO", "phone": "+4930901820"}))
    values = {f"person.{name}" for name, value in known.person.to_dict().items() if value is not None}
    values |= {f"profile.{name}" for name, value in known.profile.to_dict().items() if value is not None}
    assert {fact.field for fact in known.facts} == values
    assert len(known.facts) == len(values)
    assert {fact.field: fact.source for fact in known.facts} == {
        "person.full_name": "email_name",
        "person.given_name": "email_name",
        "person.family_name": "email_name",
        "person.email": "submission",
        "person.phone": "submission",
        "profile.email_kind": "email_rules",
        "profile.title": "submission",
        "profile.seniority": "title_rules",
        "profile.department": "title_rules",
        "profile.company": "email_domain",
        "profile.company_key": "email_domain",
        "profile.domain": "email_domain",
        "profile.country": "phone_prefix",
        "profile.timezone": "phone_prefix",
    }


def test_a_later_submission_adds_and_takes_nothing_away(enrich: Enrich, submission: Submission) -> None:
    known = enrich(
        submission(1, person={"name": "Jane Doe", "email": "jane@acme.com"}),
        submission(2, person={"phone": "+4930901820"}, channel="phone"),
    )
    assert (known.person.full_name, known.person.email, known.person.phone) == (
        "Jane Doe",
        "jane@acme.com",
        "+4930901820",
    )
    assert (known.submissions, known.channels) == (2, ("web_form", "phone"))


def test_what_is_better_trusted_wins_over_what_is_later(enrich: Enrich, submission: Submission) -> None:
    known = enrich(
        submission(1, person={"email": "jane@acme.com", "name": "Jane Doe"}, company={"name": "Acme Robotics"}),
        submission(2, person={"email": "jane@gmail.com", "name": "Jane"}),
        submission(3, person={"email": "not an address"}),
    )
    assert (known.person.email, known.profile.email_kind, known.profile.domain) == (
        "jane@acme.com",
        "business",
        "acme.com",
    )
    assert known.person.full_name == "Jane Doe"
    assert known.profile.company == "Acme Robotics"


def test_of_equal_trust_the_later_one_wins(enrich: Enrich, submission: Submission) -> None:
    old = submission(1, day=2, person={"title": "CTO"})
    new = submission(2, day=3, person={"title": "Head of Sales"})
    assert enrich(old, new).profile.title == "Head of Sales"
    assert enrich(new, old).profile.title == "Head of Sales"


def test_values_that_belong_together_come_from_one_submission(enrich: Enrich, submission: Submission) -> None:
    known = enrich(
        submission(1, person={"name": "Jane Doe", "title": "VP of Engineering"}),
        submission(2, person={"name": "Janet Roe", "title": "Manager"}),
    )
    assert (known.person.full_name, known.person.given_name, known.person.family_name) == ("Janet Roe", "Janet", "Roe")
    assert (known.profile.seniority, known.profile.department) == ("manager", None)


def test_a_region_counts_only_in_the_lead_s_country(enrich: Enrich, submission: Submission) -> None:
    known = enrich(
        submission(1, person={"phone": "+1 415 867 5309"}),
        submission(2, company={"country": "Germany"}),
    )
    assert (known.profile.country, known.profile.region, known.profile.timezone) == ("DE", None, "Europe/Berlin")


def test_a_region_comes_back_into_its_own_with_its_country(enrich: Enrich, submission: Submission) -> None:
    known = enrich(
        submission(1, company={"country": "Germany", "region": "Bavaria"}),
        submission(2, company={"country": "US", "region": "CA"}),
        submission(3, company={"country": "Germany"}),
    )
    assert (known.profile.country, known.profile.region) == ("DE", "Bayern")


def test_the_latest_answer_about_consent_counts(enrich: Enrich, submission: Submission) -> None:
    agreed = submission(1, consent={"marketing": True, "wording": "Send me news"})
    not_asked = submission(2)
    refused = submission(3, consent={"marketing": False})
    assert enrich(agreed, not_asked).consent.wording == "Send me news"
    assert enrich(agreed, refused).consent.marketing is False
    assert enrich(refused, agreed).consent.marketing is False


def test_of_two_answers_at_the_same_time_the_refusal_counts(enrich: Enrich, submission: Submission) -> None:
    yes = submission(1, day=1, consent={"marketing": True})
    no = submission(2, day=1, consent={"marketing": False})
    assert enrich(yes, no).consent.marketing is False
    assert enrich(no, yes).consent.marketing is False


def test_the_event_goes_back_to_the_submission_it_answers(enrich: Enrich, submission: Submission) -> None:
    first, second = submission(1), submission(2, channel="chat")
    assert enrich(first, second).origin == second.origin


def test_channels_are_in_the_order_of_their_first_use(enrich: Enrich, submission: Submission) -> None:
    known = enrich(
        submission(3, day=3, channel="chat"),
        submission(1, day=1, channel="phone"),
        submission(4, day=4, channel="phone"),
        submission(2, day=2, channel="event"),
    )
    assert known.channels == ("phone", "event", "chat")


def test_state_stays_small_however_often_a_lead_writes(submission: Submission) -> None:
    known = fold([submission(n, channel=f"channel-{n}", person={"name": "Jane Doe"}) for n in range(1, 200)])
    assert len(known.recent) == REMEMBERED_SUBMISSIONS
    assert len(known.channels) == MOST_CHANNELS
    assert len(known.to_json().decode()) < 4_000
    assert known.submissions == 199


def test_state_comes_back_from_the_database_as_it_went_in(submission: Submission) -> None:
    full = submission(
        person={"name": "Jane Doe", "email": "j@acme.de", "title": "CEO", "phone": "+1 415 867 5309"},
        company={"name": "Acme", "employees": 7},
        attribution={"utm_source": "x"},
        consent={"marketing": True},
    )
    known = fold([full])
    restored = KnownLead.from_json(known.to_json())
    assert restored == known
    assert enriched(restored, full) == enriched(known, full)


# ── any order gives the same lead ─────────────────────────────────────────────────────────────────

FORMS: list[dict[str, Any]] = [
    {"person": {"name": "Jane Doe", "email": "jane@acme.com"}},
    {"person": {"name": "JANE", "email": "jane@gmail.com"}, "consent": {"marketing": True}},
    {"person": {"email": "nonsense"}, "company": {"country": "Georgia"}},
    {"person": {"phone": "+1 415 867 5309"}, "attribution": {"utm_source": "google"}},
    {"person": {"phone": "030 901820"}, "company": {"country": "DE", "region": "Bavaria"}},
    {"person": {"title": "CEO"}, "company": {"name": "Acme GmbH", "employees": 12}},
    {
        "person": {"title": "Something"},
        "company": {"name": "ACME", "industry": "SaaS"},
        "consent": {"marketing": False},
    },
    {"person": {"answers": {"Company size": "51-200", "Timezone": "Asia/Tokyo"}}, "attribution": {"utm_source": "x"}},
]


@given(st.data())
def test_the_same_submissions_in_any_order_give_the_same_lead(data: st.DataObject) -> None:
    forms = data.draw(st.lists(st.sampled_from(FORMS), min_size=2, max_size=7))
    days = data.draw(st.lists(st.integers(1, 3), min_size=len(forms), max_size=len(forms)))
    submissions = [_submission(n, day, form) for n, (day, form) in enumerate(zip(days, forms, strict=True))]
    shuffled = data.draw(st.permutations(submissions))
    one, other = fold(submissions), fold(shuffled)
    assert enriched(one, submissions[0]) == enriched(other, submissions[0])
    assert one.held == other.held
    assert set(one.recent) == set(other.recent)


def _submission(number: int, day: int, form: dict[str, Any]) -> Captured:
    origin = {
        "submission_id": str(number),
        "channel": f"channel-{number % 3}",
        "submitted_at": f"2026-11-0{day}T09:00:00Z",
        "captured_at": f"2026-11-0{day}T09:00:01Z",
    }
    return Captured.from_dict({"origin": origin, "person": {}, "identity": {"new": True}, **form})


@pytest.mark.parametrize("form", FORMS)
def test_one_submission_more_never_lowers_what_is_trusted(form: dict[str, Any], submission: Submission) -> None:
    before = fold([submission(1, **FORMS[0])])
    after = fold([submission(1, **FORMS[0]), submission(2, **form)])
    assert all(after.held[group].weight >= held.weight for group, held in before.held.items())


def test_a_submission_s_own_time_counts_not_its_arrival(enrich: Enrich, submission: Submission) -> None:
    late = submission(1, day=5, person={"title": "CTO"})
    early = submission(2, day=1, person={"title": "CEO"})
    assert late.origin.submitted_at - early.origin.submitted_at == timedelta(days=4)
    assert enrich(late, early).profile.title == "CTO"
