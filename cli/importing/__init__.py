"""The parts of `leadstream import`: reading a table, telling what its columns mean, sending its rows."""
