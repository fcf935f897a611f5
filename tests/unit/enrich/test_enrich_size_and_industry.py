"""Company size, industry and profile links: from what forms and CRMs offer."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.loading import load_policy
from services.enrich.domain.answers import read_answers
from services.enrich.domain.employees import read_employees
from services.enrich.domain.industry import read_industry
from services.enrich.domain.links import read_linkedin
from services.enrich.domain.tables import lines

POLICIES = Path(__file__).parents[3] / "policy" / "starters"


@pytest.mark.parametrize(
    ("written", "employees"),
    [
        ("51-200", 125), ("51\u2013200 employees", 125), ("1,001-5,000", 3000), ("1.001 - 5.000", 3000),
        ("1 000 - 5 000", 3000), ("11 to 50", 30), ("1-10 Mitarbeiter", 5), ("1k-5k", 3000), ("10k+", 10_000),
        ("10.000+", 10_000), (">500", 500), ("über 500", 500), ("more than 1000", 1000), ("<50", 25), ("bis zu 50", 25),
        ("up to 1", 1), ("just me", 1), ("5000", 5000), ("about 30", 30), ("0", 0),
    ],
)  # fmt: skip
def test_a_size_is_one_number(written: str, employees: int) -> None:
    size = read_employees(written)
    assert size is not None
    assert size.employees == employees


@pytest.mark.parametrize("written", [None, "", "n/a", "many", "1-10, 2 offices, 7", "99999999999"])
def test_what_is_no_size_is_left_out(written: str | None) -> None:
    assert read_employees(written) is None


def test_an_exact_number_is_trusted_more_than_a_range() -> None:
    exact, between = read_employees("125"), read_employees("51-200")
    assert exact is not None
    assert between is not None
    assert exact.confidence > between.confidence


@given(st.integers(0, 9_999_999), st.integers(0, 9_999_999))
def test_the_middle_of_a_range_lies_within_it(one: int, other: int) -> None:
    size = read_employees(f"{one:,} - {other:,}")
    assert size is not None
    assert min(one, other) <= size.employees <= max(one, other)


@given(st.text(max_size=40))
def test_no_text_upsets_the_reading_of_a_size(text: str) -> None:
    size = read_employees(text)
    assert size is None or 0 <= size.employees <= 10_000_000


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("Computer Software", "software"), ("SaaS", "software"), ("technolgy", "software"), ("medical", "healthcare"),
        ("Hospital & Health Care", "healthcare"), ("Financial Services", "financial_services"),
        ("finance", "financial_services"),
        ("Einzelhandel", "retail"), ("Agroalimentaire", "food"), ("Construção civil", "construction"),
        ("Legal Services", "legal"), ("IT", "it_services"), ("professional_services", "professional_services"),
        ("Rocket Surgery", "rocket_surgery"),
    ],
)  # fmt: skip
def test_an_industry_has_one_code(written: str, code: str) -> None:
    industry = read_industry(written)
    assert industry is not None
    assert industry.code == code


@pytest.mark.parametrize("written", [None, "", "n/a", "-", "航空"])
def test_what_names_no_industry_is_left_out(written: str | None) -> None:
    assert read_industry(written) is None


@given(st.text(max_size=300))
def test_an_industry_is_always_a_code_that_a_policy_can_name(text: str) -> None:
    industry = read_industry(text)
    assert industry is None or re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", industry.code)


@pytest.mark.parametrize("name", ["solo-founder.yaml", "sales-team.yaml"])
def test_the_starter_policies_name_industries_that_enrich_gives(name: str) -> None:
    policy = load_policy(POLICIES / name)
    named = {code for rule in policy.scoring.fit.rules for code in rule.when.industry}
    named |= {code for territory in policy.routing.territories for code in territory.industries}
    assert named - {"unknown"} <= {line.split(":")[0] for line in lines("industries.txt")}


@pytest.mark.parametrize(
    ("written", "link"),
    [
        ("https://www.linkedin.com/in/Jane-Doe/?trk=x", "https://www.linkedin.com/in/jane-doe"),
        ("linkedin.com/in/jane", "https://www.linkedin.com/in/jane"),
        ("de.linkedin.com/in/j%C3%A4ne", "https://www.linkedin.com/in/jäne"),
        ("https://www.linkedin.com/company/acme", None),
        ("https://notlinkedin.com/in/jane", None),
        ("linkedin.com/in/o%27neil", "https://www.linkedin.com/in/o'neil"),
        ("linkedin.com/in/x%00y", "https://www.linkedin.com/in/x"),
        ("linkedin.com/in/x%2500y", "https://www.linkedin.com/in/x"),
        ("linkedin.com/in/x%0D%0Ay", "https://www.linkedin.com/in/x"),
        ("linkedin.com/in/x%2Fy%5Cz", "https://www.linkedin.com/in/x"),
        ("linkedin.com/in/%00", None),
        ("linkedin.com/in/..%2F..%2Fx", None),
        ("linkedin.com/in/x%3Cscript%3E", None),
        (f"linkedin.com/in/{'x' * 101}", None),
        ("@jane", None),
        (None, None),
    ],
)
def test_a_linkedin_profile_has_one_address(written: str | None, link: str | None) -> None:
    assert read_linkedin(written) == link


@given(st.text(max_size=80), st.integers(0, 3))
def test_whatever_is_encoded_in_a_link_is_harmless_decoded(handle: str, times: int) -> None:
    for _ in range(times):
        handle = quote(handle, safe="")
    link = read_linkedin(f"linkedin.com/in/{handle}")
    if link is not None:
        read = link.removeprefix("https://www.linkedin.com/in/")
        assert 0 < len(read) <= 200
        assert not any(
            unicodedata.category(letter) in ("Cc", "Zs", "Zl", "Zp") or letter in "/\\%<>" for letter in read
        )
        assert ".." not in read


def test_answers_are_found_whatever_the_form_calls_them() -> None:
    answers = read_answers(
        {"Company_Size": "51-200", "BRANCHE": "SaaS", "Your job title?": "CEO", "Favourite colour": "red", "Land": "DE"}
    )
    assert answers == {"employees": "51-200", "industry": "SaaS", "title": "CEO", "country": "DE"}
