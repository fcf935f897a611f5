"""Writes what is generated from the models: `python -m schemas.generate [--check | --release]`.

    json/<type>.json   the JSON Schema of each event type
    asyncapi.yaml      topics, services and events

`--check` changes nothing and exits with 1 where a file is not as it would be written. `--release` keeps today's
schemas and valid examples as `history/<n>/`, which every later schema must be able to read.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from schemas.asyncapi import document
from schemas.compatibility import breaks
from schemas.event_schemas import event_types, schema_of

FOLDER = Path(__file__).parent
NOTICE = "# Generated from the models by `python -m schemas.generate`: change those, not this file.\n"


def releases(folder: Path = FOLDER) -> list[Path]:
    """The folders of the released versions, oldest first."""
    return sorted((path for path in (folder / "history").glob("*") if path.is_dir()), key=lambda path: int(path.name))


def generated(folder: Path = FOLDER) -> Mapping[Path, str]:
    """Every generated file with its content."""
    version = f"{len(releases(folder)) or 1}.0.0"
    schemas = {folder / "json" / f"{name}.json": _json(schema_of(event)) for name, event in event_types().items()}
    return {**schemas, folder / "asyncapi.yaml": NOTICE + _yaml(document(version))}


def drift(folder: Path = FOLDER) -> list[str]:
    """What is not as it would be written: missing, different or left over, one line each."""
    wanted = generated(folder)
    found = {*(folder / "json").glob("*.json")}
    lines = [f"{path.relative_to(folder)} is missing" for path in wanted if not path.exists()]
    lines += [
        f"{path.relative_to(folder)} is out of date"
        for path, content in wanted.items()
        if path.exists() and path.read_text(encoding="utf-8") != content
    ]
    return lines + [f"{path.relative_to(folder)} belongs to no event" for path in sorted(found - set(wanted))]


def incompatibilities(folder: Path = FOLDER) -> Iterator[str]:
    """Why today's models would not read what was written under a released schema, one line each."""
    today = {name: schema_of(event) for name, event in event_types().items()}
    for release in releases(folder):
        for path in sorted((release / "json").glob("*.json")):
            old = json.loads(path.read_text(encoding="utf-8"))
            if path.stem not in today:
                yield f"release {release.name}: {path.stem} is gone; the log still has such events"
                continue
            for found in breaks(old, today[path.stem]):
                yield f"release {release.name}: {path.stem}: {found.at} {found.what}"


def write(folder: Path = FOLDER) -> None:
    """Writes every generated file and removes what belongs to no event."""
    wanted = generated(folder)
    for path, content in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    for path in {*(folder / "json").glob("*.json")} - set(wanted):
        path.unlink()


def release(folder: Path = FOLDER) -> Path:
    """Keeps today's schemas and valid examples as the next released version."""
    kept = releases(folder)
    target = folder / "history" / str(int(kept[-1].name) + 1 if kept else 1)
    shutil.copytree(folder / "json", target / "json")
    for examples in sorted((folder / "examples").glob("*/valid")):
        shutil.copytree(examples, target / "examples" / examples.parent.name)
    return target


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; the result is its exit code."""
    parser = argparse.ArgumentParser(prog="python -m schemas.generate", description="JSON Schemas and AsyncAPI.")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true", help="only say what is out of date")
    what.add_argument("--release", action="store_true", help="keep today's schemas as a released version")
    chosen = parser.parse_args(arguments)
    if not chosen.check:
        write()
    problems = [*drift(), *incompatibilities()]
    if problems:
        sys.stderr.write("\n".join(problems) + "\n")
        sys.stderr.write("Run `python -m schemas.generate` and look at what changed; events may only gain.\n")
        return 1
    if chosen.release:
        target = release()
        write()  # the version in asyncapi.yaml
        sys.stdout.write(f"Kept as {target.relative_to(FOLDER.parent)}\n")
    return 0


def _json(schema: Mapping[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _yaml(content: Mapping[str, Any]) -> str:
    writer = YAML()
    writer.width = 110
    writer.representer.ignore_aliases = lambda *_: True
    written = io.StringIO()
    writer.dump(content, written)
    return written.getvalue()


if __name__ == "__main__":
    sys.exit(main())
