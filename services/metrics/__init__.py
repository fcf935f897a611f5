"""Metrics: a ledger per lead, and what the funnel, the SLA reports and Prometheus make of it."""
