"""How enrich decides: one module per kind of fact, pure, no I/O but the lists in `data/`."""
