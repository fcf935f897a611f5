"""`python -m bench.engine`: the measured stage as a service of its own, hosted as the six services are."""

from bench.workload import WorkloadStage
from runtime.service import ServiceSpec, build, run

if __name__ == "__main__":
    ours = ServiceSpec(stage=WorkloadStage())
    run(build(ours), ours)
