"""Kills this process at a named point of the runtime, after a given number of passes."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

KILL_AT = "LEADSTREAM_TEST_KILL_AT"
"""`point:passes`, such as `after_commit:7`."""

POINTS = ("before_commit", "after_commit", "before_send", "after_send", "after_ack")


def probe_from_env() -> Callable[[str], None]:
    """The probe that the environment asks for; one that does nothing when it asks for none."""
    wanted = os.environ.get(KILL_AT, "")
    if not wanted:
        return lambda _: None
    point, _, passes = wanted.partition(":")
    left = int(passes)

    def probe(reached: str) -> None:
        nonlocal left
        if reached == point:
            left -= 1
            if left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return probe
