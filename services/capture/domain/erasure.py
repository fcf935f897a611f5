"""A person's right to be forgotten."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from policy import Identity
from schemas.base import Cause
from schemas.events.operations import Erased, LeadErased
from schemas.topics import ERASED
from services.capture.domain.errors import InvalidInput
from services.capture.domain.identity import Identifiers, Key, find_keys
from services.capture.domain.inputs import ErasureIn, read
from services.capture.domain.items import SERVICE, Received, Row


@dataclass(frozen=True, slots=True)
class Erasure:
    """Whom to forget: every lead that one of the keys belongs to."""

    received: Received
    keys: tuple[Key, ...]
    reason: str

    def row(self, lead_id: str, ordinal: int) -> Row:
        """The event that tells every service to forget a lead; `ordinal` counts the leads of one request."""
        received = self.received
        cause = Cause(id=received.submission_id, lead_id=lead_id, traceparent=received.traceparent, mode="live")
        data = Erased(lead_id=lead_id, requested_at=received.at, reason=self.reason)
        event = LeadErased.create(cause=cause, service=SERVICE, time=received.at, data=data, ordinal=ordinal)
        return Row(ERASED.name, lead_id.encode(), event.to_json())


def read_erasure(document: Any, received: Received, rules: Identity) -> Erasure:
    """Reads a request to forget a person.

    Raises:
        InvalidInput: a field is unknown or wrong, or nothing says whom to forget.
    """
    wanted = read(ErasureIn, document)
    found = find_keys(Identifiers(wanted.email, wanted.phone, lead_id=wanted.lead_id), rules)
    if not found.keys:
        raise InvalidInput("no_identity", "say whom to forget by lead_id, email or phone, readably", status=422)
    return Erasure(received, found.keys, wanted.reason)
