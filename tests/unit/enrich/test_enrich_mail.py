"""Email addresses: what can't exist, what anybody can have, and what belongs to a company."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.enrich.domain.mail import MailRules, read_mailbox
from services.enrich.domain.tables import words_in
from services.enrich.domain.web import host_name, website_domain

BUILT_IN = MailRules()


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("jane@acme.com", "business"),
        ("jane@mail.acme.co.uk", "business"),
        ("jane@acme.example", "business"),
        ("jane.doe@gmail.com", "free"),
        ("jane@yahoo.com.br", "free"),
        ("jane@hotmail.fr", "free"),
        ("jane@web.de", "free"),
        ("jane@t-online.de", "free"),
        ("jane@uol.com.br", "free"),
        ("jane@orange.fr", "free"),
        ("jane@gmial.com", "free"),
        ("info@gmail.com", "free"),
        ("jane@mailinator.com", "disposable"),
        ("jane@sub.yopmail.com", "disposable"),
        ("info@acme.de", "role"),
        ("sales+eu@acme.com", "role"),
        ("customer-service@acme.com", "role"),
        ("vertrieb@acme.de", "role"),
        ("contato@acme.com.br", "role"),
        ("jane@mit.edu", "education"),
        ("jane@ox.ac.uk", "education"),
        ("jane@stud.uni-heidelberg.de", "education"),
        ("jane@ethz.ch", "education"),
        ("jane@usp.br", "education"),
        ("info@ox.ac.uk", "education"),
        ("jane@fda.gov", "government"),
        ("jane@bmi.bund.de", "government"),
        ("jane@sante.gouv.fr", "government"),
        ("jane@prefeitura.sp.gov.br", "government"),
        ("jane@nhs.net", "government"),
    ],
)
def test_a_mailbox_has_a_kind(address: str, kind: str) -> None:
    mailbox = read_mailbox(address, BUILT_IN)
    assert mailbox is not None
    assert mailbox.kind == kind
    assert mailbox.address == address


@pytest.mark.parametrize(
    "address",
    [
        "jane", "jane@", "@acme.com", "jane@acme", "jane@localhost", "jane@@acme.com", "jane..doe@acme.com",
        "jane@acme..com", "jane@-acme.com", "jane@gmail.con", "jane@1.2.3.4", "n/a",
        "jane doe@acme.com", "jane@acme.com, joe@acme.com", f"{'j' * 65}@acme.com", f"jane@{'a' * 64}.com", "jane@com",
    ],
)  # fmt: skip
def test_an_address_that_cannot_exist_is_invalid_and_kept_nowhere(address: str) -> None:
    mailbox = read_mailbox(address, BUILT_IN)
    assert mailbox is not None
    assert (mailbox.kind, mailbox.address, mailbox.company_domain) == ("invalid", None, None)


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("  Jane.Doe@ACME.com ", "Jane.Doe@acme.com"),
        ("Jane Doe <jane@acme.com>", "jane@acme.com"),
        ("mailto:jane@acme.com", "jane@acme.com"),
        ("jane @ acme.com", "jane@acme.com"),
        ("jane@acme.com.", "jane@acme.com"),
        ("jane\uff20acme.com", "jane@acme.com"),
        ("jane@müller.de", "jane@xn--mller-kva.de"),
        ("josé@acme.com", "josé@acme.com"),
        ("o'neil@acme.com", "o'neil@acme.com"),
    ],
)
def test_an_address_is_cleaned_so_that_mail_arrives(written: str, address: str) -> None:
    mailbox = read_mailbox(written, BUILT_IN)
    assert mailbox is not None
    assert mailbox.address == address


@pytest.mark.parametrize(
    ("address", "domain"),
    [
        ("jane@mail.eu.acme.co.uk", "acme.co.uk"),
        ("info@acme.de", "acme.de"),
        ("jane@fda.gov", "fda.gov"),
        ("jane@gmail.com", None),
        ("jane@mailinator.com", None),
        ("jane@mit.edu", None),
    ],
)
def test_only_a_company_s_own_domain_says_which_company_it_is(address: str, domain: str | None) -> None:
    mailbox = read_mailbox(address, BUILT_IN)
    assert mailbox is not None
    assert mailbox.company_domain == domain


def test_the_business_adds_to_the_lists() -> None:
    rules = MailRules(
        free_domains=frozenset({"club.example"}),
        disposable_domains=frozenset({"throwaway.example"}),
        role_mailboxes=frozenset({"front-desk"}),
    )
    kinds = [
        mailbox.kind
        for address in ("a@club.example", "a@x.throwaway.example", "front-desk@acme.com")
        if (mailbox := read_mailbox(address, rules))
    ]
    assert kinds == ["free", "disposable", "role"]


def test_nothing_submitted_is_nothing_known() -> None:
    assert read_mailbox(None, BUILT_IN) is None
    assert read_mailbox(" \u200b ", BUILT_IN) is None


def test_the_free_providers_are_domains() -> None:
    assert [domain for domain in words_in("free_mail.txt")["domains"] if not host_name(domain)] == []


@pytest.mark.parametrize(
    ("website", "domain"),
    [
        ("https://www.acme.com/about?x=1", "acme.com"),
        ("acme.com", "acme.com"),
        ("WWW.ACME.CO.UK/", "acme.co.uk"),
        ("http://user:pw@acme.com:8080/", None),
        ("http://acme.com:8080/x", "acme.com"),
        ("acme.myshopify.com", "acme.myshopify.com"),
        ("https://www.facebook.com/acme", None),
        ("linkedin.com/company/acme", None),
        ("acme", None),
        ("http://[::1", None),
        ("http://10.0.0.1/", None),
        ("not a site.com", None),
        ("jane@acme.com", None),
    ],
)
def test_a_website_gives_the_domain_somebody_registered(website: str, domain: str | None) -> None:
    assert website_domain(website) == domain


@given(st.text(max_size=80) | st.from_regex(r"[^@]{0,10}@[^@]{0,30}", fullmatch=True))
def test_any_text_is_an_address_of_two_parts_or_invalid_or_nothing(text: str) -> None:
    mailbox = read_mailbox(text, BUILT_IN)
    if mailbox is not None and mailbox.kind != "invalid":
        assert mailbox.address == f"{mailbox.local}@{mailbox.domain}"
        assert mailbox.domain == mailbox.domain.lower()
        assert " " not in (mailbox.address or "")
        assert read_mailbox(mailbox.address, BUILT_IN) == mailbox


@given(st.text(max_size=80))
def test_no_text_upsets_the_reading_of_a_website(text: str) -> None:
    domain = website_domain(text)
    assert domain is None or "." in domain
