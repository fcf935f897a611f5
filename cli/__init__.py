"""The `leadstream` command line."""
