"""The plan as supervisord reads it."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import tempfile
from hashlib import sha256
from pathlib import Path

from local.embedded import launch
from local.embedded.server import Server
from local.supervise.plan import Options, Plan, Worker

LOG_BYTES, LOG_BACKUPS = "10MB", 3
#: Failed starts in a row, each after one second more, before a program is given up: some three minutes.
START_RETRIES = 20
#: A process that ends sooner than this has failed to start, and is tried again after a pause.
SERVER_START_SECONDS, SERVICE_START_SECONDS = 1, 3
SERVICE_STOP_SECONDS, SERVER_STOP_SECONDS = 15, 20
#: Addresses of Unix sockets are at most 107 bytes long, and supervisord adds its number to this one.
LONGEST_SOCKET_PATH = 90
SERVICES = "services"
EXPANDED_TWICE = ("directory", "stdout_logfile")


def socket_path(data_dir: Path) -> Path:
    path = data_dir / "supervisor.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    name = sha256(os.fsencode(data_dir)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"leadstream-{name}.sock"


def log_file(data_dir: Path, name: str) -> Path:
    return data_dir / "logs" / f"{name}.log"


def render(plan: Plan, options: Options) -> str:
    """The text of supervisord.conf. Nothing starts by itself: servers must answer before services may ask."""
    data_dir = options.data_dir
    sections = [
        _section("unix_http_server", {"file": str(socket_path(data_dir)), "chmod": "0700"}),
        _section("supervisorctl", {"serverurl": f"unix://{socket_path(data_dir)}"}),
        _section(
            "rpcinterface:supervisor",
            {"supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"},
        ),
        _section(
            "supervisord",
            {
                "nodaemon": "true",
                "silent": "true",
                "logfile": str(log_file(data_dir, "supervisord")),
                "logfile_maxbytes": LOG_BYTES,
                "logfile_backups": str(LOG_BACKUPS),
                "pidfile": str(data_dir / "supervisord.pid"),
                # supervisord warns unless root says that root is meant.
                **({"user": "root"} if os.geteuid() == 0 else {}),
            },
        ),
    ]
    # Stopped from the last to the first: services, then what they stand on.
    for priority, server in enumerate(plan.servers, start=1):
        sections.append(_program(server.name, _server_settings(server) | {"priority": str(priority)}, data_dir))
    sections += [_program(worker.name, _worker_settings(worker, options), data_dir) for worker in plan.workers]
    members = ",".join(worker.name for worker in plan.workers)
    sections.append(_section(f"group:{SERVICES}", {"programs": members, "priority": "100"}))
    return "\n".join(sections)


def _server_settings(server: Server) -> dict[str, str]:
    command = server.command()
    argv = launch.argv(command.argv, parent=0, on_orphaned=server.stop_signal, user=command.user, without="LEADSTREAM_")
    return {
        "command": shlex.join(argv),
        "directory": str(server.data_dir),
        "startsecs": str(SERVER_START_SECONDS),
        "stopsignal": server.stop_signal.name.removeprefix("SIG"),
        "stopwaitsecs": str(SERVER_STOP_SECONDS),
    }


def _worker_settings(worker: Worker, options: Options) -> dict[str, str]:
    module = options.service_module.format(service=worker.service)
    # Orphaned, a worker is killed outright: that is safe at any instruction, and asking nicely could wait for
    # servers that are gone.
    argv = launch.argv([sys.executable, "-m", module], parent=0, on_orphaned=signal.SIGKILL)
    variables = {
        "LEADSTREAM_HTTP_PORT": str(worker.port),
        "LEADSTREAM_WORKER": str(worker.index),
        "PYTHONUNBUFFERED": "1",
    }
    return {
        "command": shlex.join(argv),
        "environment": ",".join(f'{name}="{value}"' for name, value in variables.items()),
        "startsecs": str(SERVICE_START_SECONDS),
        "stopsignal": "TERM",
        "stopwaitsecs": str(SERVICE_STOP_SECONDS),
    }


def _program(name: str, settings: dict[str, str], data_dir: Path) -> str:
    return _section(
        f"program:{name}",
        settings
        | {
            "autostart": "false",
            "autorestart": "true",
            "startretries": str(START_RETRIES),
            "redirect_stderr": "true",
            "stdout_logfile": str(log_file(data_dir, name)),
            "stdout_logfile_maxbytes": LOG_BYTES,
            "stdout_logfile_backups": str(LOG_BACKUPS),
            "killasgroup": "true",
        },
    )


def _section(name: str, settings: dict[str, str]) -> str:
    """One section; supervisord expands %(…)s everywhere, so a plain % is doubled, and doubled again."""
    lines = []
    for key, value in settings.items():
        percent = "%%%%" if key in EXPANDED_TWICE else "%%"
        lines.append(f"{key} = {value.replace('%', percent)}")
    return "\n".join([f"[{name}]", *lines, ""])
