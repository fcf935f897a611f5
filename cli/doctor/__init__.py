"""`leadstream doctor`: what it looks at, what it thinks of it, and how it tells."""
