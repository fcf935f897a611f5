"""`python -m services.nurture`: one worker of nurture."""

from runtime.service import build, run
from services.nurture.app import parts

if __name__ == "__main__":
    ours = parts()
    run(build(ours), ours)
