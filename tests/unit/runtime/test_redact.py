"""What is logged of an exception: enough to find the fault, and nobody's name."""

from __future__ import annotations

import logging
from collections.abc import Callable

import orjson
import psycopg
import pytest
from aiokafka.errors import KafkaConnectionError
from pydantic import BaseModel

from infra.errors import SettingsError
from infra.redact import SafeMessages, described, safe_message

ANN = "ann@example.com"


class Person(BaseModel):
    age: int


def lookup() -> None:
    raise KeyError(ANN)


def validation() -> None:
    Person.model_validate({"age": ANN})


def chained() -> None:
    try:
        lookup()
    except KeyError as error:
        raise ValueError(f"no such person: {ANN}") from error


def grouped() -> None:
    raise ExceptionGroup(ANN, [KeyError(ANN), ExceptionGroup(ANN, [ValueError(ANN)])])


def refused() -> None:
    raise psycopg.errors.UniqueViolation(f"Key (email)=({ANN}) already exists.")


def undecodable() -> None:
    raise UnicodeDecodeError("ascii", f"é {ANN}".encode(), 0, 1, ANN)


def raised(what: Callable[[], None]) -> BaseException:
    try:
        what()
    except Exception as error:  # noqa: BLE001  # any will do
        return error
    raise AssertionError("nothing was raised")


@pytest.mark.parametrize("what", [lookup, validation, chained, grouped, refused, undecodable])
def test_no_value_is_told(what: Callable[[], None]) -> None:
    error = raised(what)
    said = orjson.dumps(described((type(error), error, error.__traceback__))).decode() + safe_message(error)
    assert ANN not in said
    assert type(error).__name__ in said
    assert what.__name__ in said or what is validation


def test_what_led_to_it_and_what_is_in_a_group_are_told() -> None:
    error = raised(chained)
    assert [each["type"] for each in described((type(error), error, None))] == ["ValueError", "KeyError"]
    group = raised(grouped)
    (entry,) = described((type(group), group, None))
    assert [part[0]["type"] for part in entry["group"]] == ["KeyError", "ExceptionGroup"]


@pytest.mark.parametrize(
    "error",
    [
        SettingsError("port 8080 is taken"),
        KafkaConnectionError("no broker at 127.0.0.1:9092"),
        psycopg.OperationalError("connection refused at 127.0.0.1:5432"),
        ConnectionRefusedError(111, "refused by 127.0.0.1"),
    ],
)
def test_errors_of_servers_and_settings_are_told_whole(error: Exception) -> None:
    assert safe_message(error).partition(": ")[2] == str(error)


def test_libraries_lines_tell_exceptions_as_we_do(caplog: pytest.LogCaptureFixture) -> None:
    caplog.handler.addFilter(SafeMessages())
    caplog.set_level(logging.ERROR, logger="asyncio")  # commands that ran before in this process silence it
    error = raised(lookup)
    logging.getLogger("some.library").error("Crashed reason=%r", error)
    logging.getLogger("asyncio").error("Task exception was never retrieved\nfuture: <Task exception=%s>" % ANN)  # noqa: UP031, G002  # as asyncio does
    assert ANN not in caplog.text
    assert "KeyError at test_redact.py" in caplog.text
    assert "never retrieved" in caplog.text
