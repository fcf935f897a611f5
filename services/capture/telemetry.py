"""Capture's own metrics, declared once. Labels are bounded and never personal."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

ITEMS = Counter(
    "leadstream_capture_items_total",
    "Pieces of input by kind (lead, signal, outcome, touch, erasure) and result "
    "(accepted, duplicate, unknown_lead, refused, unavailable).",
    ("kind", "result"),
)
UNAUTHENTICATED = Counter("leadstream_capture_unauthenticated_total", "Requests without a valid token or form key.")
GROUP_SIZE = Histogram(
    "leadstream_capture_group_size", "Items accepted in one transaction.", buckets=(1, 2, 5, 10, 25, 50, 100, 250, 500)
)
GROUP_SECONDS = Histogram(
    "leadstream_capture_group_seconds",
    "One transaction, from taking the waiting items to their commit.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
WAITING = Gauge("leadstream_capture_waiting_items", "Items read and not yet committed.")
RETRIES = Counter("leadstream_capture_retries_total", "Transactions tried again, by fault.", ("fault",))
