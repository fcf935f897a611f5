"""Every example, through the models that services read with and the JSON Schemas that everybody else reads with."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from schemas.event_schemas import event_types
from schemas.generate import FOLDER
from schemas.strict import Malformed
from schemas.topics import BY_NAME

EXAMPLES = FOLDER / "examples"
VALID = sorted(EXAMPLES.glob("*/valid/*.json"))
INVALID = sorted(EXAMPLES.glob("*/invalid/*.json"))
WHERE_INVALID: dict[str, str] = json.loads((EXAMPLES / "invalid.json").read_text())
FORMATS = FormatChecker(formats=())


@FORMATS.checks("date-time", raises=ValueError)
def is_date_time(value: object) -> bool:
    """RFC 3339: a date, a time and a zone."""
    return not isinstance(value, str) or ("T" in value and datetime.fromisoformat(value).tzinfo is not None)


def name_of(path: Path) -> str:
    return str(path.relative_to(EXAMPLES))


def type_of(path: Path) -> str:
    """The event type that an example is one of, or would be: its name begins with it."""
    (found,) = [name for name in event_types() if path.name.startswith(name.removeprefix("leadstream.") + ".")]
    return found


@cache
def validator(event_type: str) -> Draft202012Validator:
    return Draft202012Validator(
        json.loads((FOLDER / "json" / f"{event_type}.json").read_text()), format_checker=FORMATS
    )


def complaints_of_the_model(path: Path) -> set[str]:
    """Where the model finds something wrong, as JSON pointers."""
    try:
        event_types()[type_of(path)].topic.decode(path.read_bytes())
    except Malformed as error:
        return {problem.at for problem in error.problems}
    return set()


def complaints_of_the_schema(path: Path) -> set[str]:
    """Where the JSON Schema finds something wrong, as JSON pointers; a missing field is where it would be."""
    return set(_pointers(path))


def _pointers(path: Path) -> Iterator[str]:
    for error in validator(type_of(path)).iter_errors(json.loads(path.read_text())):
        parts = list(error.absolute_path)
        if error.validator == "required":
            missing = [name for name in error.validator_value if name not in error.instance]
            yield from ("".join(f"/{part}" for part in [*parts, name]) for name in missing)
        else:
            yield "".join(f"/{part}" for part in parts)


@pytest.mark.parametrize("path", VALID, ids=name_of)
def test_a_valid_example_is_accepted_by_model_topic_and_schema(path: Path) -> None:
    assert complaints_of_the_model(path) == set()
    assert complaints_of_the_schema(path) == set()
    event = BY_NAME[path.parent.parent.name].decode(path.read_bytes())
    assert event.type == type_of(path)


@pytest.mark.parametrize("path", VALID, ids=name_of)
def test_what_we_write_back_is_accepted_by_the_schema_and_loses_nothing_we_know(path: Path) -> None:
    topic = BY_NAME[path.parent.parent.name]
    event = topic.decode(path.read_bytes())
    written = json.loads(event.to_json())
    assert list(validator(event.type).iter_errors(written)) == []
    assert topic.decode(event.to_json()) == event


@pytest.mark.parametrize("path", INVALID, ids=name_of)
def test_an_invalid_example_is_refused_by_both_and_for_the_reason_it_shows(path: Path) -> None:
    expected = WHERE_INVALID[name_of(path)]
    for complaints in (complaints_of_the_model(path), complaints_of_the_schema(path)):
        assert complaints, "is accepted"
        assert all(_on_the_way(complaint, expected) for complaint in complaints), complaints


def _on_the_way(complaint: str, expected: str) -> bool:
    """Whether a complaint is about the expected place, something in it, or, if deeper than the envelope, around it."""
    around = expected.startswith(f"{complaint}/") and complaint.startswith("/data")
    return complaint == expected or complaint.startswith(f"{expected}/") or around


def test_every_invalid_example_says_where_and_nothing_else_does() -> None:
    assert set(WHERE_INVALID) == {name_of(path) for path in INVALID}


@pytest.mark.parametrize("event_type", list(event_types()))
def test_every_event_type_has_two_valid_and_two_invalid_examples(event_type: str) -> None:
    counts = Counter((type_of(path), path.parent.name) for path in VALID + INVALID)
    assert counts[event_type, "valid"] >= 2
    assert counts[event_type, "invalid"] >= 2


@pytest.mark.parametrize("path", VALID + INVALID, ids=name_of)
def test_an_example_lies_in_its_topic_s_folder_and_names_nobody_real(path: Path) -> None:
    assert path.parent.parent.name == event_types()[type_of(path)].topic.name
    for address in _addresses(json.loads(path.read_text())):
        assert address.lower().endswith((".example", "example.com")), address


def _addresses(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _addresses(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _addresses(inner)
    elif isinstance(value, str) and "@" in value and " " not in value and not value.startswith("enrich@"):
        yield value


@pytest.mark.parametrize("folder", sorted(path for path in EXAMPLES.iterdir() if path.is_dir()), ids=lambda p: p.name)
def test_every_folder_of_examples_is_a_topic(folder: Path) -> None:
    assert folder.name in BY_NAME
