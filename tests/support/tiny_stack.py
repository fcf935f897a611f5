"""Start `leadstream run` with tiny services in a process of its own, and look after it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from local.embedded.ports import Ports
from local.supervise.plan import HTTP_PORTS
from tests.support.children import tied
from tests.support.waiting import until

PORT_SETTINGS = [f"LEADSTREAM_{name.upper()}_PORT" for name in ("kafka", "postgres", "redis", *HTTP_PORTS)]
END_SECONDS = 60


@dataclass(frozen=True)
class Ended:
    """How a start that does not come up ends."""

    code: int
    said: str


class TinyStack:
    """One `leadstream run` on free ports."""

    def __init__(self, folder: Path, environment: Mapping[str, str], workers: int = 1, by: Sequence[str] = ()) -> None:
        ports = Ports()
        free = {setting: str(ports.any()) for setting in PORT_SETTINGS}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("LEADSTREAM_")}
        if "LEADSTREAM_CACHE" in os.environ:
            kept["LEADSTREAM_CACHE"] = os.environ["LEADSTREAM_CACHE"]
        self.process = subprocess.Popen(
            tied([*by, sys.executable, "-m", "tests.support.tiny_run", str(folder), str(workers)]),
            env=kept | free | dict(environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # a process group of its own, as in a terminal
        )

    def wait_ready(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"it did not start: {self.wait_ended().said}")
        ready: dict[str, Any] = json.loads(line)
        return ready

    def wait_said(self, words: str) -> None:
        """Read what it tells the operator up to the line with `words`."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if words in line:
                return
        raise AssertionError(f"it ended without saying {words!r}")

    def wait_ended(self) -> Ended:
        _, said = self.process.communicate(timeout=END_SECONDS)
        return Ended(self.process.returncode, said)

    def family(self) -> list[psutil.Process]:
        """The process itself and all that it started, however deep."""
        parent = psutil.Process(self.process.pid)
        return [parent, *parent.children(recursive=True)]

    def interrupt(self, by: signal.Signals = signal.SIGINT) -> Ended:
        """Ctrl-C: the terminal sends it to the whole process group."""
        os.killpg(self.process.pid, by)
        return self.wait_ended()

    def close(self) -> None:
        if self.process.poll() is None:
            self.interrupt()
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe:
                pipe.close()


def get(url: str) -> str | None:
    """What a tiny service answers; None when it does not."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            text: str = answer.read().decode()
            return text
    except (urllib.error.URLError, OSError):
        return None


def assert_all_gone(family: list[psutil.Process], seconds: float = 30) -> None:
    until(lambda: not _living(family), f"all of {family} have ended", seconds)


def _living(family: list[psutil.Process]) -> list[psutil.Process]:
    living = []
    for process in family:
        try:
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                living.append(process)
        except psutil.NoSuchProcess:
            continue
    return living
