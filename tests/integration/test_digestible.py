"""Whatever capture accepts, every service can take in: no dead letters, and nothing that a database refuses."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis

from infra.settings import Settings
from tests.support.digest import Digestion, Document
from tests.support.enquiries import KNOWN, documents

pytestmark = pytest.mark.stack

DOCUMENTS = int(os.environ.get("LEADSTREAM_TEST_DOCUMENTS", "2000"))
"""About how many are tried; 100000 for a night."""

AT_ONCE = 200
"""Documents of a batch: each batch costs a few transactions."""

TOLD = 10
"""Troubles that are printed."""

EVERY_KIND = {
    f"leadstream.{kind}.v1"
    for kind in (
        "lead.captured", "lead.enriched", "lead.scored", "lead.assigned", "lead.parked", "lead.reassigned",
        "lead.recycled", "lead.escalated", "sla.met", "sla.breached",
        "sequence.planned", "sequence.stopped", "touch.sent", "touch.failed",
        "touch.suppressed", "touch.unknown", "signal.recorded", "outcome.recorded", "input.rejected",
    )
}  # fmt: skip


def test_what_is_accepted_is_digested_by_every_service(settings: Settings) -> None:
    digestion, waiting = Digestion(settings), list(KNOWN)

    # A trouble is told by the document it came of: nothing is drawn again to make it smaller.
    @hypothesis(
        max_examples=DOCUMENTS // 2, phases=[Phase.generate], database=None, suppress_health_check=list(HealthCheck)
    )
    @given(documents)
    def draw(drawn: list[Document]) -> None:
        waiting.extend(drawn)
        if len(waiting) >= AT_ONCE and len(digestion.troubles) < TOLD:
            runner.run(digestion.digest(waiting))
            waiting.clear()

    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        runner.run(digestion.open(stack))
        try:
            draw()
            runner.run(digestion.digest(waiting))
        finally:
            runner.run(stack.aclose())
    assert not digestion.troubles, "\n\n".join(map(str, digestion.troubles[:TOLD]))
    assert digestion.accepted > digestion.tried * 0.6, "most of what is tried should be accepted"
    assert set(digestion.said) >= EVERY_KIND, "what is tried should reach every part of every service"
