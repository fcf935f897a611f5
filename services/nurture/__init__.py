"""Follows leads up: plans touches on parallel channels, and sends each in its time."""
