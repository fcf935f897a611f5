"""The broker's jars: resolved once, locked by version and SHA-256, fetched by `jgo` into a cache.

`python -m local.embedded.jars fetch` brings them in, `python -m local.embedded.jars lock` locks anew.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from local.embedded.errors import DownloadError

if TYPE_CHECKING:
    from jgo.maven import Artifact

LOCK_FILE = Path(__file__).with_name("jars.lock")
#: The broker, and the binding without which it logs nothing at all; their dependencies follow from them.
ROOTS = ("org.apache.kafka:kafka_2.13:4.1.1", "org.apache.logging.log4j:log4j-slf4j-impl:2.24.3")
ATTEMPTS = 5
#: Seconds without a byte after which a download is tried again.
STALL_SECONDS = 30
PARALLEL = 6

#: Called with (jars done, jars in all, bytes so far) as a download goes on.
Progress = Callable[[int, int, int], None]
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Jar:
    """One line of the lock."""

    group: str
    name: str
    version: str
    sha256: str

    def path(self, repository: Path) -> Path:
        folder = repository.joinpath(*self.group.split("."), self.name, self.version)
        return folder / f"{self.name}-{self.version}.jar"

    def __str__(self) -> str:
        return f"{self.group}:{self.name}:{self.version}"


def cache_dir() -> Path:
    """LEADSTREAM_CACHE, else the user's cache folder."""
    named = os.environ.get("LEADSTREAM_CACHE")
    if named:
        return Path(named).expanduser().resolve()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "leadstream"


def read_lock(path: Path = LOCK_FILE) -> list[Jar]:
    jars = []
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            coordinate, digest = line.split()
            group, name, version = coordinate.split(":")
            jars.append(Jar(group, name, version, digest.removeprefix("sha256:")))
    return jars


def fetch(progress: Progress | None = None, lock: Path = LOCK_FILE) -> list[Path]:
    """The classpath: every locked jar, on disk and checked.

    Jars that are already there are kept, so a download that was broken off goes on with what is missing.

    Raises:
        DownloadError: a jar could not be had, or differs from the lock, after several attempts.
    """
    jars = read_lock(lock)
    repository = cache_dir() / "maven"
    repository.mkdir(parents=True, exist_ok=True)
    checked = repository / f".checked-{hashlib.sha256(lock.read_bytes()).hexdigest()[:16]}"
    paths = [jar.path(repository) for jar in jars]
    if checked.exists() and all(path.exists() for path in paths):
        return paths
    with _one_at_a_time(repository):
        _fetch_missing(jars, repository, progress)
        checked.touch()
    return paths


@contextmanager
def _one_at_a_time(repository: Path) -> Iterator[None]:
    """Two processes must not write the same jar: the second one waits, and finds it there."""
    with (repository / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _fetch_missing(jars: list[Jar], repository: Path, progress: Progress | None) -> None:
    meter = _Meter(len(jars), progress)
    with ThreadPoolExecutor(PARALLEL, thread_name_prefix="jars") as pool:
        running = [pool.submit(_fetch_one, jar, repository, meter) for jar in jars]
        try:
            for done in as_completed(running):
                done.result()
                meter.jar_done()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


class _Meter:
    """Adds up what several downloads report."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self._total, self._progress = total, progress
        self._done = self._bytes = 0
        self._guard = threading.Lock()

    def jar_done(self) -> None:
        with self._guard:
            self._done += 1
        self._report()

    def add(self, count: int) -> None:
        with self._guard:
            self._bytes += count
        self._report()

    def _report(self) -> None:
        if self._progress:
            self._progress(self._done, self._total, self._bytes)

    @contextmanager
    def download(self, _name: str, _size: int) -> Iterator[Callable[[int], None]]:
        yield self.add


def _fetch_one(jar: Jar, repository: Path, meter: _Meter) -> None:
    path = jar.path(repository)
    last_error: Exception | None = None
    for attempt in range(1, ATTEMPTS + 1):
        if path.exists():
            if _sha256(path) == jar.sha256:
                return
            _log.warning("%s is incomplete or damaged and is fetched again", path.name)
            path.unlink()
        try:
            _artifact(jar, repository, meter).resolve()
        except (
            OSError,
            RuntimeError,
        ) as error:
            last_error = error
            _log.warning("attempt %d of %d at %s failed: %s", attempt, ATTEMPTS, jar, error)
    if path.exists() and _sha256(path) == jar.sha256:
        return
    reason = last_error or "what arrives differs from the checksum in runtime/embedded/jars.lock"
    raise DownloadError(
        f"The broker's jar {jar} could not be fetched ({reason}). Check the network and start again: "
        f"it goes on with what is missing. Kafka elsewhere? Set LEADSTREAM_KAFKA=host:port."
    )


def _artifact(jar: Jar, repository: Path, meter: _Meter | None) -> Artifact:
    # Imported here: a start that finds every jar in place does not pay for the resolver.
    from jgo.maven import MavenContext, PythonResolver

    resolver = PythonResolver(progress_callback=meter.download if meter else None)
    context = MavenContext(resolver=resolver, repo_cache=repository, timeout=STALL_SECONDS)
    return context.project(jar.group, jar.name).at_version(jar.version).artifact()


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def write_lock(path: Path = LOCK_FILE) -> list[Jar]:
    """Resolve ROOTS with all they need at run time, download and hash it, and write the lock."""
    from jgo.maven import Dependency, MavenContext

    context = MavenContext(repo_cache=cache_dir() / "maven", timeout=STALL_SECONDS)
    found: dict[tuple[str, str], Jar] = {}
    for coordinate in ROOTS:  # one by one: resolved together, log4j's managed versions would change the broker's
        group, name, version = coordinate.split(":")
        root = Dependency(context.project(group, name).at_version(version).artifact())
        inputs, transitive = context.resolver.resolve([root])
        for dependency in [*inputs, *transitive]:
            artifact = dependency.artifact
            jar = Jar(artifact.groupId, artifact.artifactId, artifact.version, _sha256(artifact.resolve()))
            found.setdefault((jar.group, jar.name), jar)
    jars = list(found.values())
    jars.sort(key=str)
    lines = ["# The embedded broker: written by `make lock`, checked at every download.", *_lines(jars)]
    path.write_text("\n".join(lines) + "\n")
    return jars


def _lines(jars: list[Jar]) -> Iterator[str]:
    return (f"{jar} sha256:{jar.sha256}" for jar in jars)


def main(arguments: list[str]) -> int:
    if arguments == ["lock"]:
        sys.stdout.write(f"{len(write_lock())} jars locked in {LOCK_FILE}\n")
        return 0
    if arguments == ["fetch"]:
        sys.stdout.write(f"{len(fetch())} jars in {cache_dir()}\n")
        return 0
    sys.stderr.write("usage: python -m local.embedded.jars fetch|lock\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
