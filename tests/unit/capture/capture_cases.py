"""What capture's tests share: rules, a moment, and the context of an input."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from policy import FreeMailProvider, Identity
from services.capture.domain.items import Item, Kind, Received
from services.capture.domain.submissions import READERS, InputContext

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)

RULES = Identity(
    free_mail=(
        FreeMailProvider(
            domains=("gmail.com", "googlemail.com"), one_mailbox=True, ignore_dots=True, tag_separator="+"
        ),
        FreeMailProvider(domains=("outlook.com", "hotmail.com"), tag_separator="+"),
    ),
    role_prefixes=("info", "sales"),
    default_phone_region="GB",
)


def received(number: int = 1, body: bytes = b"{}", **fields: Any) -> Received:
    """Input with the id `sub-<number>`."""
    return Received(f"sub-{number}", NOW, fields.pop("channel", "api"), body, fields.pop("headers", {}), **fields)


def context(number: int = 1, rules: Identity = RULES, key: str | None = None) -> InputContext:
    """The context of an input whose new lead would be `lead-<number>`."""
    return InputContext(rules, received(number), f"lead-{number}", key)


def item(kind: Kind, number: int = 1, **document: Any) -> Item:
    """An item read from a document."""
    return READERS[kind](document, context(number))
