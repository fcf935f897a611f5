"""Metrics' HTTP API: reports for whoever has the admin token."""
