"""What form fields and CSV columns are called in the wild, and which of our fields they mean."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

ALIASES: Mapping[str, tuple[str, ...]] = {
    "name": ("full name", "contact name", "lead name", "person name", "vollständiger name", "nom complet"),
    "given_name": ("first name", "given name", "fname", "forename", "vorname", "prénom", "nombre"),
    "family_name": ("last name", "family name", "lname", "surname", "nachname", "nom de famille", "apellido"),
    "email": ("e-mail", "email address", "e-mail address", "mail", "work email", "business email",
              "email id", "primary email", "correo electrónico", "courriel"),
    "phone": ("phone number", "telephone", "telephone number", "tel", "mobile", "mobile phone", "mobile number",
              "cell", "cell phone", "phone no", "work phone", "business phone", "contact number", "whatsapp",
              "telefon", "téléphone", "teléfono"),
    "title": ("job title", "position", "role", "job role", "job position", "designation", "beruf"),
    "linkedin_url": ("linkedin", "linkedin profile", "linkedin profile url", "person linkedin url"),
    "message": ("comment", "comments", "notes", "note", "your message", "enquiry", "inquiry", "description",
                "how can we help", "how can we help you", "nachricht"),
    "company.name": ("company", "company name", "organization", "organisation", "organization name", "account",
                     "account name", "employer", "business name", "firma", "entreprise", "société", "empresa"),
    "company.website": ("website", "company website", "url", "web site", "homepage", "domain", "company domain",
                        "company url"),
    "company.employees": ("employees", "number of employees", "no of employees", "employee count",
                          "company size", "headcount", "company employees"),
    "company.industry": ("industry", "sector", "company industry", "vertical", "branche"),
    "company.country": ("country", "company country", "country/region", "land", "pays", "país"),
    "company.region": ("region", "state", "province", "state/province", "county", "company state",
                       "company region"),
    "attribution.utm_source": ("utm source",),
    "attribution.utm_medium": ("utm medium",),
    "attribution.utm_campaign": ("utm campaign", "campaign", "campaign name"),
    "attribution.utm_term": ("utm term", "keyword"),
    "attribution.utm_content": ("utm content",),
    "attribution.referrer": ("referrer", "referer", "referring url"),
    "attribution.landing_page": ("landing page", "landing page url", "page url"),
    "attribution.click_id": ("click id", "gclid", "gcl id", "fbclid", "msclkid", "li fat id"),
    "consent.marketing": ("consent", "marketing consent", "opt in", "newsletter", "gdpr", "gdpr consent",
                          "email opt in", "marketing opt in", "subscribe"),
    "submitted_at": ("submitted", "submission date", "created at", "created", "create date", "created date",
                     "date created", "first contact date", "timestamp", "submitted on", "date"),
}  # fmt: skip
"""Our field → what others call it. `company.x`, `attribution.x` and `consent.x` are fields of those objects."""

_NOT_ALPHANUMERIC = re.compile(r"[^0-9a-z]+")


@lru_cache(maxsize=4_096)
def folded(name: str) -> str:
    """A field's name without case, accents, spaces and punctuation.

    >>> folded("E-Mail *"), folded("your_Prénom")
    ('email', 'yourprenom')
    """
    return _NOT_ALPHANUMERIC.sub("", unicodedata.normalize("NFKD", name.casefold()))


TARGETS: Mapping[str, str] = {
    **{folded(target.rpartition(".")[2]): target for target in ALIASES if target != "company.name"},
    **{folded(name): target for target, aliases in ALIASES.items() for name in (target, *aliases)},
}
"""Folded name → our field."""


def target_of(name: str) -> str | None:
    """Our field that a form field or a column of this name means; None when it is not one we know.

    >>> target_of("E-mail Address"), target_of("your-email"), target_of("shoe size")
    ('email', 'email', None)
    """
    key = folded(name)
    return TARGETS.get(key) or TARGETS.get(key.removeprefix("your").removeprefix("lead"))
