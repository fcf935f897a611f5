"""`python -m services.capture`: one worker of capture."""

from runtime.service import build, run
from services.capture.app import parts

if __name__ == "__main__":
    ours = parts()
    run(build(ours), ours)
