"""On what ground a lead may be contacted, by country and channel."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from policy.template import TemplateChannel
from policy.types import Country, Identifier, OneOrMore, PolicyModel, PositiveDuration, Sentence
from schemas.events.enriched import EmailKind

LawfulBasis = Literal["consent", "requested", "legitimate_interest", "never"]
"""`consent`: only who agreed to marketing. `requested`: also who enquired themselves, for `requested_for`
after it. `legitimate_interest`: everybody who has not said no. `never`: nobody."""


class ConsentRule(PolicyModel):
    """The basis for some countries and channels; what is left out applies to all."""

    id: Identifier
    countries: OneOrMore[Country] = ()
    channels: OneOrMore[TemplateChannel] = ()
    email_kind: OneOrMore[EmailKind] = Field(default=(), description="Such as business addresses only.")
    basis: LawfulBasis
    reason: Sentence


class Consent(PolicyModel):
    """Consent rules, whole. The first rule that applies decides; none: `otherwise`.

    An explicit no, an unsubscription or a complaint always wins over every basis.
    """

    rules: tuple[ConsentRule, ...] = ()
    otherwise: LawfulBasis = Field(description="Where no rule applies, and where the country is not known.")
    requested_for: PositiveDuration = Field(description="How long an enquiry may be answered under `requested`.")
    brought_by_others: OneOrMore[Identifier] = Field(
        default=("csv_import", "referral"),
        description="Channels on which somebody else brings the lead: it has not enquired itself.",
    )
    expires_after: PositiveDuration | None = Field(
        default=None, description="Age at which consent lapses; None: never."
    )
