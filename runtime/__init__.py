"""What every service shares: the processing contract, settings, telemetry and the embedded servers."""
