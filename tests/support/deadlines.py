"""Every test has a deadline: past it, all stacks are printed, what the test started is killed, and the test fails.

Each of its phases (setup, call, teardown) may take `SECONDS`; a test marked slow, `SLOW_SECONDS`; one marked
`deadline(seconds)`, that many; the setup of a fixture of a wider scope, at least `FIXTURE_SECONDS`. The signal is
sent again while the phase goes on. Where even that does not help, because the interpreter does not come to handle
it, the process prints its stacks and ends; the kernel ends what it started.

pytest-timeout does the first half: its alarm rings once, and then a `with Popen(...)` that is left by an exception
waits for ever for the process that hangs.
"""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import os
import signal
import sys
from collections.abc import Generator, Iterator
from typing import Any, TextIO

import pytest

from tests.support import children

SECONDS, SLOW_SECONDS, FIXTURE_SECONDS = 120.0, 600.0, 300.0
AGAIN_SECONDS = 30.0
LAST_SECONDS = 4 * AGAIN_SECONDS
"""From the first signal to the end of the process."""


class Deadline:
    """The one of the test that runs; main thread only."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self.what, self.seconds = "", SECONDS

    def start(self, what: str, seconds: float) -> None:
        """Begins to count for `what`."""
        self.what, self.seconds = what, seconds
        signal.signal(signal.SIGALRM, self._passed)
        self.give(seconds)

    def give(self, seconds: float) -> None:
        """Counts anew, up to that many seconds."""
        signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN_SECONDS)
        faulthandler.dump_traceback_later(seconds + LAST_SECONDS, exit=True, file=self._out)

    def stop(self) -> None:
        """Counts no more."""
        signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.cancel_dump_traceback_later()

    def close(self) -> None:
        """At the end of the session."""
        self._out.close()

    def _passed(self, number: int, frame: object) -> None:
        del number, frame
        self._out.write(f"\n{self.what} takes longer than {self.seconds:g} s. Where it stands:\n")
        self._out.flush()
        faulthandler.dump_traceback(self._out, all_threads=True)
        with contextlib.suppress(RuntimeError):  # no loop runs
            for task in asyncio.all_tasks():
                task.print_stack(file=self._out)
        self._out.flush()
        children.end(children.not_kept())
        pytest.fail(f"{self.what} takes longer than {self.seconds:g} s; its stacks are on standard error")


_KEY = pytest.StashKey[Deadline]()


def seconds_of(item: pytest.Item) -> float:
    """How long a phase of this test may take."""
    marker = item.get_closest_marker("deadline")
    if marker is not None:
        return float(marker.args[0])
    return SLOW_SECONDS if item.get_closest_marker("slow") else SECONDS


def pytest_configure(config: pytest.Config) -> None:
    """Keeps the real standard error: during a test another stands in for it."""
    if not config.option.usepdb:  # who debugs has time
        config.stash[_KEY] = Deadline(os.fdopen(os.dup(sys.__stderr__.fileno() if sys.__stderr__ else 2), "w"))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Gives it back."""
    if deadline := config.stash.get(_KEY, None):
        deadline.close()


@contextlib.contextmanager
def _in_time(item: pytest.Item, phase: str) -> Iterator[None]:
    deadline = item.config.stash.get(_KEY, None)
    if deadline is None:
        yield
        return
    deadline.start(f"{item.nodeid} ({phase})", seconds_of(item))
    try:
        yield
    finally:
        deadline.stop()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    """Fixtures must be ready in time."""
    with _in_time(item, "setup"):
        yield


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """The test itself must end in time."""
    with _in_time(item, "call"):
        yield


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    """Cleaning up must end in time."""
    with _in_time(item, "teardown"):
        yield


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    """Servers that many tests share may take longer to come up than one test may."""
    deadline = request.config.stash.get(_KEY, None)
    if deadline is None or fixturedef.scope == "function" or not deadline.what:
        return (yield)
    deadline.give(max(deadline.seconds, FIXTURE_SECONDS))
    try:
        return (yield)
    finally:
        deadline.give(deadline.seconds)
