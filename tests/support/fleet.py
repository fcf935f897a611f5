"""Worker processes under a supervisor, and the mischief that is done to them.

A slot is the place of one process. Whatever ends there is started again, as `make run` would. Each start may carry a
plan: to be killed at a named point or after some seconds, or to be frozen past its session and thawed once others
have taken its work.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import psutil

from tests.support.children import tied
from tests.support.probes import KILL_AT, STOP_AT

POLL_SECONDS = 0.05
RESTART_SECONDS = 0.2
STOP_SECONDS = 30.0

TakenOver = Callable[[str], Awaitable[Callable[[], Awaitable[bool]]]]
"""Given a service whose worker was frozen just now, a question: has another worker taken over all of its work?"""


@dataclass(frozen=True)
class Plan:
    """What happens to one start of a process: at `point`, on pass `passes`; without a point, after `seconds`."""

    what: Literal["kill", "freeze"] = "kill"
    point: str = ""
    passes: int = 1
    seconds: float = 0.0

    def env(self) -> dict[str, str]:
        if not self.point:
            return {}
        return {KILL_AT if self.what == "kill" else STOP_AT: f"{self.point}:{self.passes}"}

    def __str__(self) -> str:
        return f"{self.what} {self.point or 'at random'}"


@dataclass
class Slot:
    """One place for a process, and what has happened there."""

    service: str
    command: list[str]
    env: Mapping[str, str]
    log: Path
    plans: deque[Plan] = field(default_factory=deque)
    plan: Plan | None = None
    process: subprocess.Popen[bytes] | None = None
    begun: float = 0.0
    due: float = 0.0
    thaw_when: Callable[[], Awaitable[bool]] | None = None
    held: bool = False
    """True while the test keeps an ended process from being started again."""

    def start(self) -> None:
        self.plan = self.plans.popleft() if self.plans else None
        env = {name: value for name, value in os.environ.items() if not name.startswith("LEADSTREAM_")}
        env |= dict(self.env) | (self.plan.env() if self.plan else {})
        argv = tied([sys.executable, *self.command])
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.begun = time.monotonic()

    def send(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def wait(self, seconds: float) -> int:
        """How it ended."""
        assert self.process is not None
        return self.process.wait(seconds)

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def frozen(self) -> bool:
        return self.running and self.process is not None and _state(self.process.pid) == psutil.STATUS_STOPPED

    def tail(self, lines: int = 15) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def _state(pid: int) -> str:
    try:
        return str(psutil.Process(pid).status())
    except psutil.NoSuchProcess:
        return ""


class Fleet:
    """All slots of a test."""

    def __init__(self, folder: Path, taken_over: TakenOver | None = None) -> None:
        self.slots: list[Slot] = []
        self.done: Counter[str] = Counter()
        """What was done to processes, such as `kill after_commit`."""
        self.crashes: list[str] = []
        """Ends that nobody had planned, with the end of the log."""
        self._folder = folder
        self.taken_over = taken_over
        self._closing = False

    def add(self, service: str, command: list[str], env: Mapping[str, str], plans: Iterable[Plan] = ()) -> Slot:
        """Starts a process in a new slot."""
        number = sum(slot.service == service for slot in self.slots)
        own = {**env, "LEADSTREAM_WORKER": f"w{number}", "FAUST_DATADIR": str(self._folder / "faust")}
        slot = Slot(service, command, own, self._folder / f"{service}-{number}.log", deque(plans))
        self.slots.append(slot)
        slot.start()
        return slot

    @property
    def kills(self) -> int:
        return sum(count for what, count in self.done.items() if what.startswith("kill"))

    async def supervise(self) -> None:
        """Starts again what ended, and carries out the plans; never returns."""
        while not self._closing:
            for slot in self.slots:
                await self._look_after(slot)
            await asyncio.sleep(POLL_SECONDS)

    async def _look_after(self, slot: Slot) -> None:
        assert slot.process is not None
        if slot.running:
            await self._carry_out(slot)
        elif not slot.held and time.monotonic() > slot.due:
            self._note_end(slot)
            slot.start()

    async def _carry_out(self, slot: Slot) -> None:
        if slot.thaw_when is not None:
            if await slot.thaw_when():
                slot.thaw_when = slot.plan = None
                slot.send(signal.SIGCONT)
                if slot.plans:  # the next plan is for another process
                    slot.plan = Plan(seconds=time.monotonic() - slot.begun + 4.0)
            return
        plan = slot.plan
        if plan is None:
            return
        if not plan.point and time.monotonic() - slot.begun > plan.seconds:
            slot.send(signal.SIGKILL if plan.what == "kill" else signal.SIGSTOP)
        if plan.what == "freeze" and slot.frozen:
            assert self.taken_over is not None
            self.done[str(plan)] += 1
            slot.thaw_when = await self.taken_over(slot.service)

    def _note_end(self, slot: Slot) -> None:
        assert slot.process is not None
        code = slot.process.returncode
        slot.due = time.monotonic() + RESTART_SECONDS
        if code == -signal.SIGKILL and slot.plan is not None and slot.plan.what == "kill":
            self.done[str(slot.plan)] += 1
            return
        self.crashes.append(f"{slot.log.stem} ended with {code} under {slot.plan}:\n{slot.tail()}")
        if slot.plan is not None:  # it crashed before the mischief: try again
            slot.plans.appendleft(slot.plan)

    @property
    def planned(self) -> int:
        """How many plans are still to be carried out."""
        return sum(len(slot.plans) + (slot.plan is not None) for slot in self.slots)

    async def stop(self) -> list[int]:
        """Asks all to end, as a supervisor does; returns their exit codes."""
        self._closing = True
        for slot in self.slots:
            if slot.running:
                slot.send(signal.SIGTERM)
        return [await asyncio.to_thread(slot.wait, STOP_SECONDS) for slot in self.slots]

    def kill_all(self) -> None:
        self._closing = True
        for slot in self.slots:
            if slot.process is not None and slot.running:
                slot.process.kill()
                slot.process.wait()


@asynccontextmanager
async def fleet(folder: Path, taken_over: TakenOver | None = None) -> AsyncIterator[Fleet]:
    """A supervised fleet; nothing of it outlives the block."""
    ours = Fleet(folder, taken_over)
    task = asyncio.create_task(ours.supervise())
    try:
        yield ours
    finally:
        ours.kill_all()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task  # raises what the supervisor itself failed with


def mixed(plans: Iterable[Plan], seed: int) -> list[Plan]:
    """The plans in an order of their own, the same at every run."""
    shuffled = list(plans)
    random.Random(seed).shuffle(shuffled)
    return shuffled
