"""`python -m services.route`: one worker of route."""

from runtime.service import build, run
from services.route.app import parts

if __name__ == "__main__":
    ours = parts()
    run(build(ours), ours)
