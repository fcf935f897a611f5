"""Turns what leads submit into normalised, classified facts, each with its source and confidence."""
