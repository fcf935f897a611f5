"""The broker's jars: what is on disk is what the lock says, or a clear error."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from local.embedded import jars
from local.embedded.errors import DownloadError

CONTENT = b"the broker"
LINE = f"org.example:broker:1.0 sha256:{hashlib.sha256(CONTENT).hexdigest()}\n"


class Registry:
    """In place of the resolver: hands out contents, or errors, one for each download."""

    def __init__(self, *answers: bytes | Exception) -> None:
        self._answers = list(answers)
        self.downloads = 0

    def artifact(self, jar: jars.Jar, repository: Path, _meter: object) -> Registry:
        self._path = jar.path(repository)
        return self

    def resolve(self) -> Path:
        self.downloads += 1
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_bytes(answer)
        return self._path


Serve = Callable[..., Registry]


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "jars.lock"
    path.write_text(f"# a comment\n{LINE}")
    return path


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Serve:
    monkeypatch.setenv("LEADSTREAM_CACHE", str(tmp_path / "cache"))

    def make(*answers: bytes | Exception) -> Registry:
        registry = Registry(*answers)
        monkeypatch.setattr(jars, "_artifact", registry.artifact)
        return registry

    return make


def test_a_jar_is_fetched_once_and_found_afterwards(lock: Path, serve: Serve) -> None:
    registry = serve(CONTENT)
    first, second = jars.fetch(lock=lock), jars.fetch(lock=lock)
    assert first == second
    assert [path.read_bytes() for path in first] == [CONTENT]
    assert registry.downloads == 1


def test_a_download_that_breaks_off_is_tried_again(lock: Path, serve: Serve) -> None:
    registry = serve(ConnectionError("reset by peer"), CONTENT[:3], CONTENT)
    assert [path.read_bytes() for path in jars.fetch(lock=lock)] == [CONTENT]
    assert registry.downloads == 3


def test_half_a_jar_of_an_earlier_start_is_replaced(lock: Path, serve: Serve) -> None:
    serve(CONTENT)
    half = jars.read_lock(lock)[0].path(jars.cache_dir() / "maven")
    half.parent.mkdir(parents=True)
    half.write_bytes(CONTENT[:3])
    assert [path.read_bytes() for path in jars.fetch(lock=lock)] == [CONTENT]


def test_a_jar_that_differs_from_the_lock_is_refused(lock: Path, serve: Serve) -> None:
    serve(*[b"something else"] * jars.ATTEMPTS)
    with pytest.raises(DownloadError, match=r"org\.example:broker:1\.0.*differs from the checksum"):
        jars.fetch(lock=lock)


def test_a_registry_that_stays_away_is_named_as_the_reason(lock: Path, serve: Serve) -> None:
    serve(*[ConnectionError("no route to host")] * jars.ATTEMPTS)
    with pytest.raises(DownloadError, match=r"no route to host.*LEADSTREAM_KAFKA"):
        jars.fetch(lock=lock)


def test_progress_ends_with_every_jar_done(lock: Path, serve: Serve) -> None:
    serve(CONTENT)
    seen: list[tuple[int, int, int]] = []
    jars.fetch(lambda done, total, received: seen.append((done, total, received)), lock=lock)
    assert seen[-1][:2] == (1, 1)


def test_the_committed_lock_names_the_broker_and_no_host() -> None:
    text = jars.LOCK_FILE.read_text()
    locked = {str(jar) for jar in jars.read_lock()}
    assert set(jars.ROOTS) <= locked
    assert "://" not in text
    assert all(len(jar.sha256) == 64 for jar in jars.read_lock())
