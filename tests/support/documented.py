"""Does what the documentation says, in a folder that looks like the repository, on a stack as `make run` starts it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil

from local.embedded.ports import Ports
from local.supervise.plan import HTTP_PORTS
from tests.support.children import tied
from tests.support.docs import ROOT, Block, agrees
from tests.support.waiting import until

MOMENT = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
"""When the documented stories take place: a Tuesday morning in London, whenever the tests run."""

BASH = shutil.which("bash") or "/bin/bash"
WIDTH, LOGIN = "110", "maya"
START_SECONDS, STOP_SECONDS, COMMAND_SECONDS, SETTLE_SECONDS = 180.0, 60.0, 120.0, 60.0
LINKED = (".venv", "deploy", "docs", "schemas")
COPIED = ("policy", "policy.yaml", "Makefile", "docker-compose.yml")

_ONLY_LOOKS = re.compile(
    r"(?:leadstream (?:trace|tail|funnel|sla|topics|doctor|dead|rejected|policy show)|curl -sS http)"
)
_TARGET = re.compile(r"^make (\w[\w-]*)")


@dataclass(frozen=True)
class Started:
    """The running stack.

    Attributes:
        data: its data folder.
        env: its settings, as other terminals find them.
        announced: what `leadstream run` printed once it was ready.
    """

    data: Path
    env: Mapping[str, str]
    announced: str


class Reader:
    """Somebody who does what a document says, in a folder like the repository's, whose `.leadstream` is the stack's."""

    def __init__(self, stack: Started, folder: Path) -> None:
        self.folder = folder
        self._stack = stack
        (folder / ".leadstream").symlink_to(stack.data)
        for name in LINKED:
            (folder / name).symlink_to(Path(sys.prefix) if name == ".venv" else ROOT / name)
        for name in COPIED:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, folder / name)

    def follow(self, block: Block) -> None:
        """Does what a block says, and compares what it printed with what the block shows.

        Raises:
            AssertionError: a command failed, or printed something of another shape.
        """
        if block.language == "python":
            self._python(block)
        elif block.language == "html":
            self.fill_in(block)
        elif block.language == "sql" and block.name:
            (self.folder / f"{block.name}.sql").write_text(block.text)
        else:
            for step in block.steps():
                self._step(block, step.command, step.expected)

    def _python(self, block: Block) -> None:
        """A block that is called like a file is that file; any other is run."""
        path = self.folder / (block.name or "block.py")
        path.write_text(self._here(block.text))
        if not block.name:
            self._step(block, f"python {path.name}", "")

    def _step(self, block: Block, command: str, expected: str) -> None:
        found = _TARGET.match(command)
        if found:
            targets = re.findall(r"^([\w-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
            assert found[1] in targets, f"{block}: `make help` lists no target {found[1]}"
            printed, code = (self._stack.announced if found[1] == "run" else ""), block.code
        elif block.runs_until is not None:
            printed, code = self._start(self._here(command), block.runs_until), block.code
        else:
            printed, code = self._run(self._here(command))
        if expected and not agrees(expected, printed) and _ONLY_LOOKS.match(command):
            printed, code = self._settled(command, expected)
        assert code == block.code, f"{block}: `{command}` ended with {code}, and printed\n{printed}"
        if block.language == "console":
            assert agrees(expected, printed), (
                f"{block}: `{command}` is documented as\n{expected}\nand printed\n{printed}"
            )

    def _settled(self, command: str, expected: str) -> tuple[str, int]:
        """Looks again until the services are done, as a person's fingers are slower."""
        last = ("", 0)

        def look() -> bool:
            nonlocal last
            last = self._run(self._here(command))
            return agrees(expected, last[0])

        try:
            until(look, command, SETTLE_SECONDS)
        except AssertionError:
            return last
        return last

    def _here(self, text: str) -> str:
        """With this stack's addresses in place of the usual ones."""
        for service, port in HTTP_PORTS.items():
            here = urlsplit(self._stack.env[f"LEADSTREAM_{service.upper()}_URL"]).netloc
            text = text.replace(f"127.0.0.1:{port}", here)
        return text.replace("127.0.0.1:9092", self._stack.env["LEADSTREAM_KAFKA"]).replace(
            "127.0.0.1:9090", f"127.0.0.1:{Ports().any()}"
        )

    def _shell(self, command: str) -> list[str]:
        """Variables that a block sets are there for the next, as in a terminal."""
        keep = "export -p > .variables"
        return [BASH, "-c", f"set -eao pipefail\n[ ! -f .variables ] || . ./.variables\n{command}\n{keep}\n"]

    def _environment(self) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("LEADSTREAM_")}
        places = (str(self.folder / "bin"), str(Path(sys.executable).parent), clean.get("PATH", os.defpath))
        return clean | {
            "PATH": os.pathsep.join(places),
            "COLUMNS": WIDTH,
            "PYTHONUNBUFFERED": "1",
            "PYTHONPATH": str(ROOT),
        }

    def _run(self, command: str) -> tuple[str, int]:
        done = subprocess.run(
            self._shell(command), cwd=self.folder, env=self._environment(), stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, timeout=COMMAND_SECONDS, check=False,
        )  # fmt: skip
        return self._as_documented(done.stdout), done.returncode

    def _start(self, command: str, text: str) -> str:
        """What it prints up to the line with that text; then it is stopped."""
        process = subprocess.Popen(
            tied(self._shell(f"exec {command}")), cwd=self.folder, env=self._environment(), stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, start_new_session=True,
        )  # fmt: skip
        watchdog = threading.Timer(COMMAND_SECONDS, process.kill)
        watchdog.start()
        printed: list[str] = []
        try:
            for line in process.stdout or ():
                printed.append(line)
                if text in line:
                    break
        finally:
            watchdog.cancel()
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=STOP_SECONDS)
        assert any(text in line for line in printed), f"`{command}` did not print `{text}`:\n{''.join(printed)}"
        return self._as_documented("".join(printed))

    def _as_documented(self, printed: str) -> str:
        return printed.replace(str(self._stack.data), ".leadstream").replace(str(self.folder.resolve()), ".")

    def fill_in(self, block: Block) -> None:
        """Fills in a form as a person with a browser would, and sends it."""
        form = _Form()
        form.feed(self._here(block.text).replace("YOUR_FORM_KEY", self._stack.env["LEADSTREAM_FORM_KEY"]))
        answer = httpx.request(form.method, form.action, data=form.fields, trust_env=False)
        assert answer.status_code == 200, f"{block}: the form was answered with {answer.status_code}: {answer.text}"
        assert "Thank you" in answer.text, answer.text


class _Form(HTMLParser):
    """The fields of an HTML form, with what a person would type."""

    TYPED: Mapping[str, str] = {"email": "edith@clarke.example", "tel": "+1 202 555 0143", "checkbox": "on"}

    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.action = self.method = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given: Mapping[str, Any] = dict(attrs)
        if tag == "form":
            self.action, self.method = given["action"], given["method"]
        elif tag in ("input", "textarea", "select") and "name" in given:
            unseen = given.get("type") == "hidden" or given.get("tabindex") == "-1"
            typed = self.TYPED.get(given.get("type", ""), "Edith Clarke")
            self.fields[given["name"]] = given.get("value", "") if unseen else given.get("value", typed)


@contextmanager
def started(folder: Path) -> Iterator[Started]:
    """Starts `leadstream run` as the README says, on a Tuesday morning, and stops it as Ctrl-C would."""
    data, clock = folder / ".leadstream", folder / "clock"
    clock.write_bytes(struct.pack("<d", (MOMENT - datetime.now(UTC)).total_seconds()))  # see infra.clock
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LEADSTREAM_")}
    process = subprocess.Popen(
        tied([sys.executable, "-m", "cli.main", "run", "--data", str(data)]), stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, cwd=ROOT, start_new_session=True,
        env=clean | {"LEADSTREAM_CLOCK_FILE": str(clock), "COLUMNS": WIDTH, "PYTHONUNBUFFERED": "1", "LOGNAME": LOGIN},
    )  # fmt: skip
    try:
        announced = _announced(process).replace(str(data.resolve()), ".leadstream")
        yield Started(data.resolve(), json.loads((data / "stack.json").read_text())["env"], announced)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=STOP_SECONDS)


def _announced(process: subprocess.Popen[str]) -> str:
    """From the frame around the addresses to the line with `curl`."""
    watchdog = threading.Timer(START_SECONDS, lambda: psutil.Process(process.pid).terminate())
    watchdog.start()
    lines: list[str] = []
    try:
        for line in process.stdout or ():
            lines.append(line)
            if line.startswith("curl "):
                break
        else:
            raise AssertionError(f"the stack did not start:\n{''.join(lines)}")
    finally:
        watchdog.cancel()
    start = next(number for number, line in enumerate(lines) if line.startswith("╭"))
    return "".join(lines[start:])
