"""Whether a lead may be contacted on a channel, and why not."""

from __future__ import annotations

from datetime import datetime

from policy import Consent as ConsentPolicy
from policy import ConsentRule, LawfulBasis, TemplateChannel
from services.nurture.domain.state import Lead


def refusal(
    rules: ConsentPolicy, lead: Lead, channel: TemplateChannel, at: datetime, unsubscribed_at: datetime | None
) -> str | None:
    """Why the lead may not be contacted at `at`; None when it may.

    Country rules apply to leads whose country is known; a rule that names no country applies to all.
    """
    if lead.consent.marketing is False:
        return "consent_refused"
    if unsubscribed_at is not None and not _agreed_after(lead, unsubscribed_at):
        return "unsubscribed"
    rule = next((rule for rule in rules.rules if _applies(rule, lead, channel)), None)
    basis, named = (rule.basis, rule.id) if rule else (rules.otherwise, "otherwise")
    return None if _stands_on(basis, rules, lead, at) else f"no_basis:{basis}:{named}"


def _applies(rule: ConsentRule, lead: Lead, channel: TemplateChannel) -> bool:
    return (
        (not rule.countries or lead.profile.country in rule.countries)
        and (not rule.channels or channel in rule.channels)
        and (not rule.email_kind or lead.profile.email_kind in rule.email_kind)
    )


def _stands_on(basis: LawfulBasis, rules: ConsentPolicy, lead: Lead, at: datetime) -> bool:
    if basis == "legitimate_interest":
        return True
    if basis == "never":
        return False
    if _consents(rules, lead, at):
        return True
    enquired = lead.origin.channel not in rules.brought_by_others
    return basis == "requested" and enquired and at <= lead.origin.submitted_at + rules.requested_for


def _consents(rules: ConsentPolicy, lead: Lead, at: datetime) -> bool:
    lapsed = rules.expires_after is not None and at > _agreed_at(lead) + rules.expires_after
    return lead.consent.marketing is True and not lapsed


def _agreed_at(lead: Lead) -> datetime:
    return lead.consent.given_at or lead.origin.submitted_at


def _agreed_after(lead: Lead, unsubscribed_at: datetime) -> bool:
    return lead.consent.marketing is True and _agreed_at(lead) > unsubscribed_at
