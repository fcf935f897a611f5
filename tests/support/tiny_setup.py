"""In place of the real setup: fails when a test asks for it."""

from __future__ import annotations

import os
import sys

if os.environ.get("TINY_SETUP_FAILS"):
    sys.exit("the topic leads.captured has 3 partitions instead of 12")
