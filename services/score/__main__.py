"""`python -m services.score`: one worker of score."""

from runtime.service import build, run
from services.score.app import parts

if __name__ == "__main__":
    ours = parts()
    run(build(ours), ours)
