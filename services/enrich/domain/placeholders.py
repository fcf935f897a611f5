"""What people type into a field that they had to fill in and had nothing for."""

from __future__ import annotations

from policy.reading.text import words
from services.enrich.domain.tables import words_in


def is_placeholder(text: str) -> bool:
    """Tells whether it is `n/a`, `-`, `test` and the like."""
    joined = "".join(words(text))
    return not joined or joined in words_in("words.txt")["placeholders"]
