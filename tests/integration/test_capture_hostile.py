"""Input that is meant to break capture: it is refused and kept, and the next lead is taken."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.capture_database import capture_connect, capture_settings
from tests.integration.test_capture_api import Front, front

pytestmark = pytest.mark.stack
__all__ = ["capture_connect", "capture_settings", "front"]

GOOD = {"email": "ada@example.com"}
WIDE = "".join(chr(0x4E00 + (n * n * 7919) % 20_000) for n in range(1_000))
HOSTILE: list[tuple[str, dict[str, Any]]] = [
    ("a field whose name has a NUL", {**GOOD, "\x00": 1}),
    ("an answer whose name has a NUL", {"person": {**GOOD, "answers": {"\x00": 5}}}),
    ("a field whose name is long", {**GOOD, "k" * 900_000: 1}),
    ("a time that no zone can show", {**GOOD, "mode": "history", "submitted_at": "9999-12-31T23:59:59-23:59"}),
    ("a consent from the far future", {**GOOD, "consent": {"given_at": "9999-12-31T23:59:59Z"}}),
    ("an id longer than any system gives", {**GOOD, "id": WIDE}),
]
IDS = [name for name, _ in HOSTILE]
BODIES = [body for _, body in HOSTILE]


@pytest.mark.parametrize("body", BODIES, ids=IDS)
async def test_it_is_refused_and_kept(front: Front, body: dict[str, Any]) -> None:
    status, told = await front.post("/v1/leads", body)
    assert status == 422, told
    assert {event.subject for event in await front.rejected()} == {told["submission_id"]}
    assert (await front.post("/v1/leads", GOOD))[0] == 202


@pytest.mark.parametrize("body", BODIES, ids=IDS)
async def test_in_a_batch_it_costs_its_neighbours_nothing(front: Front, body: dict[str, Any]) -> None:
    status, told = await front.post("/v1/leads:batch", [GOOD, body, {"email": "bob@example.com"}])
    assert status == 207, told
    assert [result["status"] for result in told["results"]] == [202, 422, 202]
    assert len(await front.stored("leads.captured")) == 2


async def test_the_longest_source_and_id_fit_their_index_and_tell_a_repeat(front: Front) -> None:
    body = {**GOOD, "id": WIDE[:200], "source": WIDE}
    assert (await front.post("/v1/leads", body))[0] == 202
    status, told = await front.post("/v1/leads", body)
    assert (status, told["duplicate"]) == (202, True), told
    assert len(await front.stored("leads.captured")) == 1
