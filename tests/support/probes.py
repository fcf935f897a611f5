"""Kills or freezes this process at a named point of the runtime, after a given number of passes."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping

KILL_AT = "LEADSTREAM_TEST_KILL_AT"
"""`point:passes`, such as `after_commit:7`."""

STOP_AT = "LEADSTREAM_TEST_STOP_AT"
"""The same, but SIGSTOP: the process stands still until somebody sends SIGCONT."""

POINTS = ("before_commit", "after_commit", "before_send", "after_send", "after_ack")


def probe_from_env(environment: Mapping[str, str] = os.environ) -> Callable[[str], None]:
    """The probe that the environment asks for; one that does nothing when it asks for none."""
    for name, number in ((KILL_AT, signal.SIGKILL), (STOP_AT, signal.SIGSTOP)):
        if wanted := environment.get(name):
            point, _, passes = wanted.partition(":")
            return _probe(point, int(passes), number)
    return lambda _: None


def _probe(point: str, passes: int, number: signal.Signals) -> Callable[[str], None]:
    left = passes

    def probe(reached: str) -> None:
        nonlocal left
        if reached == point:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), number)

    return probe
