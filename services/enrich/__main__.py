"""`python -m services.enrich`: one worker of enrich."""

from runtime.service import build, run
from services.enrich.app import parts

if __name__ == "__main__":
    ours = parts()
    run(build(ours), ours)
