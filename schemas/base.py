"""The CloudEvents 1.0 envelope every record's value is written in (structured mode, JSON).

See https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Context, Decimal
from functools import cache
from hashlib import blake2b
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar, get_args

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

Mode = Literal["live", "history", "shadow"]
"""`live` acts on the world; `history` and `shadow` are decided the same way and touch nothing outside."""

LeadId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
"""Names one lead on every topic; also the record's key."""


def without_nul(text: str) -> str:
    """Refuses NUL, which PostgreSQL can not keep in text."""
    if "\x00" in text:
        raise ValueError("must not contain NUL characters")
    return text


Text = Annotated[str, StringConstraints(max_length=1_000), AfterValidator(without_nul)]
LONGEST_NAME = 255


def short_name(text: str) -> str:
    """Refuses what is too long for a key of a table: PostgreSQL's indexes take 2,700 bytes, all columns together."""
    if len(text) > LONGEST_NAME:
        raise ValueError(f"must not be longer than {LONGEST_NAME} characters")
    return text


Name = Annotated[Text, AfterValidator(short_name)]
"""Text that something is looked up by. In JSON Schema it is a `Text`, as it was when the first events were written."""

LongText = Annotated[str, StringConstraints(max_length=20_000), AfterValidator(without_nul)]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.:-]{0,99}$")]
"""A machine-readable name, such as a channel or a reason: lower case, safe as a metric label."""

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


_EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2150, 1, 1, tzinfo=UTC)

Moment = Annotated[AwareDatetime, Field(ge=_EARLIEST, lt=LATEST)]
"""When something happened. At the ends of the calendar, adding days or changing zones would fail."""

Reckoned = Annotated[AwareDatetime, Field(ge=_EARLIEST, lt=datetime(2200, 1, 1, tzinfo=UTC))]
"""A time reckoned from a `Moment`, such as a deadline: what is reckoned from any moment can be read again."""

TraceParent = Annotated[str, StringConstraints(pattern=r"^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")]
"""W3C Trace Context `traceparent`: one trace id follows a lead through all services."""


class Record(BaseModel):
    """Base of everything inside an event: immutable, tolerant of fields a newer writer added."""

    # Infinity and NaN are written as null, which the same field then refuses to read.
    model_config = ConfigDict(
        frozen=True, extra="ignore", ser_json_bytes="base64", val_json_bytes="base64", allow_inf_nan=False
    )


class Event(Record):
    """One CloudEvent. Subclasses fix `type`, as a Literal, and `data`."""

    TYPES: ClassVar[tuple[str, ...]] = ()
    """The types of the class, which are those of its `type` field."""

    specversion: Literal["1.0"] = "1.0"
    id: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    source: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    type: str
    subject: LeadId
    time: Moment
    datacontenttype: Literal["application/json"] = "application/json"
    dataschema: str = ""
    traceparent: TraceParent
    mode: Mode = "live"
    policy: str | None = Field(default=None, description="Version of the policy the decision was made under.")
    data: Any

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        cls.TYPES = get_args(cls.__pydantic_fields__["type"].annotation)

    def to_json(self) -> bytes:
        """The record's value as it goes on the topic."""
        return self.__pydantic_serializer__.to_json(self)

    @property
    def lead_id(self) -> str:
        """The lead that the event is about."""
        return self.subject

    @classmethod
    def create(
        cls,
        *,
        cause: Cause,
        service: str,
        time: datetime,
        data: Record,
        type: str | None = None,  # noqa: A002  # CloudEvents' own name
        policy: str | None = None,
        ordinal: int = 0,
    ) -> Self:
        """Builds the event that `service` derives from `cause`, with an id that a repeat would give again.

        What it is made of has been validated: the envelope follows from the cause, and `data` is a model. So only
        what a caller could get wrong is checked here, which is five times as quick as validating all of it again.

        Args:
            cause: what it answers to.
            service: who makes it.
            time: its business time, with a time zone.
            data: an instance of the model that the class declares.
            type: which of the class's types, where it has several.
            policy: version of the policy the decision was made under.
            ordinal: which of several events of one type the cause led to.

        Raises:
            ValueError: the type is none of the class's, or the time has no time zone.
            TypeError: `data` is no instance of the declared model.
        """
        kind = type or cls.TYPES[0]
        if kind not in cls.TYPES:
            raise ValueError(f"{cls.__name__} has no type {kind}; it has {', '.join(cls.TYPES)}")
        if time.tzinfo is None:
            raise ValueError("an event's time needs a time zone")
        if not isinstance(data, declared_data(cls)):
            raise TypeError(f"{cls.__name__} holds {declared_data(cls).__name__}, not {data.__class__.__name__}")
        identity = _digest(f"{service}\x1f{cause.id}\x1f{kind}\x1f{ordinal}")  # as `derived_id`, without its detours
        values = {
            "specversion": "1.0",
            "id": identity,
            "source": f"leadstream/{service}",
            "type": kind,
            "subject": cause.lead_id,
            "time": time,
            "datacontenttype": "application/json",
            "dataschema": f"leadstream:{kind}",
            "traceparent": child_traceparent(cause.traceparent, identity),
            "mode": cause.mode,
            "policy": policy,
            "data": data,
        }
        return unvalidated(cls, values)


@cache
def declared_data(event: type[Event]) -> type[Record]:
    """The model that the event's `data` is."""
    declared: type[Record] = event.model_fields["data"].annotation or Record
    return declared


class Cause(Record):
    """What a decision answers to: an event, or a timer that an event set earlier."""

    id: str
    lead_id: LeadId
    traceparent: TraceParent
    mode: Mode = "live"


def cause_of(event: Event) -> Cause:
    """The cause that `event` is for whatever it leads to."""
    values = {"id": event.id, "lead_id": event.subject, "traceparent": event.traceparent, "mode": event.mode}
    return unvalidated(Cause, values)


R = TypeVar("R", bound=Record)
_set = object.__setattr__


@cache
def _fields_of(model: type[Record]) -> set[str]:
    return set(model.model_fields)


def unvalidated(model: type[R], values: dict[str, Any]) -> R:
    """A model of values known to be valid: every field, in the order of the fields.

    `model_construct` does the same, and looks up each field's alias and default for it: three times the price, paid
    for every event. A test compares the two with validation.
    """
    instance = model.__new__(model)
    _set(instance, "__dict__", values)
    _set(instance, "__pydantic_fields_set__", _fields_of(model))  # shared: pydantic changes only copies' sets
    _set(instance, "__pydantic_extra__", None)
    _set(instance, "__pydantic_private__", None)
    return instance


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
