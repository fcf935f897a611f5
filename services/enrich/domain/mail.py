"""Email addresses: whether they can exist, and what kind of mailbox they are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import NamedTuple

from disposable_email_domains import blocklist

from policy.reading.email import read_email
from policy.reading.text import clean
from schemas.events.enriched import EmailKind
from services.enrich.domain.tables import words_in
from services.enrich.domain.web import domain_label, host_name, registered_domain

_SEPARATORS = re.compile(r"[._+-]")

_EDUCATION = re.compile(
    r"(?:^|\.)(?:edu|edu\.[a-z]{2}|ac\.[a-z]{2}|sch\.[a-z]{2}|school\.[a-z]{2}|k12\.[a-z]{2}\.us|schule\.[a-z]{2})$"
    r"|(?:^|\.)(?:uni|univ|tu|th|fh|hs|ph|hochschule|universite|universita|universidad|universidade|unis)-[a-z0-9-]+"
    r"\.(?:de|at|ch|fr|it|es|pt|bg|hu|si|be)$"
    r"|^(?:student|students|stud|studenti|alumni|alumno|alumnos|aluno|etu|edu|etudiant|eleve)\."
)
_GOVERNMENT = re.compile(
    r"(?:^|\.)(?:gov|mil|gov\.[a-z]{2}|gouv\.[a-z]{2}|gob\.[a-z]{2}|mil\.[a-z]{2}|go\.(?:jp|kr|th|id|ke|ug|tz|cr)"
    r"|govt\.nz|gc\.ca|gv\.at|admin\.ch|bund\.de|bundeswehr\.org|bayern\.de|nrw\.de|berlin\.de|europa\.eu|fed\.us"
    r"|state\.[a-z]{2}\.us|nhs\.uk|nhs\.net|police\.uk|parliament\.uk|mod\.uk|jus\.br|leg\.br|mp\.br|def\.br"
    r"|overheid\.nl|rijksoverheid\.nl|fgov\.be|regeringen\.se|dep\.no|gub\.uy|government\.bg)$"
)


@dataclass(frozen=True, slots=True)
class MailRules:
    """What the business adds to the built-in lists; all lower case."""

    free_domains: frozenset[str] = frozenset()
    disposable_domains: frozenset[str] = frozenset()
    role_mailboxes: frozenset[str] = frozenset()


class Mailbox(NamedTuple):
    """An address and what kind of mailbox it is. `address` is None when it can't exist."""

    kind: EmailKind
    confidence: float
    address: str | None = None
    local: str = ""
    domain: str = ""

    @property
    def company_domain(self) -> str | None:
        """The domain of the company it belongs to; None for mailboxes that anybody can have."""
        return registered_domain(self.domain) if self.kind in ("business", "role", "government") else None


def read_mailbox(text: str | None, rules: MailRules) -> Mailbox | None:
    """The mailbox that somebody typed; None when nothing was."""
    cleaned = clean(text)
    if cleaned is None:
        return None
    address = read_email(cleaned)
    if address is None or not host_name(address.domain):
        return Mailbox(kind="invalid", confidence=0.1)
    local, domain = address
    kind, confidence = _kind(local, domain, rules)
    return Mailbox(kind=kind, confidence=confidence, address=f"{local}@{domain}", local=local, domain=domain)


def _kind(local: str, domain: str, rules: MailRules) -> tuple[EmailKind, float]:
    """The kind and its confidence. What can't be relied on comes first, then who runs the domain, then the name."""
    kind = _domain_kind(domain)
    registered = registered_domain(domain) or domain
    if domain in rules.disposable_domains or registered in rules.disposable_domains:
        kind = "disposable"
    elif domain in rules.free_domains:
        kind = "free"
    if kind == "business" and _is_role(local, rules):
        return "role", 0.8
    if kind == "free" and domain in words_in("free_mail.txt")["misspelt"]:
        return "free", 0.3
    return kind, {"disposable": 0.4, "free": 0.9}.get(kind, 0.95)


def _is_role(local: str, rules: MailRules) -> bool:
    name = local.lower().partition("+")[0]
    return name in rules.role_mailboxes or _SEPARATORS.sub("", name) in words_in("role_mailboxes.txt")[""]


@lru_cache(maxsize=16_384)
def _domain_kind(domain: str) -> EmailKind:
    """What kind of mailboxes a domain has, by the lists and by how it is called."""
    # A public suffix such as github.io is nobody's: it stands for itself.
    registered = registered_domain(domain) or domain
    kind: EmailKind = "business"
    if domain in words_in("free_mail.txt")["misspelt"]:
        kind = "free"  # some of these are lent out as disposable, but a slip of the finger is likelier
    elif domain in blocklist or registered in blocklist:
        kind = "disposable"
    elif domain in _free() or registered in _free() or domain_label(registered) in _families():
        kind = "free"
    elif _GOVERNMENT.search(domain):
        kind = "government"
    elif _EDUCATION.search(domain) or registered in words_in("education_domains.txt")[""]:
        kind = "education"
    return kind


@cache
def _free() -> frozenset[str]:
    listed = words_in("free_mail.txt")
    return listed["domains"] | listed["misspelt"]


@cache
def _families() -> frozenset[str]:
    return words_in("free_mail.txt")["families"]
