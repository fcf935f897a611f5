"""What runs the stream: rejected input, dead letters, policies, commands, erasures."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, field

from schemas.base import Blob, Code, Event, LeadId, LongText, Moment, Record, Text


class Rejection(Record, frozen=True, kw_only=True):
    """Input that could not become an event. Nothing of it is lost."""

    channel: Code
    source: Text | None = None
    reason: Code
    detail: LongText
    received_at: Moment
    headers: Annotated[dict[str, Text], Meta(description="Without authorization headers.")] = field(
        default_factory=dict
    )
    body: Annotated[Blob, Meta(description="As received, base64.")]


class InputRejected(Event, frozen=True, kw_only=True):
    """Authenticated input was rejected; `subject` is the submission's id."""

    type: Literal["leadstream.input.rejected.v1"] = "leadstream.input.rejected.v1"
    data: Rejection


class DeadLetter(Record, frozen=True, kw_only=True):
    """A record that a service could not process."""

    service: Code
    topic: Text
    partition: int
    offset: int
    step: Annotated[Code, Meta(description="decode, decide, commit, timer.")]
    reason: Code
    detail: LongText
    key: Blob | None = None
    value: Blob | None = None
    headers: tuple[tuple[str, Blob], ...] = ()


class EventDead(Event, frozen=True, kw_only=True):
    """A record was set aside with its bytes."""

    type: Literal["leadstream.event.dead.v1"] = "leadstream.event.dead.v1"
    data: DeadLetter


class PublishedPolicy(Record, frozen=True, kw_only=True):
    """A business policy, whole."""

    version: Text
    effective_at: Moment
    published_by: Text
    policy: dict[str, Any]


class PolicyPublished(Event, frozen=True, kw_only=True):
    """A policy comes into force at `effective_at`; `subject` is its version."""

    type: Literal["leadstream.policy.published.v1"] = "leadstream.policy.published.v1"
    data: PublishedPolicy


class Command(Record, frozen=True, kw_only=True):
    """An operator's order to one service, or to all."""

    service: Literal["capture", "enrich", "score", "route", "nurture", "metrics", "all"]
    command: Literal["pause", "resume", "accept_gap"]
    issued_by: Text
    arguments: dict[str, Text] = field(default_factory=dict)


class CommandIssued(Event, frozen=True, kw_only=True):
    """An operator gave an order."""

    type: Literal["leadstream.command.issued.v1"] = "leadstream.command.issued.v1"
    data: Command


class Erased(Record, frozen=True, kw_only=True):
    """A person asked to be forgotten."""

    lead_id: LeadId
    requested_at: Moment
    reason: Code = "right_to_erasure"


class LeadErased(Event, frozen=True, kw_only=True):
    """All that is kept of this lead goes; readers skip what came before."""

    type: Literal["leadstream.lead.erased.v1"] = "leadstream.lead.erased.v1"
    data: Erased
