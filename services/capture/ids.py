"""Ids for leads and submissions."""

from __future__ import annotations

import os
from datetime import datetime


def new_id(now: datetime) -> str:
    """32 hexadecimal digits: 12 of the time in milliseconds, so that neighbours in time are neighbours in an index,
    and 20 at random.
    """
    return f"{int(now.timestamp() * 1000):012x}{os.urandom(10).hex()}"
