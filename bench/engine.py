"""`python -m bench.engine`: the measured stage as a service of its own, hosted as the six services are."""

from bench.visits import VisitsStage
from runtime.service import ServiceSpec, build, run

if __name__ == "__main__":
    ours = ServiceSpec(stage=VisitsStage())
    run(build(ours), ours)
