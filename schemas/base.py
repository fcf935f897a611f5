"""The CloudEvents 1.0 envelope every record's value is written in (structured mode, JSON).

See https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md.

Events and states are msgspec structs: we wrote them ourselves, and reading and writing them is most of what a lead
costs. The bounds of their fields are said once, here, and hold at HTTP doors too, where pydantic reads them. A decoder
checks types, lengths and numbers; patterns, NUL and moments out of range are checked of a stranger's record
(`schemas.strict`), since capture let nothing else in.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Context, Decimal
from functools import cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, TypeVar, get_args, get_type_hints

import msgspec
from msgspec import Meta
from pydantic import AfterValidator, Field, StringConstraints

Mode = Literal["live", "history", "shadow"]
"""`live` acts on the world; `history` and `shadow` are decided the same way and touch nothing outside."""


def _text(pattern: str, *rest: Any) -> tuple[Any, ...]:
    """A pattern for both readers; msgspec's own would cost each of our own events a regular expression a field."""
    return (Meta(extra_json_schema={"pattern": pattern}), StringConstraints(pattern=pattern), *rest)


LeadId = Annotated[str, *_text(r"^[A-Za-z0-9_-]{1,64}$")]
"""Names one lead on every topic; also the record's key."""


def without_nul(text: str) -> str:
    """Refuses NUL, which PostgreSQL can not keep in text."""
    if "\x00" in text:
        raise ValueError("must not contain NUL characters")
    return text


NO_NUL = r"^[^\u0000]*$"
"""What JSON Schema says of text: no NUL in it."""

_NUL = (AfterValidator(without_nul), Meta(extra_json_schema={"pattern": NO_NUL}))

Text = Annotated[str, Meta(max_length=1_000), StringConstraints(max_length=1_000), *_NUL]
LONGEST_NAME = 255


def short_name(text: str) -> str:
    """Refuses what is too long for a key of a table: PostgreSQL's indexes take 2,700 bytes, all columns together."""
    if len(text) > LONGEST_NAME:
        raise ValueError(f"must not be longer than {LONGEST_NAME} characters")
    return text


Name = Annotated[
    str,
    Meta(max_length=1_000, extra={"max_length": LONGEST_NAME}),
    StringConstraints(max_length=1_000),
    *_NUL,
    AfterValidator(short_name),
]
"""Text that something is looked up by. In JSON Schema it is a `Text`, as it was when the first events were written."""

LongText = Annotated[str, Meta(max_length=20_000), StringConstraints(max_length=20_000), *_NUL]
Code = Annotated[str, *_text(r"^[a-z0-9][a-z0-9_.:-]{0,99}$")]
"""A machine-readable name, such as a channel or a reason: lower case, safe as a metric label."""

EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2150, 1, 1, tzinfo=UTC)
_LAST_RECKONED = datetime(2200, 1, 1, tzinfo=UTC)

Aware = Annotated[datetime, Meta(tz=True)]
"""A moment with its offset from UTC, of any age."""

Moment = Annotated[datetime, Meta(tz=True, extra={"from": EARLIEST, "before": LATEST})]
"""When something happened. At the ends of the calendar, adding days or changing zones would fail."""

Reckoned = Annotated[datetime, Meta(tz=True, extra={"from": EARLIEST, "before": _LAST_RECKONED})]
"""A time reckoned from a `Moment`, such as a deadline: what is reckoned from any moment can be read again."""

TraceParent = Annotated[str, *_text(r"^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")]
"""W3C Trace Context `traceparent`: one trace id follows a lead through all services."""

MOST_MONEY = Decimal(10**15)
MONEY_PLACES = 18
"""Decimal places of an amount: as many as a number has that went through binary arithmetic (0.30000000000000004)."""

Money = Annotated[Decimal, Field(ge=0, le=MOST_MONEY, decimal_places=MONEY_PLACES)]
"""An amount as it is accepted and kept. Events written before there was this bound may hold any: see `as_money`."""

_EXACT = Context(prec=60)  # the most digits of `Money`, and room


def as_money(amount: Decimal) -> Decimal:
    """The nearest amount within the bounds of `Money`."""
    within = max(Decimal(0), min(amount, MOST_MONEY))
    exponent = within.as_tuple().exponent
    assert isinstance(exponent, int), "an amount is a number"
    return within if exponent >= -MONEY_PLACES else within.quantize(Decimal((0, (1,), -MONEY_PLACES)), context=_EXACT)


if TYPE_CHECKING:
    Blob = bytes
else:

    class _Bytes(type):
        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, bytes)

    class Blob(metaclass=_Bytes):
        """Bytes, as base64 in JSON. Both alphabets are read: the first events were written with the one for URLs.

        What is read is of Python's own type: some libraries take no other.
        """


def _read_unknown(wanted: type, value: Any) -> Any:
    if wanted is Blob and isinstance(value, str):
        return base64.urlsafe_b64decode(value.replace("+", "-").replace("/", "_"))
    raise NotImplementedError(f"no {wanted.__name__} can be read")


class Record(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Base of everything inside an event: immutable, tolerant of fields a newer writer added."""

    def replace(self, **changes: Any) -> Self:
        """The same with some fields changed."""
        return msgspec.structs.replace(self, **changes)

    def to_json(self) -> bytes:
        """As it is written: on a topic, or in a state's row."""
        return _encode(self)

    def to_dict(self) -> dict[str, Any]:
        """As JSON would have it, in Python's plain types."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The struct of plain or already typed values.

        Raises:
            msgspec.ValidationError: they are not of this kind.
        """
        made: Self = msgspec.convert(values, cls, dec_hook=_read_unknown)
        return made

    @classmethod
    def from_json(cls, value: bytes) -> Self:
        """What `to_json` wrote.

        Raises:
            msgspec.ValidationError: it is JSON, and not of this kind.
            msgspec.DecodeError: it is no JSON.
        """
        decoded: Self = decoder(cls)(value)
        return decoded


_encode = msgspec.json.Encoder().encode
R = TypeVar("R")


@cache
def decoder(wanted: type[R]) -> Callable[[bytes], R]:
    """Reads one kind of JSON document; the kind is compiled once."""
    return msgspec.json.Decoder(wanted, dec_hook=_read_unknown).decode


class State(Record, frozen=True, kw_only=True, omit_defaults=True):
    """Base of what a service keeps of a lead. What says no more than the default is not written."""


class _Types:
    """The types of an event's class, which are those of its `type` field."""

    def __get__(self, _: object, owner: type[Event]) -> tuple[str, ...]:
        return _types_of(owner)


@cache
def _types_of(event: type[Event]) -> tuple[str, ...]:
    return get_args(get_type_hints(event)["type"])


class Event(Record, frozen=True, kw_only=True):
    """One CloudEvent. Subclasses fix `type`, as a Literal, and `data`."""

    TYPES: ClassVar[Any] = _Types()

    specversion: Literal["1.0"] = "1.0"
    id: Annotated[str, Meta(min_length=1, max_length=200)]
    source: Annotated[str, Meta(min_length=1, max_length=200)]
    type: str
    subject: LeadId
    time: Moment
    datacontenttype: Literal["application/json"] = "application/json"
    dataschema: str = ""
    traceparent: TraceParent
    mode: Mode = "live"
    policy: Annotated[str | None, Meta(description="Version of the policy the decision was made under.")] = None
    data: Any

    @property
    def lead_id(self) -> str:
        """The lead that the event is about."""
        return self.subject

    @classmethod
    def create(
        cls,
        *,
        cause: Cause | Event,
        service: str,
        time: datetime,
        data: Record,
        type: str | None = None,  # noqa: A002  # CloudEvents' own name
        policy: str | None = None,
        ordinal: int = 0,
    ) -> Self:
        """Builds the event that `service` derives from `cause`, with an id that a repeat would give again.

        Args:
            cause: what it answers to.
            service: who makes it.
            time: its business time, with a time zone.
            data: an instance of the struct that the class declares.
            type: which of the class's types, where it has several.
            policy: version of the policy the decision was made under.
            ordinal: which of several events of one type the cause led to.

        Raises:
            ValueError: the type is none of the class's, or the time has no time zone.
            TypeError: `data` is no instance of the declared struct.
        """
        types = _types_of(cls)
        kind = type or types[0]
        if kind not in types:
            raise ValueError(f"{cls.__name__} has no type {kind}; it has {', '.join(types)}")
        if time.tzinfo is None:
            raise ValueError("an event's time needs a time zone")
        if not isinstance(data, declared_data(cls)):
            raise TypeError(f"{cls.__name__} holds {declared_data(cls).__name__}, not {data.__class__.__name__}")
        identity = _digest(f"{service}\x1f{cause.id}\x1f{kind}\x1f{ordinal}")  # as `derived_id`, without its detours
        return cls(
            id=identity,
            source=f"leadstream/{service}",
            type=kind,
            subject=cause.lead_id,
            time=time,
            dataschema=f"leadstream:{kind}",
            traceparent=child_traceparent(cause.traceparent, identity),
            mode=cause.mode,
            policy=policy,
            data=data,
        )


@cache
def declared_data(event: type[Event]) -> type[Record]:
    """The struct that the event's `data` is."""
    declared: type[Record] = get_type_hints(event)["data"]
    return declared


class Cause(Record, frozen=True, kw_only=True):
    """What a decision answers to: an event, or a timer that an event set earlier."""

    id: str
    lead_id: LeadId
    traceparent: TraceParent
    mode: Mode = "live"


def cause_of(event: Event) -> Cause:
    """The cause that `event` is for whatever it leads to."""
    return Cause(id=event.id, lead_id=event.subject, traceparent=event.traceparent, mode=event.mode)


def derived_id(*parts: object) -> str:
    """A deterministic 32-digit hexadecimal id, so that a repeated decision repeats its ids."""
    return _digest("\x1f".join(map(str, parts)))


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=16).hexdigest()


def new_traceparent(seed: str) -> str:
    """Starts a trace; `seed` is the id of the submission or import row it belongs to."""
    digest = blake2b(seed.encode(), digest_size=24).hexdigest()
    return f"00-{digest[:32]}-{digest[32:48]}-01"


def child_traceparent(parent: str, event_id: str) -> str:
    """The same trace, with the span of the event `event_id`."""
    return f"{parent[:36]}{event_id[:16]}-01"
