"""The image: one Dockerfile, not root, dependencies checked by hash, and a package with everything in it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.prometheus import DEPLOY

ROOT = DEPLOY.parent
PACKAGES = ("schemas", "policy", "infra", "runtime", "services", "local", "log", "cli", "demo")
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
IGNORE = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8")


def instructions(name: str) -> list[str]:
    joined = DOCKERFILE.replace("\\\n", " ")
    return [line.removeprefix(f"{name} ") for line in joined.splitlines() if line.startswith(f"{name} ")]


def test_the_base_is_pinned_and_the_same_in_both_stages() -> None:
    bases = {line.split()[0] for line in instructions("FROM")}
    assert len(instructions("FROM")) == 2
    assert len(bases) == 1
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", bases.pop())


def test_dependencies_are_installed_from_the_lock_and_checked_by_hash() -> None:
    installs = [line for line in instructions("RUN") if "pip install" in line]
    assert "--require-hashes" in installs[0]
    assert "--no-deps" in installs[1]
    assert "--no-index" in installs[1]
    lock = (ROOT / "requirements" / "runtime.txt").read_text(encoding="utf-8")
    assert lock.count("--hash=sha256:") > 50


def test_the_image_does_not_run_as_root() -> None:
    users = instructions("USER")
    assert users == ["10001:10001"]
    assert DOCKERFILE.index("USER ") < DOCKERFILE.index("ENTRYPOINT ")


def test_everything_that_is_copied_is_there_and_let_in() -> None:
    let_in = {line.removeprefix("!") for line in IGNORE.splitlines() if line.startswith("!")}
    for line in instructions("COPY"):
        words = [word for word in line.split() if not word.startswith("--")]
        if "--from=" in line:
            continue
        for source in words[:-1]:
            assert (ROOT / source).exists()
            assert source in let_in or source.split("/")[0] in let_in


def test_two_containers_of_one_service_are_told_apart() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "LEADSTREAM_WORKER"}
    command = [str(DEPLOY / "entrypoint.sh"), "sh", "-c", 'echo "$LEADSTREAM_WORKER"']
    named = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert named.stdout.strip() == os.uname().nodename
    given = subprocess.run(
        command, env=environment | {"LEADSTREAM_WORKER": "7"}, capture_output=True, text=True, check=True
    )
    assert given.stdout.strip() == "7"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The package as the Dockerfile builds it, from a copy of what it is built from."""
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    for name in ("requirements", *PACKAGES):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index",
         "--wheel-dir", source / "out", source],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    return zipfile.ZipFile(next((source / "out").glob("*.whl")))


@pytest.mark.parametrize("folder", PACKAGES)
def test_the_package_holds_every_file_that_the_source_reads(wheel: zipfile.ZipFile, folder: str) -> None:
    packed = {Path(name) for name in wheel.namelist()}
    kinds = {".py", ".sql", ".txt", ".json", ".yaml", ".lock", ".typed"}
    published = {ROOT / "schemas" / name for name in ("json", "examples", "history")}  # for readers of the repository
    written = {
        path.relative_to(ROOT)
        for path in (ROOT / folder).rglob("*")
        if path.suffix in kinds and "__pycache__" not in path.parts and published.isdisjoint(path.parents)
    }
    assert written - packed == set()
