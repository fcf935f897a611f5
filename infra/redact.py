"""What may be logged of an exception.

An exception's message often quotes what it is about: a validator the value, a database the row, a dictionary the key.
That can be anything people wrote, so only messages of errors that speak of servers and settings are logged; of the
others, the type and the lines of code, which is what finds the fault. The values are in the dead letter.
"""

from __future__ import annotations

import logging
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any

import psycopg
from aiokafka.errors import KafkaError

from infra.errors import LeadstreamError

QUOTES_NOBODY = (LeadstreamError, OSError, KafkaError, psycopg.OperationalError, psycopg.InterfaceError)
"""Errors whose messages name servers, files, settings and positions."""

_MOST_CAUSES = 8
_MOST_FRAMES = 50

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def safe_message(error: BaseException) -> str:
    """An exception in one line."""
    if isinstance(error, QUOTES_NOBODY) and not isinstance(error, UnicodeError):
        return f"{type(error).__name__}: {error}"
    if isinstance(error, psycopg.Error):
        about = ", ".join(filter(None, (error.sqlstate, error.diag.table_name, error.diag.constraint_name)))
        return f"{type(error).__name__} ({about})" if about else type(error).__name__
    return whereabouts(error)


def whereabouts(error: BaseException) -> str:
    """An exception's type and the last line outside libraries that it passed."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "site-packages" not in frame.filename]
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}, in {frames[-1].name}" if frames else ""
    return f"{type(error).__name__}{place}"


def described(exc_info: ExcInfo) -> list[dict[str, Any]]:
    """A traceback as data: the exception, then what led to it. Neither local variables nor values are in it."""
    chain: list[dict[str, Any]] = []
    error: BaseException | None = exc_info[1]
    while error is not None and len(chain) < _MOST_CAUSES:
        chain.append(_one(error))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return chain


def _one(error: BaseException) -> dict[str, Any]:
    frames = traceback.extract_tb(error.__traceback__)[-_MOST_FRAMES:]
    entry: dict[str, Any] = {
        "type": type(error).__name__,
        "told": safe_message(error),
        "frames": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    }
    if isinstance(error, BaseExceptionGroup):
        entry["group"] = [described((type(each), each, None)) for each in error.exceptions[:_MOST_CAUSES]]
    return entry


class SafeMessages(logging.Filter):
    """Keeps libraries' log lines from spelling out exceptions that they were given."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Lets every record pass, with its exceptions told as ours are."""
        if isinstance(record.args, tuple):
            record.args = tuple(safe_message(arg) if isinstance(arg, BaseException) else arg for arg in record.args)
        if record.name == "asyncio":  # it puts the task, with its exception, into the lines below the first
            record.msg = str(record.msg).partition("\n")[0]
        return True
