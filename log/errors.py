"""What can go wrong when topics are read back."""

from __future__ import annotations

from infra.errors import LeadstreamError


class LogUnavailable(LeadstreamError):
    """A topic is not there, or the broker delivers no more."""


class UnknownLead(LeadstreamError):
    """No lead is known by what was named."""
