"""Message templates: plain text with `{placeholders}`, filled in without evaluating anything."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, StringConstraints, ValidationInfo, model_validator

from policy.types import Identifier, PolicyModel

TemplateChannel = Literal["email", "linkedin", "call_task", "sms"]

PLACEHOLDERS = (
    "first_name", "last_name", "full_name", "title", "company", "industry", "country", "source",
    "owner_name", "owner_first_name", "owner_email", "owner_phone", "booking_link",
    "unsubscribe_link", "sender_company", "sender_address",
)  # fmt: skip
"""What a template may name. The last three come from the nurture section, the owner's from the rep."""

_NEVER_FILLED = {
    "city": "no lead's city is known; write {country|…}, or the words themselves",
    "product": "no lead's product is known; write the product's name itself",
}
"""Placeholders that were documented once although nothing ever filled them: what to write instead."""

PUBLISHED: Mapping[str, bool] = {"published": True}
"""Context for validating a policy that is in force already: what was accepted when it was published stays accepted."""

_PIECE = re.compile(r"\{\{|\}\}|\{(?P<name>[^{}|]*)(?:\|(?P<fallback>[^{}]*))?\}|[{}]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u2028\u2029]")


class MissingValue(ValueError):
    """A placeholder has neither a value nor a fallback: the message must not be sent."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no value for {{{name}}} and no fallback; write {{{name}|something}}")
        self.name = name


def placeholders(text: str, accepted: Collection[str] = ()) -> Iterator[tuple[str, str | None]]:
    """Yields name and fallback of each placeholder of `text`, in order.

    Raises:
        ValueError: a brace without its partner, or a placeholder that is neither in `PLACEHOLDERS` nor in `accepted`.
    """
    for piece in _PIECE.finditer(text):
        name = piece["name"]
        if piece[0] in ("{", "}"):
            raise ValueError(f"has a `{piece[0]}` without its partner; write it twice to mean the character itself")
        if name is None:
            continue
        if name not in PLACEHOLDERS and name not in accepted:
            raise ValueError(f"has an unknown placeholder {{{name}}}; {_advice(name)}")
        yield name, piece["fallback"]


def _advice(name: str) -> str:
    if name in _NEVER_FILLED:
        return _NEVER_FILLED[name]
    close = get_close_matches(name, PLACEHOLDERS, n=1)
    return f"did you mean {{{close[0]}}}?" if close else f"known: {', '.join(PLACEHOLDERS)}"


def _known_placeholders(text: str, info: ValidationInfo) -> str:
    published = info.context is PUBLISHED
    for _ in placeholders(text, accepted=_NEVER_FILLED if published else ()):
        continue
    return text


TemplateText = Annotated[str, StringConstraints(min_length=1, max_length=20_000), AfterValidator(_known_placeholders)]
"""Text with `{first_name}`, `{first_name|there}` (for when there is no value) and `{{` for a brace."""

Subject = Annotated[TemplateText, StringConstraints(max_length=200, pattern=r"^[^\r\n]+$")]


def render(text: str, values: Mapping[str, str | None]) -> str:
    """Returns `text` with its placeholders filled in. Values are inserted as they are, never read as templates.

    Control characters of a value become spaces, so that a name can't add a header or a line.

    Raises:
        MissingValue: a placeholder has no value and no fallback.
    """

    def fill(piece: re.Match[str]) -> str:
        name = piece["name"]
        if name is None:
            return piece[0][0]
        value = values.get(name) or piece["fallback"]
        if value is None:
            raise MissingValue(name)
        return _CONTROL.sub(" ", value.replace("\n", " "))

    return _PIECE.sub(fill, text)


class MessageTemplate(PolicyModel):
    """A message. `subject` is for email; for a call task, `body` is what the rep sees."""

    id: Identifier
    channel: TemplateChannel
    subject: Subject | None = None
    body: TemplateText

    @model_validator(mode="after")
    def _subject_for_email(self) -> Self:
        if self.channel == "email" and self.subject is None:
            raise ValueError("an email needs a subject")
        if self.channel != "email" and self.subject is not None:
            raise ValueError(f"only an email has a subject, not {self.channel}")
        return self
