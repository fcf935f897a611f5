"""What can go wrong with the embedded servers.

EmbeddedError
├── DownloadError      a broker jar could not be fetched, or is not what the lock says
├── PortTaken          a port that was asked for by name is in use
├── StackBusy          another `leadstream run` uses this data folder
└── ServerNotReady     a server did not answer in time, or ended
"""

from __future__ import annotations

from infra.errors import LeadstreamError


class EmbeddedError(LeadstreamError):
    """The message says what is wrong and what to do; show it as it is."""


class DownloadError(EmbeddedError):
    pass


class PortTaken(EmbeddedError):
    def __init__(self, port: int, setting: str, what: str) -> None:
        super().__init__(
            f"Port {port} for {what} is taken, and {setting} asks for exactly that one. "
            f"Free the port, set {setting} to another, or unset it to let the next free one be picked."
        )
        self.port = port
        self.setting = setting


class StackBusy(EmbeddedError):
    pass


class ServerNotReady(EmbeddedError):
    pass
