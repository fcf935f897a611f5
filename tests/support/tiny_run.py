"""`leadstream run` with tiny services: python -m tests.support.tiny_run FOLDER [WORKERS]"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from cli.run import serve
from local.supervise.plan import Options

if __name__ == "__main__":
    serve(
        Options(
            Path(sys.argv[1]),
            workers=int(sys.argv[2]) if len(sys.argv) > 2 else 1,
            service_module="tests.support.tiny_service",
            setup_module="tests.support.tiny_setup",
            external_seconds=float(os.environ.get("TINY_EXTERNAL_SECONDS", "15")),
        ),
        as_json=True,
    )
