"""From nothing to six services that answer, and back."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from local.embedded import launch, secrets
from local.embedded.discover import sole_use, write_state
from local.embedded.errors import EmbeddedError, ServerNotReady
from local.embedded.files import write_private
from local.embedded.ports import LOOPBACK
from local.embedded.server import Server
from local.supervise import config, plan
from local.supervise.control import POLL_SECONDS, ProcessState, Supervisord
from local.supervise.external import check_external
from local.supervise.plan import Options, Plan, Worker

SERVER_SECONDS = 60.0
SERVICE_SECONDS = 180.0
#: The servers answer by then, so a service that ends this often at once is broken, and the operator should know.
START_ATTEMPTS = 2
WATCH_SECONDS = 1.0
LOG_TAIL_LINES = 15


class Report(Protocol):
    """Whoever tells the operator how it goes. May be called from any thread."""

    def step(self, text: str) -> None:
        """What is being done from now on."""

    def notice(self, text: str) -> None:
        """Something to know."""

    def jars(self, done: int, total: int, received: int) -> None:
        """How the download of the broker's jars goes: jars done, jars in all, bytes received."""


@dataclass(frozen=True)
class Ready:
    """The stack is up.

    Attributes:
        plan: what runs where.
        seconds: from the start to the last service's first good answer.
    """

    plan: Plan
    seconds: float


@contextmanager
def running(options: Options, report: Report) -> Iterator[RunningStack]:
    """Start everything, hand it over, and stop everything, whatever happens. Main thread only.

    SIGTERM and SIGHUP arrive as KeyboardInterrupt, as Ctrl-C does; a second one stops by force.

    Raises:
        EmbeddedError: with what is wrong and what to do.
    """
    started = time.monotonic()
    with sole_use(options.data_dir):
        supervisord = Supervisord(
            options.data_dir / "supervisord.conf",
            config.socket_path(options.data_dir),
            options.data_dir / "supervisord.pid",
        )
        stack = RunningStack(options, supervisord, report)
        with _interruptible(stack):
            try:
                stack.start()
                stack.ready = Ready(stack.plan, time.monotonic() - started)
                yield stack
            finally:
                stack.stop()


@contextmanager
def _interruptible(stack: RunningStack) -> Iterator[None]:
    def handle(number: int, _frame: object) -> None:
        if stack.stopping.is_set():
            stack.force()
        else:
            stack.stopping.set()
            raise KeyboardInterrupt(signal.Signals(number).name)

    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {each: signal.signal(each, handle) for each in signals}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


class RunningStack:
    """The processes of one `leadstream run`."""

    def __init__(self, options: Options, supervisord: Supervisord, report: Report) -> None:
        self.options = options
        self.plan = Plan()
        self.ready: Ready | None = None
        self.stopping = threading.Event()
        self._supervisord = supervisord
        self._report = report
        #: What ran when all was ready: a crash right afterwards shows against it.
        self._states: dict[str, ProcessState] = {}

    def start(self) -> None:
        data_dir = self.options.data_dir
        self._supervisord.wait_for_leftover()
        known = secrets.load_or_create(data_dir)
        self.plan = plan.make(self.options, os.environ, known, self._downloading)
        for notice in self.plan.notices:
            self._report.notice(notice)
        self._prepare_servers()
        (data_dir / "logs").mkdir(mode=0o700, exist_ok=True)
        write_private(data_dir / "supervisord.conf", config.render(self.plan, self.options))
        self._supervisord.start({**os.environ, **self.plan.env})
        self._start_servers()
        check_external(self.plan, self.options.external_seconds)
        self._set_up()
        self._start_services()
        write_state(data_dir, self.plan.discovery)

    def _downloading(self, done: int, total: int, received: int) -> None:
        if self.stopping.is_set():
            raise EmbeddedError("The download was stopped; the next start goes on with what is missing.")
        self._report.jars(done, total, received)

    def _prepare_servers(self) -> None:
        if self.plan.servers:
            self._report.step("Preparing " + _listed(self.plan.servers))
            self._for_each_server(lambda server: server.prepare())

    def _start_servers(self) -> None:
        if self.plan.servers:
            self._report.step("Starting " + _listed(self.plan.servers))
            self._for_each_server(self._start_server)

    def _for_each_server(self, work: Callable[[Server], None]) -> None:
        with ThreadPoolExecutor(len(self.plan.servers)) as pool:
            for done in [pool.submit(work, server) for server in self.plan.servers]:
                done.result()

    def _start_server(self, server: Server) -> None:
        self._supervisord.run(server.name)
        try:
            server.wait_ready(time.monotonic() + SERVER_SECONDS, lambda: self._may_still_come(server.name))
        except ServerNotReady as error:
            raise ServerNotReady(f"{error}\n{self._log_tail(server.name)}") from error

    def _may_still_come(self, name: str) -> bool:
        return not self.stopping.is_set() and not self._supervisord.states()[name].given_up

    def _set_up(self) -> None:
        """Topics, roles, schemas: what must be there before a service looks for it."""
        self._report.step("Creating topics and schemas")
        command = launch.argv(
            [sys.executable, "-m", self.options.setup_module], parent=os.getpid(), on_orphaned=signal.SIGKILL
        )
        done = subprocess.run(command, env={**os.environ, **self.plan.env}, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip()
            raise ServerNotReady(f"Setting up topics and schemas failed (exit code {done.returncode}):\n{said}")

    def _start_services(self) -> None:
        self._report.step("Starting the services")
        self._supervisord.run_group(config.SERVICES)
        waiting = list(self.plan.workers)
        attempts: dict[str, set[int]] = {worker.name: set() for worker in waiting}
        deadline = time.monotonic() + SERVICE_SECONDS
        states = self._supervisord.states()
        while waiting := [worker for worker in waiting if not is_ready(worker, states[worker.name].pid)]:
            self._report.step("Waiting for " + ", ".join(worker.name for worker in waiting))
            states = self._supervisord.states()
            for worker in waiting:
                state = states[worker.name]
                attempts[worker.name].add(state.pid)
                if len(attempts[worker.name] - {0}) > START_ATTEMPTS or time.monotonic() > deadline:
                    raise ServerNotReady(self._not_ready(worker, state))
            time.sleep(POLL_SECONDS)
        self._states = self._supervisord.states()

    def _not_ready(self, worker: Worker, state: ProcessState) -> str:
        return (
            f"{worker.name} does not say ready on {worker.url}/readyz "
            f"({state.state.lower()}: {state.why}).\n{self._log_tail(worker.name)}"
        )

    def _log_tail(self, name: str) -> str:
        path = config.log_file(self.options.data_dir, name)
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        return f"The end of {path}:\n" + "\n".join(lines[-LOG_TAIL_LINES:])

    def watch(self) -> None:
        """Say aloud when a process is restarted or given up; returns only by an exception.

        Raises:
            ServerNotReady: supervisord ended.
        """
        before = self._states
        while True:
            self.stopping.wait(WATCH_SECONDS)
            now = self._supervisord.states()
            for name, state in now.items():
                self._tell_change(before[name], state)
            before = now

    def _tell_change(self, before: ProcessState, now: ProcessState) -> None:
        log = config.log_file(self.options.data_dir, now.name)
        if now.given_up and not before.given_up:
            self._report.notice(f"{now.name} keeps ending and was given up; read {log}.")
        elif now.pid and before.pid != now.pid:
            self._report.notice(f"{now.name} ended and was started again (process {now.pid}); read {log}.")

    def stop(self) -> None:
        self.stopping.set()
        self._report.step("Stopping")
        self._supervisord.stop()

    def force(self) -> None:
        self._supervisord.kill()


def is_ready(worker: Worker, pid: int) -> bool:
    """Whether this very process says so: another stack's service may sit on the same port."""
    connection = http.client.HTTPConnection(LOOPBACK, worker.port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        return answer.status == http.HTTPStatus.OK and answer.getheader("Leadstream-Process") == str(pid)
    except (OSError, http.client.HTTPException):  # not listening yet, or in the middle of starting
        return False
    finally:
        connection.close()


def _listed(servers: list[Server]) -> str:
    return ", ".join(server.name.capitalize() for server in servers)


def shown_path(path: Path) -> str:
    """Relative to where the operator is, when that is shorter."""
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
