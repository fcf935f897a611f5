"""`python -m tests.support.service_host score`: a service that a test may kill or freeze at a named point."""

from __future__ import annotations

import sys
from importlib import import_module

from runtime.service import build, run
from tests.support.probes import probe_from_env

if __name__ == "__main__":
    parts = import_module(f"services.{sys.argv[1]}.app").parts(probe=probe_from_env())
    run(build(parts), parts)
