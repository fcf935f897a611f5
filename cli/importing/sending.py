"""Sends rows to capture in batches, patiently: 503 is waited out, a lost connection tried again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

from cli.context import UNREACHABLE, Answer, CommandFailed, ask

BATCH_ROWS = 100
PATIENCE_SECONDS = 300.0
"""How long one batch may be turned away before the import gives up."""

LONGEST_WAIT = 60.0
BATCH_SECONDS = 60.0


class Client(Protocol):
    """Whoever takes leads."""

    def post_leads(self, documents: Sequence[dict[str, Any]]) -> Answer:
        """Posts up to `BATCH_ROWS` leads; the answer's body holds a result for each.

        Raises:
            CommandFailed: nobody answers.
        """


@dataclass(frozen=True)
class HttpClient:
    """Capture's HTTP interface."""

    url: str
    token: str

    def post_leads(self, documents: Sequence[dict[str, Any]]) -> Answer:
        """`POST /v1/leads:batch`."""
        return ask(f"{self.url}/v1/leads:batch", {"leads": list(documents)}, token=self.token, seconds=BATCH_SECONDS)


@dataclass(frozen=True)
class Sender:
    """Posts batches until each has been answered."""

    client: Client
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.monotonic

    def results(self, documents: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """One result per document, as capture told it.

        Raises:
            CommandFailed: capture does not know us, does not answer, or turns us away for too long.
        """
        deadline, wait = self.now() + PATIENCE_SECONDS, 1.0
        while True:
            try:
                answer = self.client.post_leads(documents)
            except CommandFailed:
                if self.now() + wait > deadline:
                    raise
                answer = Answer(503, "nobody answers")
            if answer.status == 413 and len(documents) > 1:
                middle = len(documents) // 2
                return [*self.results(documents[:middle]), *self.results(documents[middle:])]
            if answer.status not in (429, 502, 503, 504):
                return _results_of(answer, len(documents))
            pause = min(wait_of(answer.retry_after, wait), LONGEST_WAIT)
            if self.now() + pause > deadline:
                raise CommandFailed(
                    f"capture has turned the rows away for {PATIENCE_SECONDS:.0f} s ({answer.status}). Import the file "
                    "again later: rows that were taken are recognised",
                    UNREACHABLE,
                )
            self.sleep(pause)
            wait = min(wait * 2, LONGEST_WAIT)


def wait_of(retry_after: str | None, otherwise: float) -> float:
    """Seconds that a `Retry-After` header asks for (RFC 9110, 10.2.3: seconds, or a date)."""
    text = (retry_after or "").strip()
    if text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return otherwise
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max((moment - datetime.now(UTC)).total_seconds(), 0.0)


def _results_of(answer: Answer, count: int) -> list[dict[str, Any]]:
    body = answer.body
    if answer.status == 401:
        raise CommandFailed("capture does not know our token; set LEADSTREAM_CAPTURE_TOKEN to one that it knows")
    if answer.status == 413:  # one row alone
        return [{"status": 413, "detail": "the row is too large"}]
    results = body.get("results") if answer.good and isinstance(body, dict) else None
    if not isinstance(results, list) or len(results) != count:
        said = body.get("detail") if isinstance(body, dict) else body
        raise CommandFailed(f"capture did not take the rows: {answer.status} {str(said)[:300]}")
    return results


def reason_of(result: dict[str, Any]) -> str:
    """Why a row was refused, field by field."""
    errors = result.get("errors") or []
    fields = "; ".join(f"{error['pointer'].strip('/').replace('/', '.')}: {error['reason']}" for error in errors)
    return fields or str(result.get("detail", f"status {result.get('status')}"))
