"""(c), (d) and (e): the whole pipeline. Leads/s over HTTP to assigned, the delay at a set rate, and memory.

Everything runs on this machine: the broker, the database, Valkey, six services, and the load generator too.
"""

from __future__ import annotations

import asyncio
import os
from time import monotonic

from bench.chain import Ears, Passage, post
from bench.report import Result, quantile, say
from bench.running import SERVICES, Pipeline, pipeline

WARM_UP, LEADS = 500, 10_000
RATE, QUIET_RATE, RATE_SECONDS = 100, 10, 20
"""Leads/s: the rate that is aimed at, and one at which the machine is not the limit."""
SINGLE = ("--batch", "1", "--connections", "32")
BATCHES = ("--batch", "100", "--connections", "4")
AIM_SINGLE, AIM_BATCH = 1_000, 1_500
AIM_P50_MS, AIM_P99_MS = 100, 500
AIM_MEMORY_MB, AIM_SCORE_MB = 150, 300
IDLE_SHARE, IDLE_SECONDS = 0.5, 120.0
"""The pipeline has caught up when its services together use less than this part of a core."""


async def throughput() -> list[Result]:
    """(c) only."""
    with pipeline() as running:
        await _warm_up(running)
        return await _throughput(running)


async def latency() -> list[Result]:
    """(d) only."""
    with pipeline() as running:
        await _warm_up(running)
        return await _latency(running)


async def memory() -> list[Result]:
    """(e) only, after some work."""
    with pipeline() as running:
        await _warm_up(running)
        await _latency(running)
        return _memory(running)


async def everything() -> list[Result]:
    """All three on one pipeline: latency while it is fresh, memory when it has worked."""
    with pipeline() as running:
        await _warm_up(running)
        return [*await _latency(running), *await _throughput(running), *_memory(running)]


async def _warm_up(running: Pipeline) -> None:
    say("pipeline: warming up")
    await _passed(running, WARM_UP, *SINGLE, live=False)
    await _caught_up(running)


async def _passed(running: Pipeline, leads: int, *options: str, live: bool) -> dict[str, Passage]:
    async with Ears(running) as ears:
        heard = asyncio.create_task(ears.hear(leads, live=live))
        try:
            await post(running, leads, *options)
            return await heard
        finally:
            heard.cancel()


async def _throughput(running: Pipeline) -> list[Result]:
    results = []
    for what, options, aim in (("single posts", SINGLE, AIM_SINGLE), ("batches of 100", BATCHES, AIM_BATCH)):
        say(f"pipeline: {LEADS} leads in {what}")
        used = running.cpu_seconds()
        passages = await _passed(running, LEADS, *options, live=False)
        first = min(passage.captured for passage in passages.values())
        last = max(passage.assigned for passage in passages.values())
        behind = await _caught_up(running)
        now = running.cpu_seconds()
        details: dict[str, float | str] = {
            f"{name}, CPU ms/lead": (now[name] - used[name]) / LEADS * 1_000 for name in now
        }
        details["seconds until the rest had caught up"] = behind
        rate = LEADS / (last - first).total_seconds()
        cores = str(len(os.sched_getaffinity(0)))
        results.append(
            Result("pipeline", f"HTTP in ({what}) to assigned, on {cores} cores", rate, "leads/s", aim, "more", details)
        )
    return [*results, Result("pipeline", "batches : single posts", results[1].value / results[0].value, "times")]


async def _caught_up(running: Pipeline) -> float:
    """Waits until the services have nothing to do; returns the seconds that took."""
    started = monotonic()
    before, since = running.cpu_seconds(), started
    while monotonic() < started + IDLE_SECONDS:
        await asyncio.sleep(1.0)
        now, at = running.cpu_seconds(), monotonic()
        if sum(now[name] - before[name] for name in SERVICES) < IDLE_SHARE * (at - since):
            return at - started - 1.0
        before, since = now, at
    raise TimeoutError(f"the services were still busy {IDLE_SECONDS:.0f} s after the last lead was assigned")


async def _latency(running: Pipeline) -> list[Result]:
    return [*await _latency_at(running, QUIET_RATE, aimed=False), *await _latency_at(running, RATE, aimed=True)]


async def _latency_at(running: Pipeline, rate: int, *, aimed: bool) -> list[Result]:
    say(f"pipeline: {rate} leads/s for {RATE_SECONDS} s")
    used, started = running.cpu_seconds(), monotonic()
    passages = await _passed(running, rate * RATE_SECONDS, "--rate", str(rate), "--connections", "64", live=True)
    cores = sum(now - used[name] for name, now in running.cpu_seconds().items()) / (monotonic() - started)
    times = [passage.seconds * 1_000 for passage in passages.values()]
    middle, high, what = quantile(times, 0.5), quantile(times, 0.99), f"captured to assigned at {rate} leads/s"
    p50: dict[str, float | str] = {"p90": quantile(times, 0.9), "cores used": cores}
    p99: dict[str, float | str] = {"most": max(times), "p99 : p50": high / middle}
    return [
        Result("latency", f"{what}, p50", middle, "ms", AIM_P50_MS if aimed else None, "less", p50),
        Result("latency", f"{what}, p99", high, "ms", AIM_P99_MS if aimed else None, "less", p99),
    ]


def _memory(running: Pipeline) -> list[Result]:
    found = running.memory_mb()
    return [
        Result(
            "memory", f"{name}, resident", found[name], "MB", AIM_SCORE_MB if name == "score" else AIM_MEMORY_MB, "less"
        )
        for name in SERVICES
    ] + [Result("memory", f"{name}, resident", found[name], "MB") for name in found if name not in SERVICES]
