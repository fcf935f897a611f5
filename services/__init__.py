"""The six services of the stream; each folder has the same file names."""
