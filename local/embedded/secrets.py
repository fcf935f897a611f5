"""Passwords and tokens of the embedded stack: made once, kept where only the owner can read them."""

from __future__ import annotations

import secrets
from pathlib import Path

from local.embedded.errors import EmbeddedError
from local.embedded.files import write_private

FILE_NAME = "secrets.env"
NAMES = (
    "LEADSTREAM_CAPTURE_TOKEN",
    "LEADSTREAM_FORM_KEY",
    "LEADSTREAM_ADMIN_TOKEN",
    "LEADSTREAM_POSTGRES_PASSWORD",
    "LEADSTREAM_REDIS_PASSWORD",
)


def load_or_create(data_dir: Path) -> dict[str, str]:
    """All NAMES, from `secrets.env` in the data folder; what is missing there is made and written.

    Raises:
        EmbeddedError: the file is not made of NAME=value lines.
    """
    path = data_dir / FILE_NAME
    found = _parse(path) if path.exists() else {}
    missing = [name for name in NAMES if not found.get(name)]
    if missing:
        found |= {name: secrets.token_urlsafe(24) for name in missing}
        write_private(path, "".join(f"{name}={value}\n" for name, value in found.items()))
    path.chmod(0o600)
    return found


def _parse(path: Path) -> dict[str, str]:
    found = {}
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if line.strip() and not line.startswith("#"):
            name, equals, value = line.partition("=")
            if not equals:
                raise EmbeddedError(f"{path}, line {number}: expected NAME=value.")
            found[name.strip()] = value.strip()
    return found
