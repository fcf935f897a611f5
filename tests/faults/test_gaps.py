"""A gap in a producer's sequence stops its topic, also while a batch is being halved."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from infra.partitioner import partition_of
from infra.settings import Settings
from runtime.sequence import headers_of
from runtime.stage import Context, Decision, Input
from tests.support.bare import PINGS, Alpha, Ping, Tally
from tests.support.harness import Harness, eventually, harness, ping

pytestmark = pytest.mark.stack

REFUSED = 99


class Refused(Alpha):
    """The database refuses a lead's row once it was pinged with REFUSED."""

    transactional = True

    def decide(self, item: Input, state: Tally | None, ctx: Context) -> Decision[Tally]:
        decision = super().decide(item, state, ctx)
        if isinstance(item, Ping) and item.data.n == REFUSED and decision.state is not None:
            return Decision(decision.state.replace(timers=REFUSED))
        return decision

    async def save(self, connection: Any, shared: Any, changes: Mapping[str, Any]) -> None:  # noqa: ARG002  # the stage's
        if any(change.after.timers == REFUSED for change in changes.values()):
            await connection.execute("select 1 / 0")


@pytest.fixture
async def ours(settings: Settings) -> AsyncIterator[Harness]:
    async with harness(settings, "alpha") as opened:
        yield opened


async def test_what_lies_behind_a_gap_is_not_read_by_the_other_half_of_a_refused_batch(ours: Harness) -> None:
    partition = partition_of(b"lead0", ours.settings.partitions)
    records = [(REFUSED, None), (1, (b"a@1", 1)), (3, (b"a@1", 3)), *((n + 3, (b"b@1", n)) for n in (1, 2, 3))]
    for n, stamp in records:
        headers = headers_of(*stamp) if stamp is not None else []
        await ours.put_bytes(PINGS, b"lead0", ping("lead0", n).to_json(), partition, headers)
    worker = await ours.start(Refused())

    async def stopped() -> bool:
        return "jumps from sequence 1 to 3" in worker.problem

    await eventually(stopped, seconds=30)
    assert (await ours.states(Alpha()))["lead0"].count == 1
    ((offsets,),) = await ours.rows(f"select offsets from alpha.fence where partition = {partition}")
    assert offsets[PINGS.name] == 2
