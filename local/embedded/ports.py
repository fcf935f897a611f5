"""Which port a server gets."""

from __future__ import annotations

import os
import random
import socket
from dataclasses import dataclass
from pathlib import Path

from local.embedded.errors import EmbeddedError, PortTaken

LOOPBACK = "127.0.0.1"
#: Below what systems hand out for outgoing connections: a server that restarts finds its port again.
_LOWEST, _HIGHEST = 15_000, 32_000
_TRIES = 500


@dataclass(frozen=True)
class Choice:
    """A port, and whether it is another one than was hoped for."""

    port: int
    preferred: int

    @property
    def moved(self) -> bool:
        return self.port != self.preferred


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do it: connections of an earlier server that are still closing are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


class Ports:
    """Hands out ports of this machine, none of them twice."""

    def __init__(self) -> None:
        self._given: set[int] = set()
        # Seeded by the process: two test runs side by side should not race for the same port.
        self._order = random.Random(os.getpid())  # noqa: S311  (nothing secret about a port)

    def any(self) -> int:
        """A free port that outgoing connections don't use."""
        highest = min(_HIGHEST, _first_ephemeral() - 1)
        for _ in range(_TRIES):
            port = self._order.randint(_LOWEST, highest)
            if self._take(port):
                return port
        raise EmbeddedError(f"No free port between {_LOWEST} and {highest} after {_TRIES} tries.")

    def near(self, preferred: int, step: int = 1) -> Choice:
        """`preferred`, or the next free one after it."""
        for port in range(preferred, min(preferred + 1000 * step, 65_536), step):
            if self._take(port):
                return Choice(port, preferred)
        raise EmbeddedError(f"No free port from {preferred} upwards.")

    def exactly(self, port: int, setting: str, what: str) -> Choice:
        """`port` and no other.

        Raises:
            PortTaken: it is in use; the message names the setting that asks for it.
        """
        if not self._take(port):
            raise PortTaken(port, setting, what)
        return Choice(port, port)

    def _take(self, port: int) -> bool:
        if port in self._given or not is_free(port):
            return False
        self._given.add(port)
        return True


def _first_ephemeral() -> int:
    try:
        return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError):  # not Linux: the range that the other systems use starts above ours
        return 49_152
