"""Conditions: for which leads they hold, and what they say where they do not."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy import LeadConditions, RoutingConditions
from policy.compiled import KEPT, compiled_once
from policy.conditions import CompanySize
from policy.matching import Conditions, LeadFacts, compile_conditions, compile_unless, facts_of
from policy.types import PolicyModel
from schemas.events import Band, Consent, Contact, Origin, Profile, Qualification
from schemas.events.enriched import Department, EmailKind, Seniority

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Lead:
    origin: Origin
    person: Contact
    profile: Profile
    consent: Consent
    band: str = "hot"
    tier: str = "A1"
    qualification: str = "mql"
    territory: str | None = "dach"

    @property
    def facts(self) -> LeadFacts:
        return facts_of(self).with_score(self, self.territory)


def lead(
    *,
    channel: str = "web_form",
    source: str | None = None,
    utm_source: str | None = None,
    email: str | None = "jo@acme.example",
    marketing: bool | None = None,
    judged: dict[str, Any] | None = None,
    **profile: Any,
) -> Lead:
    origin = Origin(
        submission_id="s1",
        channel=channel,
        source=source,
        utm_source=utm_source,
        submitted_at=NOON,
        captured_at=NOON,
    )
    return Lead(origin, Contact(email=email), Profile(**profile), Consent(marketing=marketing), **(judged or {}))


def compiled(wanted: dict[str, Any]) -> Conditions:
    return compile_conditions(RoutingConditions.model_validate(wanted))


def holds(wanted: dict[str, Any], **fields: Any) -> bool:
    return compiled(wanted).hold(lead(**fields).facts)


# ── each condition ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("wanted", "meets", "fails"),
    [
        ({"seniority": ["vp", "director"]}, {"seniority": "vp"}, {"seniority": "manager"}),
        ({"seniority": "unknown"}, {"seniority": None}, {"seniority": "vp"}),
        ({"department": "sales"}, {"department": "sales"}, {"department": None}),
        ({"department": "unknown"}, {"department": None}, {"department": "sales"}),
        ({"company_size": "51-200"}, {"employees": 200}, {"employees": 201}),
        ({"company_size": "unknown"}, {"employees": None}, {"employees": 1}),
        ({"employees_at_least": 50}, {"employees": 50}, {"employees": 49}),
        ({"employees_at_least": 0}, {"employees": 0}, {"employees": None}),
        ({"employees_at_most": 50}, {"employees": 50}, {"employees": 51}),
        ({"employees_at_most": 50}, {"employees": 0}, {"employees": None}),
        ({"industry": "software"}, {"industry": "software"}, {"industry": None}),
        ({"industry": "unknown"}, {"industry": None}, {"industry": "software"}),
        ({"country": ["GB", "IE"]}, {"country": "IE"}, {"country": None}),
        ({"country_known": True}, {"country": "FR"}, {"country": None}),
        ({"country_known": False}, {"country": None}, {"country": "FR"}),
        ({"region": "Bavaria"}, {"region": " BAVARIA "}, {"region": "Hesse"}),
        ({"region": "STRASSE"}, {"region": "Straße"}, {"region": None}),
        ({"region": "unknown"}, {"region": None}, {"region": "Hesse"}),
        ({"email_kind": "free"}, {"email_kind": "free"}, {"email_kind": "business"}),
        ({"email_kind": "unknown"}, {"email_kind": None}, {"email_kind": "business"}),
        ({"email_domain": "acme.example"}, {"email": "a@acme.example"}, {"email": "a@notacme.example"}),
        ({"email_domain": "acme.example"}, {"email": "a@mail.ACME.example"}, {"email": None}),
        ({"email_domain": "mail.acme.example"}, {"email": "a@mail.acme.example"}, {"email": "a@acme.example"}),
        ({"title_contains": "sales"}, {"title": "VP, Sales"}, {"title": "Salesman"}),
        ({"title_contains": "sale"}, {"title": "Sale & Lease"}, {"title": "VP, Sales"}),
        ({"title_contains": "man"}, {"title": "Man of Action"}, {"title": "Salesman"}),
        ({"title_contains": "head of"}, {"title": "Global Head of IT"}, {"title": "Head Office"}),
        ({"title_contains": ["cto", "SALES"]}, {"title": "SALES"}, {"title": None}),
        ({"title_contains": "head, sales"}, {"title": "Head Sales"}, {"title": "Head of Sales"}),
        ({"channel": "chat"}, {"channel": "chat"}, {"channel": "web_form"}),
        ({"source": "Demo"}, {"source": " demo"}, {"source": "demo2"}),
        ({"source": "ads"}, {"utm_source": "Ads"}, {"utm_source": None}),
        ({"source": "ads"}, {"source": "demo", "utm_source": "ads"}, {"source": "demo", "utm_source": "mail"}),
        ({"source": "unknown"}, {"source": None}, {"utm_source": "ads"}),
        ({"marketing_consent": False}, {"marketing": False}, {"marketing": None}),
        ({"marketing_consent": True}, {"marketing": True}, {"marketing": False}),
        ({"band": ["warm", "hot"]}, {"judged": {"band": "hot"}}, {"judged": {"band": "cool"}}),
        ({"tier": "A1"}, {"judged": {"tier": "A1"}}, {"judged": {"tier": "B1"}}),
        ({"qualification": "mql"}, {"judged": {"qualification": "mql"}}, {"judged": {"qualification": "nurture"}}),
        ({"territory": ["us", "dach"]}, {"judged": {"territory": "us"}}, {"judged": {"territory": None}}),
        ({"in_territory": True}, {"judged": {"territory": "us"}}, {"judged": {"territory": None}}),
        ({"in_territory": False}, {"judged": {"territory": None}}, {"judged": {"territory": "us"}}),
        ({"seniority": "vp", "country": "GB"}, {"seniority": "vp", "country": "GB"}, {"seniority": "vp"}),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_a_condition_holds_for_one_lead_and_not_for_another(
    wanted: dict[str, Any], meets: dict[str, Any], fails: dict[str, Any]
) -> None:
    assert holds(wanted, **meets)
    assert not holds(wanted, **fails)


def test_every_condition_is_known_here() -> None:
    elsewhere = {"account_has_owner": True}
    anything: dict[str, Any] = {
        "seniority": "vp", "department": "sales", "company_size": "1-10", "employees_at_least": 1,
        "employees_at_most": 9, "industry": "retail", "country": "GB", "country_known": True, "region": "kent",
        "email_kind": "free", "email_domain": "a.example", "title_contains": "x", "channel": "api", "source": "x",
        "marketing_consent": True, "band": "hot", "tier": "A1", "qualification": "mql", "territory": "uk",
        "in_territory": True,
    }  # fmt: skip
    assert {*anything, *elsewhere} == set(RoutingConditions.model_fields)
    assert all(len(compiled({name: value}).clauses) == 1 for name, value in anything.items())
    assert compiled(elsewhere).clauses == ()


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ({"band": "warm"}, "band is hot, the rule asks for warm"),
        ({"territory": ["us", "uk"]}, "territory is dach, the rule asks for uk or us"),
        ({"in_territory": False}, "in_territory is true, the rule asks for false"),
        ({"employees_at_least": 121}, "employees is 120, the rule asks for at least 121"),
        ({"employees_at_most": 119}, "employees is 120, the rule asks for at most 119"),
        ({"email_domain": "cme.example"}, "email_domain is mail.acme.example, the rule asks for cme.example"),
        ({"title_contains": "sale"}, "title is Head of Sales, EMEA, the rule asks for one with sale"),
        ({"country_known": True}, "country_known is false, the rule asks for true"),
        ({"marketing_consent": True}, "marketing_consent is not known, the rule asks for true"),
        ({"source": "ads"}, "source is spring fair and mail, the rule asks for ads"),
        ({"country": "AT"}, "country is not known, the rule asks for AT"),
        ({"band": "hot", "seniority": "vp"}, "seniority is unknown, the rule asks for vp"),
        ({"band": "hot"}, None),
    ],
)
def test_conditions_say_why_they_do_not_hold(wanted: dict[str, Any], why: str | None) -> None:
    asked = lead(
        email="Jo@Mail.Acme.example",
        title="Head of Sales, EMEA",
        employees=120,
        source="Spring Fair",
        utm_source="mail",
    )
    assert compiled(wanted).why_not(asked.facts) == why


def test_without_conditions_every_lead_will_do() -> None:
    anybody = compile_conditions(LeadConditions.model_construct())
    assert anybody.hold(lead().facts)
    assert anybody.why_not(lead().facts) is None


def test_unless_takes_out_leads_that_meet_the_conditions() -> None:
    students = LeadConditions(seniority=("student",))
    at_work = LeadConditions(email_kind=("business",))
    only_private = compile_unless(students, at_work)
    assert only_private(lead(seniority="student", email_kind="free").facts)
    assert not only_private(lead(seniority="student", email_kind="business").facts)
    assert not only_private(lead(seniority="vp", email_kind="free").facts)
    assert compile_unless(students, None)(lead(seniority="student", email_kind="business").facts)


def test_letters_may_be_composed_or_not() -> None:
    apart = unicodedata.normalize("NFD", "Geschäftsführer")
    assert apart != "Geschäftsführer"
    assert holds({"title_contains": apart}, title="Geschäftsführer")
    assert holds({"title_contains": "geschäftsführer"}, title=apart)
    assert not holds({"title_contains": "gescha"}, title=apart)


# ── any conditions, any lead ──────────────────────────────────────────────────────────────────────

WORDS = ("head", "of", "sales", "Straße", "vp", "R&D")
DOMAINS = ("acme.example", "mail.acme.example", "notacme.example", "other.example")
TERRITORIES = ("dach", "us")


def values_of(literal: Any) -> tuple[str, ...]:
    return tuple(value for value in _flat(literal) if value != "unknown")


def _flat(literal: Any) -> list[str]:
    return [each for arg in get_args(literal) for each in ([arg] if isinstance(arg, str) else _flat(arg))]


def some(values: tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True)


texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join)
numbers = st.sampled_from([0, 1, 10, 11, 120, 5_000])
CONDITIONS: dict[str, st.SearchStrategy[Any]] = {
    "seniority": some((*values_of(Seniority), "unknown")),
    "department": some((*values_of(Department), "unknown")),
    "company_size": some(get_args(CompanySize)),
    "employees_at_least": numbers,
    "employees_at_most": numbers,
    "industry": some(("software", "retail", "unknown")),
    "country": some(("DE", "GB", "US")),
    "country_known": st.booleans(),
    "region": some(("Bavaria", "STRASSE", "unknown")),
    "email_kind": some((*values_of(EmailKind), "unknown")),
    "email_domain": some(DOMAINS),
    "title_contains": st.lists(texts, min_size=1, max_size=2),
    "channel": some(("web_form", "chat")),
    "source": some(("Ads", "demo", "unknown")),
    "marketing_consent": st.booleans(),
    "band": some(get_args(Band)),
    "tier": some(("A1", "B2", "D4")),
    "qualification": some(get_args(Qualification)),
    "territory": some(TERRITORIES),
    "in_territory": st.booleans(),
}
leads = st.builds(
    lead,
    channel=st.sampled_from(["web_form", "chat", "api"]),
    source=st.sampled_from([None, "ads", " Demo "]),
    utm_source=st.sampled_from([None, "ADS", "mail"]),
    email=st.none() | st.sampled_from(DOMAINS).map(lambda domain: f"jo@{domain.title()}"),
    marketing=st.none() | st.booleans(),
    judged=st.fixed_dictionaries(
        {
            "band": st.sampled_from(get_args(Band)),
            "tier": st.sampled_from(["A1", "B2", "C3"]),
            "qualification": st.sampled_from(get_args(Qualification)),
            "territory": st.none() | st.sampled_from(TERRITORIES),
        }
    ),
    seniority=st.none() | st.sampled_from(values_of(Seniority)),
    department=st.none() | st.sampled_from(values_of(Department)),
    email_kind=st.none() | st.sampled_from(values_of(EmailKind)),
    employees=st.none() | numbers,
    industry=st.sampled_from([None, "software", "retail"]),
    country=st.sampled_from([None, "DE", "GB"]),
    region=st.sampled_from([None, "bavaria", "Straße", "Hesse"]),
    title=st.none() | texts,
)


@st.composite
def stated(draw: st.DrawFn) -> dict[str, Any]:
    """One to three conditions that make sense together."""
    names = draw(st.lists(st.sampled_from(sorted(CONDITIONS)), min_size=1, max_size=3, unique=True))
    wanted = {name: draw(CONDITIONS[name]) for name in names}
    if wanted.get("employees_at_most", 9_999) < wanted.get("employees_at_least", 0):
        del wanted["employees_at_most"]
    return wanted


def spelled_out(name: str, value: Any, asked: Lead) -> bool:
    """What docs/policy.md says of one condition, word by word and without haste."""
    if name in SPELLED_OUT:
        return SPELLED_OUT[name](value, asked)
    if name in ("band", "tier", "qualification", "territory"):
        return getattr(asked, name) in value
    return (getattr(asked.profile, name) or "unknown") in value


def _known(number: int | None, least: int, most: int) -> bool:
    return number is not None and least <= number <= most


def _in_domain(address: str | None, domains: list[str]) -> bool:
    domain = (address or "@").lower().split("@")[1]
    return any(domain == each or domain.endswith("." + each) for each in domains)


def _has_phrase(title: str | None, phrases: list[str]) -> bool:
    found = (title or "").casefold().replace("&", " ").split()
    wanted = [each.casefold().replace("&", " ").split() for each in phrases]
    return any(phrase == found[at : at + len(phrase)] for phrase in wanted for at in range(len(found)))


def _comes_from(origin: Origin, sources: list[str]) -> bool:
    known = {each.strip().lower() for each in (origin.source, origin.utm_source) if each}
    return not known.isdisjoint(each.lower() for each in sources) if known else "unknown" in sources


SPELLED_OUT: dict[str, Callable[[Any, Lead], bool]] = {
    "employees_at_least": lambda least, asked: _known(asked.profile.employees, least, 10**9),
    "employees_at_most": lambda most, asked: _known(asked.profile.employees, 0, most),
    "company_size": lambda sizes, asked: any(_of_size(asked.profile.employees, size) for size in sizes),
    "country_known": lambda known, asked: known is bool(asked.profile.country),
    "in_territory": lambda inside, asked: inside is bool(asked.territory),
    "marketing_consent": lambda agreed, asked: agreed is asked.consent.marketing,
    "email_domain": lambda domains, asked: _in_domain(asked.person.email, domains),
    "title_contains": lambda phrases, asked: _has_phrase(asked.profile.title, phrases),
    "source": lambda sources, asked: _comes_from(asked.origin, sources),
    "region": lambda regions, asked: (
        (asked.profile.region or "unknown").casefold() in {each.casefold() for each in regions}
    ),
    "channel": lambda channels, asked: asked.origin.channel in channels,
}


def _of_size(employees: int | None, size: str) -> bool:
    if employees is None or size == "unknown":
        return employees is None and size == "unknown"
    least, _, most = size.rstrip("+").partition("-")
    # The smallest band takes companies of nobody too.
    return (0 if least == "1" else int(least)) <= employees <= (int(most) if most else 10**9)


@given(stated(), leads)
def test_conditions_mean_what_the_documentation_says(wanted: dict[str, Any], asked: Lead) -> None:
    expected = all(spelled_out(name, value, asked) for name, value in wanted.items())
    assert compiled(wanted).hold(asked.facts) is expected


@given(stated(), leads)
def test_a_reason_is_given_exactly_when_conditions_do_not_hold(wanted: dict[str, Any], asked: Lead) -> None:
    conditions, facts = compiled(wanted), asked.facts
    why = conditions.why_not(facts)
    assert (why is None) is conditions.hold(facts)
    if why is not None:
        assert any(not clause.holds(facts) and why == clause.why_not(facts) for clause in conditions.clauses)


@given(stated(), stated(), leads)
def test_another_condition_never_lets_in_more_leads(first: dict[str, Any], more: dict[str, Any], asked: Lead) -> None:
    both = {**more, **first}
    if both.get("employees_at_most", 9_999) < both.get("employees_at_least", 0):
        return
    assert compiled(first).hold(asked.facts) or not compiled(both).hold(asked.facts)


@given(stated(), leads)
def test_conditions_without_their_routing_part_ask_the_same_of_a_person(wanted: dict[str, Any], asked: Lead) -> None:
    personal = {name: value for name, value in wanted.items() if name in LeadConditions.model_fields}
    if personal:
        unscored = facts_of(asked)
        assert compile_conditions(LeadConditions.model_validate(personal)).hold(unscored) is compiled(personal).hold(
            asked.facts
        )


# ── compiled once ─────────────────────────────────────────────────────────────────────────────────


class Part(PolicyModel):
    name: str


def noting(made: list[str]) -> Callable[[Part], str]:
    def compile_part(part: Part) -> str:
        made.append(part.name)
        return f"plan of {part.name}"

    return compiled_once(compile_part)


def test_a_part_of_a_policy_is_compiled_when_first_asked_for_and_kept() -> None:
    made: list[str] = []
    compile_part = noting(made)
    old, new, same_content = Part(name="old"), Part(name="new"), Part(name="old")

    plans = [compile_part(part) for part in (old, new, old, same_content)]

    assert plans == ["plan of old", "plan of new", "plan of old", "plan of old"]
    assert made == ["old", "new", "old"]


def test_only_the_parts_last_used_are_kept() -> None:
    made: list[str] = []
    compile_part = noting(made)
    parts = [Part(name=str(number)) for number in range(KEPT + 1)]

    for part in (*parts, parts[-1], parts[0]):
        compile_part(part)

    assert made == [*map(str, range(KEPT + 1)), "0"]
