"""Links to a person's profile."""

from __future__ import annotations

import re
from urllib.parse import unquote

from services.enrich.domain.text import clean

_LINKEDIN = re.compile(r"(?:^|[/.@])linkedin\.com/(?:mwlite/)?(in|pub)/([^/?#\s]+)", re.IGNORECASE)


def read_linkedin(text: str | None) -> str | None:
    """The canonical address of somebody's LinkedIn profile; None for company pages and anything else."""
    cleaned = clean(text)
    found = _LINKEDIN.search(cleaned) if cleaned else None
    if found is None:
        return None
    handle = unquote(found[2]).strip("<>\"'").lower()
    return f"https://www.linkedin.com/{found[1].lower()}/{handle}" if handle else None
