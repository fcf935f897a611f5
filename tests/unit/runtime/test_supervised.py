"""Whatever ends a service's task ends the process, so that it is started again; but not when it was asked to stop."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from infra.errors import LeadstreamError
from runtime.service import _supervised


class Host:
    """Stands for the Faust service."""

    should_stop = False

    def __init__(self) -> None:
        self.crashes: list[BaseException] = []

    async def crash(self, reason: BaseException) -> None:
        self.crashes.append(reason)


async def ends() -> None:
    """Merely returns."""


async def refuses() -> None:
    raise LeadstreamError("must not go on")


async def is_cancelled_from_within() -> None:
    task = asyncio.create_task(asyncio.sleep(60))
    await asyncio.sleep(0)
    task.cancel()
    await task


@pytest.mark.parametrize("work", [ends, refuses, is_cancelled_from_within])
async def test_a_task_that_ends_crashes_the_service(work: Any) -> None:
    host: Any = Host()
    await _supervised(host, work())
    assert len(host.crashes) == 1


async def test_a_task_that_is_asked_to_stop_just_stops() -> None:
    host: Any = Host()
    task = asyncio.create_task(_supervised(host, asyncio.sleep(60)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert host.crashes == []
