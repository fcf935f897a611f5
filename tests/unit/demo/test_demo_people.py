"""Invented people: nobody shares an address or number, and other spellings of these are still theirs."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.people import Cast, Person, plain
from demo.spelling import clumsy, email_spelling, misspelt_email, phone_spelling
from demo.world import world
from policy import Identity
from policy.loading import load_policy
from services.capture.domain.identity import email_key, phone_key

ROOT = Path(__file__).parents[3]


@pytest.fixture(
    scope="module", params=["policy.yaml", "policy/starters/sales-team.yaml", "policy/starters/solo-founder.yaml"]
)
def rules(request: pytest.FixtureRequest) -> Identity:
    return load_policy(ROOT / request.param).identity


@pytest.fixture(scope="module")
def people() -> list[Person]:
    cast = Cast()
    return [cast.person(number, (number % 100) / 100, Random(number)) for number in range(1_500)]


def test_nobody_shares_an_address_or_a_number_under_any_spelling_rule(people: list[Person], rules: Identity) -> None:
    keys = Counter(email_key(person.email, rules) for person in people if person.email)
    keys += Counter(phone_key(person.phone, rules) for person in people if person.phone)
    assert None not in keys
    assert keys.most_common(1)[0][1] == 1


def test_every_spelling_of_an_address_and_a_number_is_the_same_person(people: list[Person], rules: Identity) -> None:
    rng = Random(5)
    for person in people:
        for _ in range(4):
            if person.email:
                assert email_key(email_spelling(person.email, rng), rules) == email_key(person.email, rules)
            if person.phone:
                spelt = phone_spelling(person.phone, person.country.code, rng)
                assert phone_key(spelt, rules, rng.choice(person.country.stated)) == person.phone


def test_a_slip_of_the_finger_is_another_address(people: list[Person], rules: Identity) -> None:
    slips = [(person.email, misspelt_email(person.email, world(), Random(1))) for person in people if person.email]
    known = {email_key(person.email, rules) for person in people if person.email}
    made = [(right, wrong) for right, wrong in slips if wrong]
    assert len(made) > 50
    assert all(email_key(wrong, rules) not in known for _, wrong in made)


def test_everybody_can_be_reached_somehow_and_better_people_are_higher_up(people: list[Person]) -> None:
    assert all(person.email or person.phone for person in people)
    good = [person for person in people if person.quality > 0.8]
    poor = [person for person in people if person.quality < 0.2]
    assert _at_work(good) > 0.9
    assert _at_work(poor) < 0.8
    assert sum("tern" in (person.title or "") for person in good) == 0


def _at_work(people: list[Person]) -> float:
    return sum(person.company is not None for person in people) / len(people)


def test_someone_without_an_address_tells_a_number() -> None:
    cast = Cast()
    told = [cast.person(number, 0.5, Random(number), phone=0.0, email=0.0) for number in range(50)]
    assert all(person.phone and not person.email for person in told)


@given(st.text(min_size=2, max_size=30), st.integers())
def test_a_clumsy_name_is_never_empty(name: str, seed: int) -> None:
    assert clumsy(name, Random(seed))


@given(st.sampled_from([name for country in world().countries for name in (*country.given, *country.family)]))
def test_names_become_plain_ascii(name: str) -> None:
    assert plain(name).isascii()
    assert plain(name).isalnum()


def test_when_a_country_s_numbers_are_used_up_people_tell_an_address() -> None:
    only = world().countries[0].model_copy(update={"phones": ("7700900123",)})
    cast = Cast(world().model_copy(update={"countries": (only,)}))
    first, second = (cast.person(number, 0.5, Random(number), phone=1.0, email=0.0) for number in range(2))
    assert (first.phone, first.email) == ("+447700900123", None)
    assert second.phone is None
    assert second.email
