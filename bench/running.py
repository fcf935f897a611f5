"""The whole pipeline as `make run` starts it, in a temporary folder, and what each of its processes uses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psutil

from bench.servers import cpu_seconds
from infra.settings import Settings
from local.embedded.discover import load_stack

SERVICES = ("capture", "enrich", "score", "route", "nurture", "metrics")
PARTS = {"kafka": "kafka.Kafka", "postgres": "bin/postgres", "valkey": "valkey-server"} | {
    name: f"services.{name}" for name in SERVICES
}
STOP_SECONDS = 60
START = "from cli.main import app; app()"


@dataclass(frozen=True)
class Pipeline:
    """A running one."""

    url: str
    token: str
    settings: Settings
    processes: dict[str, psutil.Process]
    """One of each part."""
    runs: Iterator[int] = field(default_factory=count)
    """Numbers the loads posted, so that no two have people in common."""

    def cpu_seconds(self) -> dict[str, float]:
        """Processor time that each part has used so far."""
        return {name: cpu_seconds(process.pid) for name, process in self.processes.items()}

    def memory_mb(self) -> dict[str, float]:
        """Resident memory of each part; Postgres's shared memory is counted once."""
        return {name: _memory(process) / 1024 / 1024 for name, process in self.processes.items()}


@contextmanager
def pipeline() -> Iterator[Pipeline]:
    """Starts all of it; nothing of it stays."""
    with tempfile.TemporaryDirectory(prefix="leadstream-bench-") as folder:
        # In a folder of their own the embedded servers find no settings of ours, and take ports that are free.
        variables = {name: value for name, value in os.environ.items() if not name.startswith("LEADSTREAM_")}
        process = subprocess.Popen(
            [sys.executable, "-c", START, "run", "--json", "--data", folder], env=variables, stdout=subprocess.PIPE
        )
        try:
            assert process.stdout is not None, "asked for a pipe"
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"`leadstream run` ended with {process.wait()}")
            yield _found(process.pid, Path(folder), json.loads(line))
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)


def _found(pid: int, folder: Path, ready: dict[str, object]) -> Pipeline:
    env = load_stack(folder)
    if env is None:
        raise RuntimeError("the pipeline says ready and is not there")
    fields = {"kafka": env["LEADSTREAM_KAFKA"], "postgres": env["LEADSTREAM_POSTGRES"]}
    url = str(ready["leads"]).removesuffix("/v1/leads")
    processes: dict[str, psutil.Process] = {}
    for member in psutil.Process(pid).children(recursive=True):
        command = " ".join(member.cmdline())
        for name, sign in PARTS.items():
            if sign in command and "launch.py" not in command:
                processes.setdefault(name, member)  # parents come before their children
    return Pipeline(url, env["LEADSTREAM_CAPTURE_TOKEN"], Settings.model_validate(fields), processes)


def _memory(process: psutil.Process) -> int:
    """Resident bytes of a process and its children, shared pages by their share where the system tells."""
    total = 0
    for member in [process, *process.children(recursive=True)]:
        try:
            info = member.memory_full_info()
        except (psutil.AccessDenied, psutil.NoSuchProcess):
            continue
        total += getattr(info, "pss", info.rss) if process.children() else info.rss
    return total
