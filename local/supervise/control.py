"""A running supervisord: starting it, asking it, ending it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from xmlrpc.client import Error as XmlRpcError
from xmlrpc.client import ServerProxy

import psutil
from supervisor.xmlrpc import SupervisorTransport

from local.embedded import launch
from local.embedded.errors import ServerNotReady, StackBusy

START_SECONDS = 10
#: For everything to end: services first, then the servers, each with a time of its own.
STOP_SECONDS = 60
LEFTOVER_SECONDS = 45
POLL_SECONDS = 0.05
NO_WAIT = False


@dataclass(frozen=True)
class ProcessState:
    """What supervisord says of one program."""

    name: str
    state: str
    pid: int
    why: str

    @property
    def given_up(self) -> bool:
        return self.state in ("FATAL", "UNKNOWN")


class Supervisord:
    """Tied to the thread that starts it: when that ends, everything is stopped."""

    def __init__(self, config: Path, socket: Path, pid_file: Path) -> None:
        self._config, self._socket, self._pid_file = config, socket, pid_file
        self._process: subprocess.Popen[bytes] | None = None

    def wait_for_leftover(self) -> None:
        """A stack whose `leadstream run` was killed stops by itself; wait for that.

        Raises:
            StackBusy: it does not.
        """
        deadline = time.monotonic() + LEFTOVER_SECONDS
        while pid := self._leftover():
            if time.monotonic() > deadline:
                raise StackBusy(f"The supervisor of an earlier start (process {pid}) does not end. Run: kill {pid}")
            time.sleep(POLL_SECONDS)

    def _leftover(self) -> int | None:
        try:
            pid = int(self._pid_file.read_text())
            running = str(self._config) in psutil.Process(pid).cmdline()
        except (OSError, ValueError, psutil.Error):  # no file, or nobody behind it
            return None
        return pid if running else None

    def start(self, environment: Mapping[str, str]) -> None:
        assert threading.current_thread() is threading.main_thread(), "the stack would end with this thread"
        program = [sys.executable, "-m", "supervisor.supervisord", "-c", str(self._config)]
        self._process = subprocess.Popen(
            launch.argv(program, parent=os.getpid(), on_orphaned=signal.SIGTERM),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=dict(environment),
            start_new_session=True,  # Ctrl-C is for us; we stop everything in order
        )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise ServerNotReady(f"supervisord did not start: {self._complaint()}")
            time.sleep(POLL_SECONDS)

    def _answers(self) -> bool:
        try:
            self._call("getPID")
        except (OSError, HTTPException, XmlRpcError):
            return False
        return True

    def _complaint(self) -> str:
        self.kill()
        assert self._process is not None
        assert self._process.stderr is not None
        return self._process.stderr.read().decode(errors="replace").strip() or "it says nothing"

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def run(self, name: str) -> None:
        """Start one program; does not wait."""
        self._call("startProcess", name, NO_WAIT)

    def run_group(self, name: str) -> None:
        """Start all of a group; does not wait."""
        self._call("startProcessGroup", name, NO_WAIT)

    def states(self) -> dict[str, ProcessState]:
        """By program name.

        Raises:
            ServerNotReady: supervisord has ended.
        """
        try:
            found = self._call("getAllProcessInfo")
        except (OSError, HTTPException) as error:
            raise ServerNotReady(f"supervisord does not answer any more: {error}") from error
        assert isinstance(found, list)
        return {
            each["name"]: ProcessState(
                each["name"], each["statename"], each["pid"], each["spawnerr"] or each["description"]
            )
            for each in found
        }

    def _call(self, method: str, *arguments: object) -> object:
        # A proxy for each call: it keeps one connection, which threads must not share.
        transport = SupervisorTransport(None, None, f"unix://{self._socket}")
        proxy = ServerProxy("http://127.0.0.1", transport=transport)
        try:
            return getattr(proxy.supervisor, method)(*arguments)
        finally:
            transport.close()

    def stop(self) -> None:
        """End every program in order, then supervisord; by force when that takes too long."""
        if self._process is None:
            return
        if self.alive:
            self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        if self._process.stderr is not None:
            self._process.stderr.close()

    def kill(self) -> None:
        """End supervisord at once; the kernel then ends what it started."""
        if self._process is not None and self.alive:
            self._process.kill()
            self._process.wait()
