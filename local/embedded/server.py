"""What the three embedded servers have in common."""

from __future__ import annotations

import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from local.embedded.errors import ServerNotReady
from local.embedded.ports import LOOPBACK

POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Command:
    """How to run a server in the foreground."""

    argv: list[str]
    #: Added to the caller's environment.
    env: Mapping[str, str] = field(default_factory=dict)
    #: The account to run as, where the caller is root and the server refuses to be.
    user: str | None = None


class Server(ABC):
    """One embedded server on loopback, with its data in a folder of its own."""

    name: ClassVar[str]
    #: Asks the server to end cleanly.
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM

    def __init__(self, data_dir: Path, port: int) -> None:
        self.data_dir = data_dir / self.name
        self.port = port

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    @abstractmethod
    def prepare(self) -> None:
        """Create the data folder on first use and write the configuration; idempotent."""

    @abstractmethod
    def command(self) -> Command: ...

    @abstractmethod
    def probe(self) -> None:
        """One real round trip.

        Raises:
            ProbeFailed: the server is not there yet.
        """

    def wait_ready(self, deadline: float, alive: Callable[[], bool] = lambda: True) -> None:
        """Return once the server answers.

        Args:
            deadline: a time.monotonic() value.
            alive: whether the process still runs; a server that ended is not waited for.

        Raises:
            ServerNotReady: the deadline passed or the process ended.
        """
        reason = "it was not asked yet"
        while time.monotonic() < deadline:
            try:
                self.probe()
            except ProbeFailed as failure:
                reason = str(failure)
            else:
                return
            if not alive():
                raise ServerNotReady(f"{self.name} on {self.address} ended before it answered ({reason}).")
            time.sleep(POLL_SECONDS)
        raise ServerNotReady(f"{self.name} on {self.address} did not answer in time: {reason}.")


class ProbeFailed(Exception):
    """Not ready yet, and why."""
