"""The last step before a child program: it must not outlive its parent, and may have to run as someone else.

Run as a file with the standard library alone, because it starts before every server and worker:

    python -IS launch.py --parent 4711 --signal 15 [--user nobody] [--without PREFIX] -- program argument …
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import pwd
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1
EX_OSERR = 71


def argv(
    command: list[str], *, parent: int, on_orphaned: int, user: str | None = None, without: str | None = None
) -> list[str]:
    """The command line that runs `command` tied to its parent.

    Args:
        command: program and arguments.
        parent: the process that will start it; 0 when that is not known beforehand.
        on_orphaned: the signal the child gets when the thread that started it ends.
        user: the account to run as; only root may ask for one.
        without: a prefix of environment variables that the child has no business with.
    """
    options = ["--parent", str(parent), "--signal", str(on_orphaned)]
    if user:
        options += ["--user", user]
    if without:
        options += ["--without", without]
    return [sys.executable, "-IS", str(Path(__file__).resolve()), *options, "--", *command]


def become(user: str) -> None:
    account = pwd.getpwnam(user)
    os.setgroups([])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)
    os.environ["HOME"] = "/"


def die_with_parent(parent: int, signal_number: int) -> None:
    """Ask the kernel for a signal when the parent ends. Linux only; elsewhere the clean stop must do."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if parent and os.getppid() != parent:  # it ended before we asked
        sys.exit(EX_OSERR)


def take_turns() -> None:
    """Asks the kernel not to interrupt whoever runs each time that this program has something to do.

    A pipeline is a dozen processes that wake each other up. On few cores, letting each finish its batch first means
    less switching and warmer caches. Linux only, and never worth failing for.
    """
    with contextlib.suppress(AttributeError, OSError):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def main() -> None:
    parser = argparse.ArgumentParser(prog="launch")
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--signal", type=int, required=True)
    parser.add_argument("--user")
    parser.add_argument("--without")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    if options.without:
        for name in [name for name in os.environ if name.startswith(options.without)]:
            del os.environ[name]
    if options.user:
        become(options.user)
    take_turns()
    die_with_parent(options.parent, options.signal)  # after become(): changing user clears it
    try:
        os.execv(options.command[0], options.command)
    except OSError as error:
        sys.exit(f"{options.command[0]} can't be run: {error.strerror}")


if __name__ == "__main__":
    main()
