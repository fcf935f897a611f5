"""What the ledger makes of each event: pure functions."""
