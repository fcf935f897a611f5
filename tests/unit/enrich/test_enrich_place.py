"""Countries, regions and time zones: from names, codes, flags, prefixes and top-level domains."""

from __future__ import annotations

from zoneinfo import available_timezones

import pytest
from babel import Locale
from babel.core import get_global
from hypothesis import given
from hypothesis import strategies as st

from policy.reading.countries import LANGUAGES, country_codes, timezone_of
from services.enrich.domain.country import country_of_domain, match_country
from services.enrich.domain.evidence import Evidence
from services.enrich.domain.phone import read_phone
from services.enrich.domain.place import Hints, read_place
from services.enrich.domain.region import read_region
from services.enrich.domain.tables import rows


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("Germany", "DE"), ("deutschland", "DE"), ("Allemagne", "DE"), ("Alemania", "DE"), ("Alemanha", "DE"),
        ("DE", "DE"), ("deu", "DE"), ("Германия", "DE"), ("德国", "DE"), ("🇩🇪", "DE"), ("USA", "US"), ("U.S.A.", "US"),
        ("United States of America", "US"), ("the united states", "US"), ("UK", "GB"), ("England", "GB"),
        ("The Netherlands", "NL"), ("Holland", "NL"), ("Brasil", "BR"), ("Côte d\u2019Ivoire", "CI"),
        ("Ivory Coast", "CI"),
        ("Türkiye", "TR"), ("Turkey", "TR"), ("Czech Republic", "CZ"), ("South Korea", "KR"), ("Kosovo", "XK"),
        ("Österreich", "AT"), ("UAE", "AE"),
    ],
)  # fmt: skip
def test_a_country_has_many_names(written: str, code: str) -> None:
    found = match_country(written)
    assert found is not None
    assert found.code == code


@pytest.mark.parametrize("written", [None, "", "unknown", "Atlantis", "Europe", "Asia/Pacific Region", "🇽🇽"])
def test_what_is_no_country_is_left_out(written: str | None) -> None:
    assert match_country(written) is None


def test_a_name_that_two_places_answer_to_is_trusted_less() -> None:
    sure, unsure = match_country("Germany"), match_country("Georgia")
    assert sure is not None
    assert unsure is not None
    assert sure.confidence > unsure.confidence


@pytest.mark.parametrize(
    ("domain", "country"),
    [("acme.de", "DE"), ("acme.co.uk", "GB"), ("acme.com.br", "BR"), ("acme.com", None), ("acme.io", None),
     ("acme.ai", None), ("acme.co", "CO"), ("acme.eu", None)],
)  # fmt: skip
def test_a_top_level_domain_says_where_unless_it_is_sold_abroad(domain: str, country: str | None) -> None:
    assert country_of_domain(domain) == country


@pytest.mark.parametrize("code", sorted(country_codes()))
def test_every_country_is_found_by_its_codes_and_names_and_its_time_zone_exists(code: str) -> None:
    aliases = get_global("territory_aliases").items()
    alpha_3 = [alias for alias, codes in aliases if len(alias) == 3 and alias.isalpha() and codes == [code]]
    for spelling in (code, *alpha_3, Locale("en").territories[code]):
        found = match_country(spelling)
        assert found is not None
        assert found.code == code
    zone = timezone_of(code)
    assert zone is None or zone[0] in available_timezones()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_country_is_found_by_its_name_in_each_language(language: str) -> None:
    names = {code: Locale(language).territories[code] for code in ("AT", "BR", "DE", "FR", "IN", "JP", "US")}
    found = {code: match_country(name) for code, name in names.items()}
    assert {code: match and match.code for code, match in found.items()} == {code: code for code in names}


@pytest.mark.parametrize(
    ("written", "country", "name"),
    [
        ("CA", "US", "California"),
        ("calif.", "US", "calif."),
        ("new york", "US", "New York"),
        ("ON", "CA", "Ontario"),
        ("Sao Paulo", "BR", "São Paulo"),
        ("Bavaria", "DE", "Bayern"),
        ("Île-de-France", "FR", "Île-de-France"),
        ("California", None, "California"),
    ],
)
def test_a_region_has_one_spelling_where_we_know_it(written: str, country: str | None, name: str) -> None:
    region = read_region(written, country)
    assert region is not None
    assert region.name == name


def test_every_region_s_time_zone_exists_and_no_area_code_lies_in_two() -> None:
    assert {zone for _, _, zone, _, _ in rows("regions.txt")} <= available_timezones()
    areas = [(country, area) for country, _, _, _, codes in rows("regions.txt") for area in codes.split()]
    listed = [pair for pair in areas if pair[1] != "-"]
    assert len(listed) == len(set(listed)) > 300


def place(**hints: str | None) -> dict[str, tuple[str | int, str]]:
    """Value and source, by group."""
    number = hints.pop("phone", None)
    country = hints.pop("country", None)
    read = Hints(
        country=match_country(country),
        region=hints.get("region"),
        timezone=hints.get("timezone"),
        mail_country=hints.get("mail_country"),
        phone=read_phone(number, "US") if number else None,
    )
    found: list[Evidence] = list(read_place(read))
    return {group: (findings[0].value, findings[0].source) for group, _, findings in found}


def test_a_stated_country_outweighs_the_prefix_and_the_domain() -> None:
    found = place(country="France", phone="+49 30 901820", mail_country="BR")
    assert found == {"country": ("FR", "submission"), "timezone:FR": ("Europe/Paris", "country")}


def test_the_prefix_outweighs_the_domain() -> None:
    found = place(phone="+1 415 867 5309", mail_country="DE")
    assert found == {
        "country": ("US", "phone_prefix"),
        "region:US": ("California", "phone_prefix"),
        "timezone:US": ("America/Los_Angeles", "phone_prefix"),
    }


def test_a_number_without_country_code_says_nothing_of_the_country() -> None:
    assert "country" not in place(phone="415 867 5309")


def test_a_region_stands_for_its_country() -> None:
    assert place(region="California") == {
        "country": ("US", "region"),
        "region:US": ("California", "submission"),
        "timezone:US": ("America/Los_Angeles", "region"),
    }


def test_a_stated_time_zone_is_believed_and_a_wrong_one_ignored() -> None:
    assert place(country="DE", timezone="Asia/Tokyo")["timezone"] == ("Asia/Tokyo", "submission")
    assert place(country="DE", timezone="Mars/Olympus")["timezone:DE"] == ("Europe/Berlin", "country")


def test_a_country_of_several_time_zones_gives_a_doubtful_one() -> None:
    (one,) = (e for e in read_place(Hints(match_country("DE"), None, None, None, None)) if e.group == "timezone:DE")
    (many,) = (e for e in read_place(Hints(match_country("US"), None, None, None, None)) if e.group == "timezone:US")
    assert one.weight > 2 * many.weight - 0.01


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=20))
def test_no_text_upsets_the_reading_of_a_place(country: str, region: str, timezone: str) -> None:
    for evidence in read_place(Hints(match_country(country), region, timezone, None, None)):
        assert evidence.findings
