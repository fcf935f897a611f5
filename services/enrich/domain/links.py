"""Links to a person's profile."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote

from policy.reading.text import clean

_LINKEDIN = re.compile(r"(?:^|[/.@])linkedin\.com/(?:mwlite/)?(in|pub)/([^/\\?#\s]+)", re.IGNORECASE)
_BESIDE_LETTERS = frozenset("-_.~'\u2019\u00b7\u200c\u200d")
"""What stands in a handle beside letters, marks and digits."""

LONGEST_HANDLE = 100


def read_linkedin(text: str | None) -> str | None:
    """The canonical address of somebody's LinkedIn profile; None for company pages and anything else.

    What is percent-encoded is decoded first and cleaned then, so that it ends or spoils a handle as it would
    unencoded.
    """
    cleaned = clean(_decoded(text)) if text else None
    found = _LINKEDIN.search(cleaned) if cleaned else None
    if found is None:
        return None
    handle = found[2].strip("<>\"'.,;:()").lower()
    return f"https://www.linkedin.com/{found[1].lower()}/{handle}" if _is_handle(handle) else None


def _is_handle(text: str) -> bool:
    if not 0 < len(text) <= LONGEST_HANDLE or ".." in text:
        return False
    return all(letter in _BESIDE_LETTERS or unicodedata.category(letter)[0] in "LMN" for letter in text)


def _decoded(text: str) -> str:
    """Without percent-encoding, also where it was encoded twice."""
    return unquote(unquote(text))
