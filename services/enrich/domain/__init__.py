"""How enrich decides: one module per kind of fact, pure, no I/O but the lists in `data/`.

What many leads share (titles, domains, companies, countries) is remembered between decisions; names, addresses and
telephone numbers are not, so that an erased person is gone from memory too.
"""
