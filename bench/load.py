"""The load generator, a process of its own: `python -m bench.load --url … --leads 5000 [--batch 100] [--rate 100]`.

Requests are made before the clock starts and sent on kept-alive connections by a bare protocol, so that the generator
takes as little as can be of the machine that it measures. One JSON line at the end tells what was accepted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
from collections.abc import Sequence
from time import perf_counter
from typing import cast
from urllib.parse import urlsplit

import uvloop

from bench.leads import bodies

HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length:"


class Connection(asyncio.Protocol):
    """One connection; one request at a time."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._answer: asyncio.Future[bytes] | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError("the server closed the connection"))

    def data_received(self, data: bytes) -> None:
        """An answer is whole when its declared length has come."""
        self._received += data
        head = self._received.find(HEAD_END)
        if head < 0 or self._answer is None:
            return
        start = self._received.lower().index(LENGTH) + len(LENGTH)
        length = int(self._received[start : self._received.index(b"\r", start)])
        if len(self._received) >= head + len(HEAD_END) + length:
            self._answer.set_result(bytes(self._received[:head]))
            self._received.clear()

    async def ask(self, request: bytes) -> int:
        """Sends a request; returns the answer's status."""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return int((await self._answer).split(b" ", 2)[1])


class Load:
    """Sends all requests and counts the answers."""

    def __init__(self, requests: Sequence[bytes], per_request: int) -> None:
        self._requests = list(reversed(requests))
        self._per_request = per_request
        self.statuses: dict[int, int] = {}
        self.seconds: list[float] = []

    async def as_fast_as_possible(self, connections: Sequence[Connection]) -> None:
        """Each connection sends its next request when the last one is answered."""
        await asyncio.gather(*(self._drain(connection) for connection in connections))

    async def _drain(self, connection: Connection) -> None:
        while self._requests:
            await self._ask(connection, self._requests.pop())

    async def at_rate(self, connections: Sequence[Connection], leads_per_second: float) -> None:
        """Sends at set moments, whether earlier requests are answered or not."""
        free = list(connections)
        step = self._per_request / leads_per_second
        started, tasks = perf_counter(), []
        for number in range(len(self._requests)):
            await asyncio.sleep(max(started + number * step - perf_counter(), 0))
            if not free:
                raise RuntimeError(f"{len(connections)} connections are too few for {leads_per_second} leads/s")
            connection = free.pop()
            task = asyncio.create_task(self._ask(connection, self._requests.pop()))
            task.add_done_callback(lambda _, connection=connection: free.append(connection))  # type: ignore[misc]
            tasks.append(task)
        await asyncio.gather(*tasks)

    async def _ask(self, connection: Connection, request: bytes) -> None:
        started = perf_counter()
        status = await connection.ask(request)
        self.seconds.append(perf_counter() - started)
        self.statuses[status] = self.statuses.get(status, 0) + 1


async def run(options: argparse.Namespace) -> dict[str, object]:
    """Connects, sends, and says how it went."""
    url = urlsplit(options.url)
    path = "/v1/leads:batch" if options.batch > 1 else "/v1/leads"
    token = os.environ["LEADSTREAM_CAPTURE_TOKEN"].split(",")[0]
    requests = [
        f"POST {path} HTTP/1.1\r\nHost: {url.netloc}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
        for body in bodies(options.leads, options.batch, options.run)
    ]
    loop = asyncio.get_running_loop()
    assert url.hostname is not None, "a URL of ours names its host"
    connections = [
        (await loop.create_connection(Connection, url.hostname, url.port))[1] for _ in range(options.connections)
    ]
    load = Load(requests, options.batch)
    started = perf_counter()
    if options.rate:
        await load.at_rate(connections, options.rate)
    else:
        await load.as_fast_as_possible(connections)
    took = perf_counter() - started
    times = sorted(load.seconds)
    return {
        "seconds": took,
        "statuses": load.statuses,
        "answer_ms_p50": times[len(times) // 2] * 1_000,
        "answer_ms_p99": times[len(times) * 99 // 100] * 1_000,
    }


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--run", type=int, default=0, help="keeps the people of several runs apart")
    parser.add_argument("--leads", type=int, default=1_000)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--rate", type=float, default=0.0, help="leads per second; 0: as fast as possible")
    parser.add_argument("--connections", type=int, default=32)
    print(json.dumps(uvloop.run(run(parser.parse_args()))))


if __name__ == "__main__":
    main()
