"""How a person's answers are put into a form, a JSON document or a row of a list."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from demo.actions import Item, Post, Wire
from demo.channels import Channel
from demo.people import Person, plain
from demo.world import world

Contact = Mapping[str, str | None]

HEADERS = ("Full Name", "E-mail", "Phone number", "Job Title", "Company Name", "Country", "No. of employees")
"""A list's columns, as people call them."""

LABELS = (
    {"name": "name", "email": "email", "phone": "phone", "title": "job_title", "company": "company",
     "country": "country", "employees": "company_size", "message": "message", "consent": "newsletter"},
    {"name": "your-name", "email": "your-email", "phone": "your-tel", "title": "Position", "company": "Firma",
     "country": "Land", "employees": "Number of employees", "message": "Nachricht", "consent": "opt_in"},
    {"name": "Full name", "email": "E-mail address", "phone": "Mobile", "title": "Role", "company": "Organisation",
     "country": "Country/Region", "employees": "Headcount", "message": "How can we help?", "consent": "GDPR consent"},
)  # fmt: skip
"""What three web sites call their fields."""


def contacts_in(contact: Contact) -> tuple[str, ...]:
    """The address and the number, as they are spelt."""
    return tuple(value for value in contact.values() if value)


def form_post(person: Person, name: str, contact: Contact, source: str, rng: Random) -> Post:
    """A filled-in HTML form, in one of its two encodings; asked for by a browser, or by a script of the page."""
    labels = rng.choice(LABELS)
    company = person.company
    answers = {
        "name": name,
        **contact,
        "title": person.title,
        "company": company.name if company else None,
        "country": _country(person, contact, rng),
        "employees": str(company.employees) if company and rng.random() < 0.6 else None,
        "message": rng.choice(world().messages) if rng.random() < 0.5 else None,
        "consent": "on" if rng.random() < 0.35 + 0.3 * person.quality else None,
    }
    fields = {labels[field]: value for field, value in answers.items() if value}
    fields |= {"_source": source, "utm_source": rng.choice(("newsletter", "google", "direct"))}
    accept = "text/html" if rng.random() < 0.5 else "application/json"
    wire: Wire = "multipart" if rng.random() < 0.3 else "form"
    item = Item(fields, person.number, contacts_in(contact))
    return Post("/v1/leads", (item,), wire, headers={"Accept": accept}, token=False)


def json_document(
    person: Person, name: str, contact: Contact, channel: Channel, source: str, rng: Random
) -> dict[str, Any]:
    """What a channel's connector posts to the API."""
    document: dict[str, Any] = {"id": f"{channel.name}-{rng.getrandbits(48):012x}", "channel": channel.name}
    document |= {"source": source, "name": name, **{field: value for field, value in contact.items() if value}}
    if person.title:
        document["title"] = person.title
    if about := _about(person, contact, rng):
        document["company"] = about
    if channel.name == "linkedin" or (person.company and rng.random() < 0.4):
        document["linkedin_url"] = f"https://www.linkedin.com/in/{plain(person.name)}-{person.number}"
    if channel.name in ("google_ads", "linkedin"):
        document["attribution"] = {"utm_source": channel.name, "utm_campaign": source, "utm_medium": "cpc"}
    if channel.name in ("google_ads", "linkedin", "event"):
        document["consent"] = {"marketing": rng.random() < 0.8, "wording": "May we write to you?"}
    if channel.name == "chat":
        document["message"] = rng.choice(world().messages)
    return document


def _about(person: Person, contact: Contact, rng: Random) -> dict[str, Any]:
    """The company, as far as it is given."""
    company, about = person.company, dict[str, Any]()
    if company:
        about = {"name": company.name, "industry": company.industry}
        if rng.random() < 0.7:
            about["employees"] = company.employees
        if rng.random() < 0.5:
            about["website"] = company.website
    if country := _country(person, contact, rng):
        about["country"] = country
    return about


def list_row(person: Person, rng: Random) -> tuple[str, ...]:
    """The person as a row of a list, under `HEADERS`."""
    company = person.company
    return (
        person.name,
        person.email or "",
        person.phone or "",
        person.title or "",
        company.name if company else "",
        rng.choice(person.country.stated),
        str(company.employees) if company else "",
    )


def _country(person: Person, contact: Contact, rng: Random) -> str | None:
    """Always said with a number, which may lack its country code."""
    phone = contact.get("phone")
    needed = phone is not None and not phone.startswith("+")
    return rng.choice(person.country.stated) if needed or rng.random() < 0.6 else None
