"""What a test starts ends with it, and what is left behind is blamed on the test that started it.

After each test the children of this process are looked at. A fixture of a wider scope may keep what it started until
it ends itself; whoever starts servers again in between says so with `keeping`. Children that were orphaned are found
at the end of the session, by the variables that they inherited.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import Any

import psutil
import pytest

from local.embedded import launch

SESSION, CURRENT = "TESTS_OF_SESSION", "PYTEST_CURRENT_TEST"
IN_THE_BACKGROUND = (
    sys.executable,
    "-c",
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])",
)
"""Before a command line: starts it as a shell without job control starts a background job, with SIGINT ignored."""

GRACE_SECONDS = 2.0
POLL_SECONDS = 0.02

_fixtures: dict[object, tuple[str, set[psutil.Process]]] = {}
"""Name and processes of each fixture of a wider scope than a test."""
_keepers: list[Callable[[], Iterable[int | None]]] = []


def tied(command: Sequence[str]) -> list[str]:
    """The command line that runs `command` (its program by full path) so that the kernel ends it with this process."""
    return launch.argv(list(command), parent=os.getpid(), on_orphaned=signal.SIGKILL)


@contextlib.contextmanager
def started(command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """A process that talks text through pipes; killed at the end of the block if it still runs."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(tied(command), text=True, **pipes | options) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


@contextlib.contextmanager
def keeping(pids: Callable[[], Iterable[int | None]]) -> Iterator[None]:
    """Inside, the processes that `pids` names at the time are no test's: a fixture looks after them."""
    _keepers.append(pids)
    try:
        yield
    finally:
        _keepers.remove(pids)


def not_kept() -> dict[psutil.Process, str]:
    """The children that no fixture keeps, each with its status, as psutil names it."""
    kept = {process.pid for _, processes in _fixtures.values() for process in processes}
    kept |= {pid for pids in _keepers for pid in pids() if pid is not None}
    return {child: status for child, status in _children().items() if child.pid not in kept}


def end(processes: Iterable[psutil.Process]) -> None:
    """Kills the processes and all below them, and waits for them in the name of whoever forgot to."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            for each in (*process.children(recursive=True), process):
                with contextlib.suppress(psutil.NoSuchProcess):
                    each.kill()
        for owner in _owners(process.pid):
            owner.wait(GRACE_SECONDS)
            for pipe in (owner.stdin, owner.stdout, owner.stderr):
                if pipe is not None:
                    pipe.close()


def _children() -> dict[psutil.Process, str]:
    try:  # cheap, and for most tests enough
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return {}
    found: dict[psutil.Process, str] = {}
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):
            found[child] = child.status()
    return found


def _owners(pid: int) -> list[subprocess.Popen[Any]]:
    """The objects that would complain, in the middle of another test, that nobody waited for this process."""
    popens = (each for each in gc.get_objects() if isinstance(each, subprocess.Popen))
    return [popen for popen in popens if popen.pid == pid and popen.returncode is None]


def _left_behind() -> dict[psutil.Process, str]:
    """What a test that is over has left: what still runs, and what ended without anybody waiting for it."""
    deadline = time.monotonic() + GRACE_SECONDS
    while True:
        left = not_kept()
        running = {child for child, status in left.items() if status != psutil.STATUS_ZOMBIE}
        if not running or time.monotonic() > deadline:
            return {child: _shown(child) for child in left if child in running or _owners(child.pid)}
        time.sleep(POLL_SECONDS)


def _shown(process: psutil.Process) -> str:
    try:
        words = process.cmdline()
    except psutil.Error:
        words = []
    return f"{process.pid}: {' '.join(words)[:200] or 'ended, and nobody waited for it'}"


# -- hooks -------------------------------------------------------------------------------------------------------------


def pytest_configure() -> None:
    """Marks what is started from here on, and lets it hear Ctrl-C.

    A shell that starts a job in the background has it ignore SIGINT, and what is ignored stays so in every child.
    What is handled does not: so this process handles, doing nothing, what it was told to ignore.
    """
    os.environ[SESSION] = uuid.uuid4().hex
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, _go_on)


def _go_on(number: int, frame: object) -> None:
    del number, frame


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any]) -> Generator[None, object, object]:
    """Notes what a fixture of a wider scope starts."""
    if fixturedef.scope == "function":
        return (yield)
    before = _children().keys()
    result = yield
    new = set(_children().keys() - before)
    if new:
        _fixtures[fixturedef] = (fixturedef.argname, new)
    return result


def pytest_fixture_post_finalizer(fixturedef: pytest.FixtureDef[Any]) -> None:
    """What such a fixture started should be gone with it."""
    _fixtures.pop(fixturedef, None)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    """Ends what the test has left behind, and fails it."""
    names = {process: name for name, processes in _fixtures.values() for process in processes}
    try:
        yield
    finally:
        left = _left_behind()
        end(left)
    if left:
        lines = [text + (f" (of the fixture {names[child]})" if child in names else "") for child, text in left.items()]
        pytest.fail(f"{item.nodeid} left processes behind:\n" + "\n".join(lines), pytrace=False)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Ends what was orphaned, says which test started it, and fails the session."""
    orphans = list(orphans_of(os.environ[SESSION]))
    for process, test in orphans:
        sys.stderr.write(f"\nleft behind by {test}: {_shown(process)}\n")
    end([process for process, _ in orphans])
    if orphans:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def orphans_of(session: str) -> Iterator[tuple[psutil.Process, str]]:
    """Every other process that the session started, however deep, with the test that ran then."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            environment = process.environ()
            if environment.get(SESSION) == session and process.pid != os.getpid():
                yield process, environment.get(CURRENT, "no test")
