"""Ctrl-C for commands that go on until it comes."""

from __future__ import annotations

import signal


def ends_on_ctrl_c() -> None:
    """Lets SIGINT end this command even where it was started with SIGINT ignored.

    A shell without job control has what it starts in the background ignore SIGINT. For a command that has no other
    end, `kill -INT` would then do nothing at all, and it would outlive the script that a Ctrl-C has ended.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
