"""Decisions of routing: pure, no I/O."""
