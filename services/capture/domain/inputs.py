"""What the direct API takes, strictly: unknown and wrong fields are named, none is guessed or dropped."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Self, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from schemas.base import LATEST, Code, LeadId, LongText, Mode, Money, Text
from schemas.events import OutcomeKind, SignalType, TouchChannel
from schemas.events.captured import Attribution, CompanyAnswers, Consent, Person
from services.capture.domain.errors import InvalidInput, invalid_fields, problems_of

MOST_ANSWERS = 250
LONGEST_ANSWERS = 100_000
"""Characters in all of a lead's answers: with every one escaped, the event still fits a Kafka record of 1 MB."""

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)


def _written_date(value: Any) -> Any:
    if isinstance(value, str) and value[4:5] == "-":
        return value
    raise ValueError("write the date and time as in 2026-03-01T09:30:00Z")


def _of_our_age(moment: datetime) -> datetime:
    if moment < EARLIEST:
        raise ValueError("lies before 1990")
    if moment >= LATEST:
        raise ValueError("lies too far in the future")
    return moment.astimezone(UTC)


Moment = Annotated[AwareDatetime, BeforeValidator(_written_date), AfterValidator(_of_our_age)]
"""RFC 3339 with its offset from UTC."""

ExternalId = Annotated[Text, StringConstraints(min_length=1, max_length=200)]
AnswerName = Annotated[Text, StringConstraints(min_length=1, max_length=200)]
ExternalIds = Annotated[
    dict[Code, ExternalId],
    Field(default_factory=dict, max_length=10, description="System → the person's id there, such as hubspot: 4711."),
]


def _answers_within_bounds(answers: dict[str, str]) -> dict[str, str]:
    if len(answers) > MOST_ANSWERS:
        raise ValueError(f"more than {MOST_ANSWERS} answers")
    if sum(map(len, answers)) + sum(map(len, answers.values())) > LONGEST_ANSWERS:
        raise ValueError(f"more than {LONGEST_ANSWERS} characters in all")
    return answers


class Input(BaseModel):
    """Base of what is sent to us: strict about names."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PersonFields(Input):
    """What a submission says of the person."""

    name: Text | None = None
    given_name: Text | None = None
    family_name: Text | None = None
    email: Text | None = None
    phone: Text | None = None
    title: Text | None = None
    linkedin_url: Text | None = None
    message: LongText | None = None
    answers: Annotated[dict[AnswerName, LongText], AfterValidator(_answers_within_bounds)] = Field(default_factory=dict)

    def person(self) -> Person:
        """The same as part of an event."""
        return Person(**{name: getattr(self, name) for name in PERSON_FIELDS})


PERSON_FIELDS = tuple(PersonFields.model_fields)


class CompanyFields(Input):
    """What a submission says of the company."""

    name: Text | None = None
    website: Text | None = None
    employees: int | None = Field(default=None, ge=0, le=10_000_000, strict=True)
    industry: Text | None = None
    country: Text | None = Field(default=None, description="As written: a name or an ISO 3166-1 code.")
    region: Text | None = None

    def answers(self) -> CompanyAnswers:
        """The same as part of an event."""
        return CompanyAnswers(**dict(self))


class AttributionFields(Input):
    """Where the enquiry came from."""

    utm_source: Text | None = None
    utm_medium: Text | None = None
    utm_campaign: Text | None = None
    utm_term: Text | None = None
    utm_content: Text | None = None
    referrer: Text | None = None
    landing_page: Text | None = None
    click_id: Text | None = None

    def attribution(self) -> Attribution:
        """The same as part of an event."""
        return Attribution(**dict(self))


class ConsentFields(Input):
    """Whether the person agreed to be contacted."""

    marketing: bool | None = Field(default=None, strict=True)
    wording: LongText | None = None
    given_at: Moment | None = None

    def consent(self) -> Consent:
        """The same as part of an event."""
        return Consent(**dict(self))


def _named(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


def _agreed(value: Any) -> Any:
    return {"marketing": value} if isinstance(value, bool) else value


class LeadIn(PersonFields):
    """One submission, `POST /v1/leads`. The person's fields stand at the top, or together in `person`."""

    id: ExternalId | None = Field(
        default=None, description="The channel's id of the submission; a repeat is accepted once."
    )
    channel: Code | None = None
    source: Text | None = None
    mode: Mode = "live"
    submitted_at: Moment | None = None
    lead_id: LeadId | None = None
    external_ids: ExternalIds
    one_person: PersonFields | None = Field(default=None, alias="person")
    company: Annotated[CompanyFields, BeforeValidator(_named)] = CompanyFields()
    attribution: AttributionFields = AttributionFields()
    consent: Annotated[ConsentFields, BeforeValidator(_agreed)] = ConsentFields()

    @model_validator(mode="after")
    def _person_once(self) -> Self:
        if self.one_person is not None and not self.model_fields_set.isdisjoint(PERSON_FIELDS):
            raise ValueError("the person's fields stand both at the top and in `person`; choose one place")
        return self

    @property
    def who(self) -> PersonFields:
        """The person's fields, wherever they stood."""
        return self.one_person or self


class LeadNamed(Input):
    """Base of what happened to a lead that is known already."""

    id: ExternalId | None = Field(default=None, description="The reporter's id for it; a repeat is accepted once.")
    lead_id: LeadId | None = None
    email: Text | None = None
    phone: Text | None = None
    external_ids: ExternalIds
    source: Text | None = None
    mode: Mode = "live"
    occurred_at: Moment | None = None


class SignalIn(LeadNamed):
    """Something the lead did, `POST /v1/signals`."""

    signal: SignalType
    channel: Code = "api"
    detail: Text | None = None


class OutcomeIn(LeadNamed):
    """What became of the lead, `POST /v1/outcomes`."""

    outcome: OutcomeKind
    channel: Code = "api"
    rep: Code | None = None
    reason: Text | None = None
    value: Money | None = None
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] | None = None


class TouchIn(LeadNamed):
    """A rep's own call, email or meeting, `POST /v1/touches`."""

    channel: TouchChannel
    rep: Code | None = None
    subject: Text | None = None
    body: LongText | None = None


class ErasureIn(Input):
    """Whom to forget, `POST /v1/erasures`."""

    lead_id: LeadId | None = None
    email: Text | None = None
    phone: Text | None = None
    reason: Code = "right_to_erasure"


M = TypeVar("M", bound=Input)


def read(model: type[M], document: Any) -> M:
    """Validates a decoded document.

    Raises:
        InvalidInput: with a JSON pointer and a reason per field.
    """
    if not isinstance(document, Mapping):
        raise InvalidInput("invalid_fields", "the document must be a JSON object", status=422)
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise invalid_fields(problems_of(error, document, names_of(model))) from None


def names_of(model: type[Input]) -> frozenset[str]:
    """The names of a model's fields, and of the objects in it, as they are sent."""
    nested = (CompanyFields, AttributionFields, ConsentFields) if model is LeadIn else ()
    names = {info.alias or name for name, info in model.model_fields.items()}
    return frozenset(names.union(*(part.model_fields for part in nested)))
