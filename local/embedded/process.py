"""One embedded server as a child of this process."""

from __future__ import annotations

import os
import subprocess
import time
from concurrent.futures import Executor
from pathlib import Path

from local.embedded import launch
from local.embedded.errors import EmbeddedError, ServerNotReady
from local.embedded.server import Server

STOP_SECONDS = 15
LOG_TAIL_LINES = 15


class ServerProcess:
    """Starts, kills and restarts one server.

    Args:
        server: which one.
        log_file: where its output goes.
        starter: the one thread that starts processes. The kernel ties a child to the *thread* that started it,
            so a short-lived thread would take its server with it.
    """

    def __init__(self, server: Server, log_file: Path, starter: Executor) -> None:
        self.server = server
        self._log_file = log_file
        self._starter = starter
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self.running and self._process else None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, seconds: float) -> None:
        """Prepare, run and wait for the first answer.

        Raises:
            EmbeddedError: it runs already, can't be prepared, or does not answer within `seconds`.
        """
        if self.running:
            raise EmbeddedError(f"{self.server.name} runs already (process {self.pid}).")
        self.server.prepare()
        self._process = self._starter.submit(self._spawn).result()
        try:
            self.server.wait_ready(time.monotonic() + seconds, lambda: self.running)
        except ServerNotReady as error:
            self.stop()
            raise ServerNotReady(f"{error}\nThe end of {self._log_file}:\n{self.log_tail()}") from error

    def _spawn(self) -> subprocess.Popen[bytes]:
        command = self.server.command()
        argv = launch.argv(
            command.argv,
            parent=os.getpid(),
            on_orphaned=self.server.stop_signal,
            user=command.user,
            without="LEADSTREAM_",
        )
        with self._log_file.open("ab") as log:
            return subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.server.data_dir,
                start_new_session=True,  # Ctrl-C is for us; we stop the servers in order
            )

    def stop(self) -> None:
        """End it cleanly; by force when it takes too long."""
        if self._process is None:
            return
        if self.running:
            self._process.send_signal(self.server.stop_signal)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """As a power cut would: kill -9, no goodbye."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def log_tail(self) -> str:
        lines = self._log_file.read_text(errors="replace").splitlines()
        return "\n".join(lines[-LOG_TAIL_LINES:])
