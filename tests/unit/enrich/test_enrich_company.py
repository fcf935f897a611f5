"""Companies: two spellings of one name have one key, and the name is one that a person would write."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.enrich.domain.company import company_from_domain, company_key, read_company


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Acme, Inc.", "Acme"),
        ("acme labs ltd", "Acme Labs"),
        ("SIEMENS AKTIENGESELLSCHAFT", "Siemens"),
        ("BANK OF AMERICA", "Bank of America"),
        ("Müller GmbH & Co. KG", "Müller"),
        ("Müller GmbH und Co. KG", "Müller"),
        ("Kaffee & Kuchen UG (haftungsbeschränkt)", "Kaffee & Kuchen"),
        ("Zalando SE & Co. KG", "Zalando"),
        ("The Coca-Cola Company", "Coca-Cola"),
        ("Société Générale S.A.", "Société Générale"),
        ("SARL Dupont", "Dupont"),
        ("Petróleo Brasileiro S.A.", "Petróleo Brasileiro"),
        ("Lojas Silva Ltda. - ME", "Lojas Silva"),
        ("Foo S. A. de C. V.", "Foo"),
        ("Foo, S.A. de C.V.", "Foo"),
        ("Barilla S.p.A.", "Barilla"),
        ("Philips N.V.", "Philips"),
        ("Novo Nordisk A/S", "Novo Nordisk"),
        ("Equinor ASA", "Equinor"),
        ("Nokia Oyj", "Nokia"),
        ("Volvo AB", "Volvo"),
        ("Spółka Foo Sp. z o.o.", "Spółka Foo"),
        ("Škoda a.s.", "Škoda"),
        ("Avast s.r.o.", "Avast"),
        ("ООО «Ромашка»", "Ромашка"),  # noqa: RUF001  # Cyrillic is the point
        ("株式会社トヨタ", "トヨタ"),
        ("北京小米股份有限公司", "北京小米"),
        ("삼성전자 주식회사", "삼성전자"),
        ("Tata Motors Pvt. Ltd.", "Tata Motors"),
        ("Atlassian Pty Ltd", "Atlassian"),
        ("Grab Holdings Pte. Ltd.", "Grab Holdings"),
        ("PT. Bank Central Asia Tbk", "Bank Central Asia"),
        ("Koç Holding A.Ş.", "Koç Holding"),
    ],
)
def test_a_name_is_written_without_its_legal_form(written: str, name: str) -> None:
    company = read_company(written)
    assert company is not None
    assert company.name == name


@pytest.mark.parametrize("name", ["SAS Institute", "IBM", "3M", "H&M", "eBay", "AT&T", "L'Oréal", "Just as", "Yahoo!"])
def test_what_only_looks_like_a_legal_form_or_a_shout_stays(name: str) -> None:
    company = read_company(name)
    assert company is not None
    assert company.name == name


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Acme, Inc.", "ACME CORPORATION"),
        ("Johnson & Johnson", "johnson and johnson"),
        ("Müller GmbH", "MULLER"),
        ("L'Oréal S.A.", "Loreal"),
        ("The Coca-Cola Company", "Coca Cola"),
        ("Data Dog", "DataDog, Inc."),
        ("Société Générale SA", "societe generale"),
    ],
)
def test_spellings_of_one_company_have_one_key(one: str, other: str) -> None:
    first, second = read_company(one), read_company(other)
    assert first is not None
    assert second is not None
    assert first.key == second.key


@pytest.mark.parametrize(("one", "other"), [("Acme Labs", "Acme Labor"), ("Ford", "Ford Motor"), ("हिन्दी", "हन्दी")])
def test_different_companies_have_different_keys(one: str, other: str) -> None:
    assert company_key(one) != company_key(other)


@pytest.mark.parametrize(
    "written",
    ["", "-", "n/a", "None", "self-employed", "Freelancer", "test", "GmbH", "Inc.", "jane@acme.com", "🚀", "..."],
)
def test_what_stands_in_for_no_company_is_left_out(written: str) -> None:
    assert read_company(written) is None


@pytest.mark.parametrize(
    "written",
    ["株式会社", "有限公司", "(株)", "주식회사", "株式会社 有限公司", "(GmbH)", "& Co.", "GmbH & Co. KG", "Co., Ltd.",
     "S.A. de C.V.", "Inc. Inc.", "- KG", "The Company", "and", "&", "ООО «»"],  # noqa: RUF001  # Cyrillic is the point
)  # fmt: skip
def test_legal_forms_and_connectors_alone_are_no_company(written: str) -> None:
    assert read_company(written) is None


@given(st.lists(st.sampled_from(["株式会社", "(株)", "GmbH", "& Co.", "KG", ",", "-", "(Inc.)", "the"]), max_size=5))
def test_a_name_of_legal_forms_only_is_read_without_a_fault(parts: list[str]) -> None:
    read_company(" ".join(parts))


def test_a_name_written_as_a_domain_is_both() -> None:
    company = read_company("www.acme-labs.com")
    assert company is not None
    assert (company.name, company.key, company.domain) == ("Acme Labs", "acmelabs", "acme-labs.com")


def test_a_domain_gives_a_guess_at_the_name() -> None:
    assert company_from_domain("acme.co.uk").name == "Acme"


@given(st.text(max_size=80))
def test_any_text_is_a_company_with_a_key_or_nothing(text: str) -> None:
    company = read_company(text)
    if company is not None:
        assert company.name
        assert company.key
        assert company.key == company_key(company.key)


@given(
    st.from_regex(r"[A-Z][a-z]{4,10}( [A-Z][a-z]{4,10})?", fullmatch=True), st.sampled_from(["GmbH", "Inc.", "S.A."])
)
def test_the_legal_form_makes_no_difference_to_the_key(name: str, form: str) -> None:
    with_form, without = read_company(f"{name} {form}"), read_company(name)
    if with_form is not None and without is not None:
        assert with_form.key == without.key
