"""Runs one engine over a backlog, in a process of its own, and measures how fast it gets through."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any

import psutil

from bench.feed import Output, fill
from bench.servers import Servers, cpu_seconds, environment, prepare
from bench.workload import COUNTED, VISITED, workload
from infra.settings import Settings

WARM_UP = 0.1
"""Part of the backlog that is not counted: caches fill, statements are prepared."""
START_SECONDS = 60.0


@dataclass(frozen=True)
class Engine:
    """A way to run the stage. `module` is what `python -m` runs."""

    name: str
    module: str
    backlog: int
    """Events that it gets."""
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pace:
    """How one run went."""

    per_second: float
    cpu_us: float
    """Microseconds of the engine's own processor time an event."""
    postgres_us: float
    kafka_us: float
    memory_mb: float

    def as_dict(self) -> dict[str, float]:
        """For the report."""
        return {name: round(value, 2) for name, value in vars(self).items()}


@contextmanager
def child(module: str, settings: Settings, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Runs `python -m module` until the block ends. What it says is shown when it fails."""
    variables = {**os.environ, **environment(settings)}
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments], env=variables, stdout=said, stderr=subprocess.STDOUT
        )
        try:
            yield process
        except BaseException:
            said.seek(0)
            sys.stderr.write(said.read().decode(errors="replace")[-4_000:])
            raise
        finally:
            process.kill()
            process.wait()


async def pace_of(engine: Engine, servers: Servers, seconds: float) -> Pace:
    """Gives the engine its backlog and watches its output until that is done, or for `seconds` after warming up."""
    settings = servers.settings()
    await prepare(settings, (VISITED, COUNTED), "bench")
    count = await fill(settings, VISITED, workload(engine.backlog))
    async with Output(settings, COUNTED) as output:
        with child(engine.module, settings, *engine.arguments) as process:
            first = await _sample(process, output, servers, int(count * WARM_UP), START_SECONDS)
            last = await _sample(process, output, servers, count, seconds)
    return _pace(first, last)


@dataclass(frozen=True)
class _Sample:
    at: float
    done: int
    cpu: float
    postgres: float
    kafka: float
    memory: float


async def _sample(
    process: subprocess.Popen[bytes], output: Output, servers: Servers, wanted: int, seconds: float
) -> _Sample:
    """Waits until `wanted` records came out, or the time is over."""
    deadline = monotonic() + seconds
    while (done := await output.count()) < wanted and monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the engine ended with {process.returncode}")
        await asyncio.sleep(0.02)
    if done == 0:
        raise RuntimeError(f"nothing came out within {seconds:.0f} s")
    used: dict[str, Any] = servers.cpu_seconds()
    memory = psutil.Process(process.pid).memory_info().rss / 1024 / 1024
    return _Sample(monotonic(), done, cpu_seconds(process.pid), used["postgres"], used["kafka"], memory)


def _pace(first: _Sample, last: _Sample) -> Pace:
    events = max(last.done - first.done, 1)
    each = 1_000_000 / events
    return Pace(
        per_second=events / (last.at - first.at),
        cpu_us=(last.cpu - first.cpu) * each,
        postgres_us=(last.postgres - first.postgres) * each,
        kafka_us=(last.kafka - first.kafka) * each,
        memory_mb=last.memory,
    )
