"""How far a long reading is."""

from __future__ import annotations

from collections.abc import Callable

ReportProgress = Callable[[int, int], None]
"""Called with the number of records done, and the number in all."""
