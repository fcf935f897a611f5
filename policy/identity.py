"""When two submissions are one lead."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from policy.types import Country, Domain, Flag, OneOrMore, Phone, PolicyModel

Mailbox = Annotated[str, StringConstraints(pattern=r"^[a-z0-9._-]+$"), Field(examples=["info", "sales"])]
"""What stands before the @, lower case."""


class FreeMailProvider(PolicyModel):
    """A provider of personal mailboxes, and which spellings of an address are one mailbox there."""

    domains: OneOrMore[Domain] = Field(min_length=1)
    one_mailbox: Flag = Field(
        default=False,
        description="The same name at any of its domains is one mailbox; the first domain stands for all.",
    )
    ignore_dots: Flag = Field(default=False, description="a.b@ is ab@.")
    tag_separator: str | None = Field(
        default=None, pattern=r"^[+\-=]$", description="What follows it in the name is a tag and ignored."
    )


class Identity(PolicyModel):
    """Identity rules, whole."""

    match_on_email: Flag = True
    match_on_phone: Flag = True
    free_mail: tuple[FreeMailProvider, ...] = ()
    disposable_domains: OneOrMore[Domain] = Field(default=(), description="On top of the built-in list.")
    role_prefixes: OneOrMore[Mailbox] = Field(
        default=(), description="Names before the @ that belong to a function, not to a person."
    )
    match_role_addresses: Flag = Field(
        default=True, description="Whether info@ and the like make two submissions one lead."
    )
    shared_phones: tuple[Phone, ...] = Field(
        default=(), description="E.164 numbers of switchboards that never identify a lead."
    )
    default_phone_region: Country = Field(description="Country of a number without one, when the lead's is unknown.")

    @model_validator(mode="after")
    def _matches_on_something(self) -> Self:
        if not (self.match_on_email or self.match_on_phone):
            raise ValueError("match_on_email and match_on_phone are both off; every submission would be a new lead")
        return self

    def provider(self, domain: str) -> FreeMailProvider | None:
        """Returns the free-mail provider that a mail domain belongs to, if any."""
        domain = domain.lower()
        return next((provider for provider in self.free_mail if domain in provider.domains), None)
