"""Routing: who owns a lead, why, and whether they were quick enough."""
