"""All SQL on metrics' own rows: `batches` writes them, `reports` and `counts` read them, `tables` names them."""
