"""What tests start ends with them, what hangs is stopped and shown, and only the test at fault is blamed.

A small session of its own is run for this, as a shell would run it in the background: with SIGINT ignored.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.support.children import IN_THE_BACKGROUND

ROOT = Path(__file__).parents[2]
PROBE = """
import asyncio, gc, signal, subprocess, sys, time
import pytest
from tests.support import deadlines
from tests.support.children import started, tied

SLEEP = [sys.executable, "-c", "import time; print(1, flush=True); time.sleep(600)"]
kept = []


def begin():
    kept.append(subprocess.Popen(SLEEP, stdout=subprocess.PIPE, text=True))
    print("child", kept[-1].pid)
    return kept[-1]


@pytest.fixture(scope="module")
def server():
    with started(SLEEP) as process:
        yield process


@pytest.fixture(scope="module")
def careless():
    begin()


def test_ctrl_c_is_heard_by_a_child():
    with started(SLEEP) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == -signal.SIGINT


def test_orphans(tmp_path):
    subprocess.run(["sh", "-c", "sleep 600 >/dev/null 2>&1 &"], check=True)


def test_leaves_one_behind():
    begin()


def test_forgets_one():
    kept.append(subprocess.Popen(["true"]))
    time.sleep(0.2)


def test_is_innocent():
    kept.clear()
    gc.collect()


def test_uses_a_server(server):
    assert server.poll() is None


def test_uses_it_again(server):
    assert server.poll() is None


@pytest.mark.deadline(1)
def test_hangs():
    with begin() as process:
        process.wait()


@pytest.mark.deadline(1)
def test_hangs_in_a_loop():
    async def a_named_step():
        await asyncio.Event().wait()

    asyncio.run(a_named_step())


@pytest.fixture
def never_ends():
    yield
    time.sleep(600)


@pytest.mark.deadline(1)
def test_hangs_in_its_teardown(never_ends):
    pass


def test_is_innocent_too():
    kept.clear()
    gc.collect()


def test_is_the_last_of_a_careless_fixture(careless):
    pass
"""
STUCK = """
import pytest, signal
from tests.support import deadlines
deadlines.AGAIN_SECONDS, deadlines.LAST_SECONDS = 0.5, 1.0


@pytest.mark.deadline(1)
def test_is_deaf():
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
    signal.pause()
"""


def run(folder: Path, source: str) -> tuple[int, str]:
    """Exit code and output of a session with these tests, in a process that ignores SIGINT."""
    (folder / "test_probe.py").write_text(source)
    pytest_of = [sys.executable, "-m", "pytest", "-p", "tests.support.children", "-p", "tests.support.deadlines"]
    options = ["-rA", "-W", "error", "-p", "no:cacheprovider", f"--rootdir={folder}", "-o", "markers=deadline(seconds)"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        [*IN_THE_BACKGROUND, *pytest_of, *options, str(folder / "test_probe.py")],
        cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, timeout=100, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> str:
    begun = time.monotonic()
    code, said = run(tmp_path_factory.mktemp("probe"), PROBE)
    assert code == pytest.ExitCode.TESTS_FAILED, said
    assert time.monotonic() - begun < 60
    return said


def outcomes(said: str, outcome: str) -> set[str]:
    return set(re.findall(rf"^{outcome} \S*::(\w+)", said, re.MULTILINE))


def test_a_child_hears_ctrl_c_although_the_session_was_told_to_ignore_it(said: str) -> None:
    assert "test_ctrl_c_is_heard_by_a_child" in outcomes(said, "PASSED")


def test_the_test_that_left_something_behind_is_blamed_and_no_other(said: str) -> None:
    assert outcomes(said, "ERROR") == {
        "test_leaves_one_behind",
        "test_forgets_one",
        "test_hangs_in_its_teardown",
        "test_is_the_last_of_a_careless_fixture",
    }
    assert outcomes(said, "FAILED") == {"test_hangs", "test_hangs_in_a_loop"}
    assert re.search(r"test_leaves_one_behind left processes behind:\s+E?\s*\d+: .*time\.sleep\(600\)", said)
    assert "(of the fixture careless)" in said, "the last test ends the fixture, and is told whose process it was"


def test_what_hangs_is_stopped_with_all_stacks(said: str) -> None:
    assert "test_hangs (call) takes longer than 1 s" in said
    assert "in test_hangs\n" in said
    assert "in test_hangs_in_its_teardown" not in said
    assert "in never_ends" in said
    assert re.search(r"Stack for <Task pending.*a_named_step", said), "a loop's tasks too"


def test_nothing_that_was_started_still_runs(said: str) -> None:
    pids = [int(pid) for pid in re.findall(r"^child (\d+)", said, re.MULTILINE)]
    assert len(pids) >= 3
    assert not [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"]


def test_an_orphan_is_ended_and_blamed_by_name_at_the_end(said: str) -> None:
    assert re.search(r"left behind by \S*::test_orphans \(call\): \d+: sleep 600", said)


def test_a_process_that_does_not_handle_signals_prints_its_stacks_and_ends(tmp_path: Path) -> None:
    begun = time.monotonic()
    code, said = run(tmp_path, STUCK)
    assert code == 1, said
    assert "in test_is_deaf" in said
    assert time.monotonic() - begun < 60


def test_this_session_is_supervised(request: pytest.FixtureRequest) -> None:
    assert all(request.config.pluginmanager.has_plugin(f"tests.support.{name}") for name in ("children", "deadlines"))
    assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
