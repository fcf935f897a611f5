"""`python -m services.metrics`: one worker of metrics."""

from runtime.service import build, run
from services.metrics.app import parts

if __name__ == "__main__":
    ours = parts()
    run(build(ours), ours)
