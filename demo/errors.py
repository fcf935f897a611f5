"""What ends a demo."""

from __future__ import annotations

from infra.errors import LeadstreamError


class DemoFailed(LeadstreamError):
    """The demo can't go on; says why, and where to look."""
