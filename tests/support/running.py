"""The whole stack as its user starts it: `leadstream run`, two workers of each service."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.support.children import tied

START_SECONDS = 180.0
STOP_SECONDS = 60.0


@dataclass(frozen=True)
class Running:
    """A running stack: its settings, its services' addresses by name (`score-0`), its data folder."""

    env: Mapping[str, str]
    workers: Mapping[str, str]
    data: Path

    def client(self, worker: str = "capture-0", token: str = "CAPTURE") -> httpx.Client:
        """An HTTP client that may send."""
        secret = self.env[f"LEADSTREAM_{token}_TOKEN"].split(",")[0]
        return httpx.Client(
            base_url=self.workers[worker], headers={"Authorization": f"Bearer {secret}"}, timeout=30.0, trust_env=False
        )

    def metrics(self, path: str, **query: str) -> Any:
        """What the metrics service answers."""
        with self.client("metrics-0", "ADMIN") as client:
            answer = client.get(path, params=query)
            answer.raise_for_status()
            return answer.json()


@contextmanager
def running_stack(workers: int) -> Iterator[Running]:
    """Starts `leadstream run` on a folder of its own and stops it as Ctrl-C would."""
    with tempfile.TemporaryDirectory(prefix="leadstream-e2e-") as folder:
        data = Path(folder)
        command = [sys.executable, "-m", "cli.run", "--data", folder, "--workers", str(workers), "--json"]
        clean = {name: value for name, value in os.environ.items() if not name.startswith("LEADSTREAM_")}
        process = subprocess.Popen(tied(command), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clean)
        errors: list[str] = []
        reader = threading.Thread(target=lambda: errors.extend(process.stderr or ()), daemon=True)
        reader.start()
        try:
            yield _announced(process, data, errors)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(STOP_SECONDS)
            reader.join(STOP_SECONDS)
            for pipe in (process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()


def _announced(process: subprocess.Popen[str], data: Path, errors: list[str]) -> Running:
    deadline = time.monotonic() + START_SECONDS
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line or time.monotonic() > deadline:
        raise AssertionError(f"the stack did not start: {''.join(errors)}\n{_logs(data)}")
    ready = json.loads(line)
    env = json.loads((data / "stack.json").read_text())["env"]
    return Running(env, ready["services"], data)


def _logs(data: Path) -> str:
    tails = [f"== {path.name}\n{path.read_text(errors='replace')[-2_000:]}" for path in (data / "logs").glob("*.log")]
    return "\n".join(tails)
