"""What runs the stream: rejected input, dead letters, policies, commands, erasures."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from schemas.base import Code, Event, LeadId, LongText, Moment, Record, Text


class Rejection(Record):
    """Input that could not become an event. Nothing of it is lost."""

    channel: Code
    source: Text | None = None
    reason: Code
    detail: LongText
    received_at: Moment
    headers: dict[str, Text] = Field(default_factory=dict, description="Without authorization headers.")
    body: bytes = Field(description="As received, base64.")


class InputRejected(Event):
    """Authenticated input was rejected; `subject` is the submission's id."""

    type: Literal["leadstream.input.rejected.v1"] = "leadstream.input.rejected.v1"
    data: Rejection


class DeadLetter(Record):
    """A record that a service could not process."""

    service: Code
    topic: Text
    partition: int
    offset: int
    step: Code = Field(description="decode, decide, commit, timer.")
    reason: Code
    detail: LongText
    key: bytes | None = None
    value: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


class EventDead(Event):
    """A record was set aside with its bytes."""

    type: Literal["leadstream.event.dead.v1"] = "leadstream.event.dead.v1"
    data: DeadLetter


class PublishedPolicy(Record):
    """A business policy, whole."""

    version: Text
    effective_at: Moment
    published_by: Text
    policy: dict[str, Any]


class PolicyPublished(Event):
    """A policy comes into force at `effective_at`; `subject` is its version."""

    type: Literal["leadstream.policy.published.v1"] = "leadstream.policy.published.v1"
    data: PublishedPolicy


class Command(Record):
    """An operator's order to one service, or to all."""

    service: Literal["capture", "enrich", "score", "route", "nurture", "metrics", "all"]
    command: Literal["pause", "resume", "accept_gap"]
    issued_by: Text
    arguments: dict[str, Text] = Field(default_factory=dict)


class CommandIssued(Event):
    """An operator gave an order."""

    type: Literal["leadstream.command.issued.v1"] = "leadstream.command.issued.v1"
    data: Command


class Erased(Record):
    """A person asked to be forgotten."""

    lead_id: LeadId
    requested_at: Moment
    reason: Code = "right_to_erasure"


class LeadErased(Event):
    """All that is kept of this lead goes; readers skip what came before."""

    type: Literal["leadstream.lead.erased.v1"] = "leadstream.lead.erased.v1"
    data: Erased
