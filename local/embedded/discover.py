"""Find the stack that `leadstream run` has up, from another terminal."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from local.embedded.errors import StackBusy
from local.embedded.files import write_private

STATE_FILE = "stack.json"
LOCK_NAME = "run.lock"
#: Somebody who only looks whether a stack runs holds the lock for a moment; that must not turn a start away.
LOOK_SECONDS = 0.5
DEFAULT_DATA_DIR = Path(".leadstream")


def data_dir(environment: Mapping[str, str] = os.environ) -> Path:
    """LEADSTREAM_DATA, else `.leadstream` here."""
    return Path(environment.get("LEADSTREAM_DATA") or DEFAULT_DATA_DIR).expanduser().resolve()


def load_stack(folder: Path | None = None) -> dict[str, str] | None:
    """The LEADSTREAM_* variables of the running stack, or None when none runs on this data folder.

    Besides the servers' addresses and the tokens there is LEADSTREAM_<SERVICE>_URL for each service's first worker.
    """
    folder = folder or data_dir()
    state = folder / STATE_FILE
    if not state.exists() or not _is_held(folder / LOCK_NAME):
        return None
    found: dict[str, str] = json.loads(state.read_text())["env"]
    return found


def use_stack(folder: Path | None = None) -> bool:
    """Point this process at the running stack; what is set already stays. Says whether a stack runs."""
    found = load_stack(folder)
    for name, value in (found or {}).items():
        os.environ.setdefault(name, value)
    return found is not None


def write_state(folder: Path, env: Mapping[str, str]) -> None:
    write_private(folder / STATE_FILE, json.dumps({"pid": os.getpid(), "env": dict(env)}, indent=2) + "\n")


@contextmanager
def sole_use(folder: Path) -> Iterator[None]:
    """Hold the data folder for one stack.

    Raises:
        StackBusy: another process holds it.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / LOCK_NAME).open("a+") as handle:
        _take(handle, folder)
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        try:
            yield
        finally:
            (folder / STATE_FILE).unlink(missing_ok=True)


def _take(handle: TextIO, folder: Path) -> None:
    deadline = time.monotonic() + LOOK_SECONDS
    while not _try_lock(handle, fcntl.LOCK_EX):
        if time.monotonic() > deadline:
            handle.seek(0)
            holder = handle.read().strip()
            raise StackBusy(
                f"A stack already runs on {folder} (process {holder}). Use that one, stop it "
                f"(Ctrl-C in its terminal, or kill {holder}), or set LEADSTREAM_DATA to another folder."
            )
        time.sleep(LOOK_SECONDS / 10)


def _try_lock(handle: TextIO, kind: int) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_held(path: Path) -> bool:
    """Whether a process lives that has the lock; the kernel drops it however that process ended."""
    if not path.exists():
        return False
    with path.open() as handle:
        return not _try_lock(handle, fcntl.LOCK_SH)
