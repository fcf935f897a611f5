"""What the outside world does to the pipeline: posts, imports, and records that others write into the topics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

Document = Mapping[str, Any]
Answer = Literal["accepted", "duplicate", "refused", "turned_away"]
Wire = Literal["json", "form", "multipart", "raw"]

NOW = timedelta(0)


@dataclass(frozen=True)
class Expected:
    """How the answer should be. `reason` of what is refused, as on `leads.rejected`."""

    answer: Answer = "accepted"
    status: int = 202
    reason: str = ""


ACCEPTED = Expected()
DUPLICATE = Expected("duplicate")
UNKNOWN_LEAD = Expected("refused", 404, "unknown_lead")


@dataclass(frozen=True)
class Item:
    """One lead, signal, outcome or touch.

    Attributes:
        document: as the API takes it, or a form's fields.
        happened: when, if that must be said; goes into `happened_field`, and is never later than the posting.
        person: whom it is about.
        contacts: the addresses and numbers in it, as they are spelt there.
    """

    document: Document
    person: int | None = None
    contacts: tuple[str, ...] = ()
    happened: datetime | None = None
    happened_field: str = "occurred_at"
    expected: Expected = ACCEPTED

    def at(self, now: datetime) -> Document:
        """The document as it is posted at `now`."""
        if self.happened is None:
            return self.document
        return {**self.document, self.happened_field: min(self.happened, now).isoformat()}


@dataclass(frozen=True)
class Post:
    """One HTTP request. `raw` is sent as it is; otherwise the items make the body: one, or a batch."""

    path: str
    items: tuple[Item, ...]
    wire: Wire = "json"
    raw: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    token: bool = True

    @property
    def batch(self) -> bool:
        """Whether many items go in one request."""
        return self.path.endswith(":batch")


@dataclass(frozen=True)
class Import:
    """A list that an operator imports: a CSV file's name, header, rows, and whom each row is about.

    The rows after these are refused, each for its reason. `contacts` holds each row's addresses and numbers.
    """

    name: str
    source: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    persons: Sequence[int]
    contacts: Sequence[tuple[str, ...]]
    refused: tuple[str, ...] = ()


@dataclass(frozen=True)
class ForeignRecord:
    """A record that somebody writes straight into a topic, past capture."""

    topic: str
    key: bytes
    value: bytes


@dataclass(frozen=True)
class Action:
    """Something to do at a moment of the simulated time.

    Attributes:
        patience: how long it may wait to be done together with others.
        lane: those of one lane are done one after the other; lanes side by side.
        claim: a lead and the number of its owner; void once the lead has another one.
    """

    at: datetime
    what: Post | Import | ForeignRecord
    lane: str
    patience: timedelta = NOW
    claim: tuple[str, int] | None = None


def one(path: str, item: Item) -> Post:
    """A request with one item."""
    return Post(path, (item,))


def json_action(at: datetime, path: str, item: Item, *, patience: timedelta = NOW, lane: str | None = None) -> Action:
    """Posts one item; those about one person stay in order."""
    return Action(at, one(path, item), lane or f"person {item.person}", patience)
