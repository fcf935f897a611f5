"""`python -m tests.support.bare_host alpha`: a bare stage as a process of its own."""

from __future__ import annotations

import sys

from runtime.service import ServiceSpec, build, run
from tests.support.bare import STAGES
from tests.support.probes import probe_from_env

if __name__ == "__main__":
    parts = ServiceSpec(stage=STAGES[sys.argv[1]](), probe=probe_from_env())
    run(build(parts), parts)
