"""Kafka, Postgres and Valkey together, as children of this process: what tests and benchmarks run on."""

from __future__ import annotations

import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from local.embedded import jars, secrets
from local.embedded.kafka import Kafka
from local.embedded.ports import Ports
from local.embedded.postgres import Postgres
from local.embedded.process import ServerProcess
from local.embedded.valkey import Valkey

START_SECONDS = 60.0
NAMES = ("kafka", "postgres", "valkey")


class EmbeddedStack:
    """The three servers on free ports; nothing of them outlives this process, however it ends.

    Every method blocks; from a coroutine call it through `asyncio.to_thread`.

    Args:
        data_dir: where to keep their data; without it, a temporary folder that `stop` removes.
        progress: told how the download of the broker's jars goes.
        power_safe: False spares the disk what only a power cut would need; for tests.
    """

    def __init__(
        self, data_dir: Path | None = None, progress: jars.Progress | None = None, *, power_safe: bool = True
    ) -> None:
        self._temporary = data_dir is None
        self.data_dir = (data_dir or Path(tempfile.mkdtemp(prefix="leadstream-"))).resolve()
        (self.data_dir / "logs").mkdir(parents=True, exist_ok=True)
        ports, known = Ports(), secrets.load_or_create(self.data_dir)
        self.kafka = Kafka(self.data_dir, ports.any(), ports.any(), progress)
        self.postgres = Postgres(
            self.data_dir, ports.any(), known["LEADSTREAM_POSTGRES_PASSWORD"], power_safe=power_safe
        )
        self.valkey = Valkey(self.data_dir, ports.any(), known["LEADSTREAM_REDIS_PASSWORD"])
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="embedded-starter")
        self._processes = {
            server.name: ServerProcess(server, self.data_dir / "logs" / f"{server.name}.log", self._starter)
            for server in (self.kafka, self.postgres, self.valkey)
        }

    @property
    def env(self) -> dict[str, str]:
        """The settings that point a service here."""
        return {
            "LEADSTREAM_KAFKA": self.kafka.address,
            "LEADSTREAM_POSTGRES": self.postgres.dsn(),
            "LEADSTREAM_REDIS": self.valkey.url,
        }

    def start(self) -> Self:
        """All three, side by side, until each has answered.

        Raises:
            EmbeddedError: one of them can't be had; the others are stopped again.
        """
        try:
            with ThreadPoolExecutor(len(NAMES)) as pool:
                for started in [pool.submit(process.start, START_SECONDS) for process in self._processes.values()]:
                    started.result()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Ends all three; cleanly, unless their data is thrown away anyway."""
        with ThreadPoolExecutor(len(NAMES)) as pool:
            ends = [process.kill if self._temporary else process.stop for process in self._processes.values()]
            for stopped in [pool.submit(end) for end in ends]:
                stopped.result()
        self._starter.shutdown()
        if self._temporary:
            shutil.rmtree(self.data_dir, ignore_errors=True)

    def pid(self, name: str) -> int | None:
        """The server's process, None while it is down."""
        return self._processes[name].pid

    def kill(self, name: str) -> None:
        """Kill -9 of "kafka", "postgres" or "valkey"."""
        self._processes[name].kill()

    def start_again(self, name: str) -> None:
        """Start a killed server on the same port and data, and wait until it answers."""
        self._processes[name].start(START_SECONDS)

    def restart(self, name: str) -> None:
        """Kill -9, and start again on the same port and data."""
        self.kill(name)
        self.start_again(name)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
