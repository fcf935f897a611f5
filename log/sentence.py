"""An event in words that are safe to print: what people wrote must not drive the terminal of who reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Tone = Literal["plain", "good", "bad", "quiet"]

# What could drive a terminal or turn the reading direction: people write these words, and we print them.
_UNPRINTABLE = {
    **dict.fromkeys((*range(32), *range(127, 160)), "�"),
    **dict.fromkeys((*range(8234, 8239), *range(8294, 8298), 8206, 8207), "�"),
    9: " ",
    10: " ",
    13: " ",
}


@dataclass(frozen=True, slots=True)
class Sentence:
    """An event in words.

    Attributes:
        what: what happened.
        more: why, a line each.
        tone: how it should look.
        personal: who it is about; not for every eye.
    """

    what: str
    more: tuple[str, ...] = ()
    tone: Tone = "plain"
    personal: tuple[str, ...] = ()


def printable(text: str) -> str:
    """Replaces what a terminal would obey."""
    return text.translate(_UNPRINTABLE)
