"""Prefect: one flow in this process; the server that it starts for itself is counted, too."""

from measure import Job, Run, serve
from prefect import flow, task
from prefect.cache_policies import INPUTS, NO_CACHE
from prefect.settings import PREFECT_LOCAL_STORAGE_PATH, temporary_settings


@task(cache_policy=NO_CACHE)
def step(x: int) -> int:
    return x + 1


def chain(job: Job) -> Run:
    @flow
    def ran() -> int:
        value = -1
        for _ in range(job.size):
            value = step(value)
        return value

    return ran


def wide(job: Job) -> Run:
    @flow
    def ran() -> int:
        source = step(-1)
        return sum(step.map([source] * job.size).result())

    return ran


def fan(job: Job) -> Run:
    mapped = step if job.case == "fan" else step.with_options(cache_policy=INPUTS, persist_result=True)

    @flow
    def ran() -> int:
        return sum(mapped.map(range(job.size)).result())

    def run() -> int:
        with temporary_settings({PREFECT_LOCAL_STORAGE_PATH: job.folder}):
            return ran()

    return run


if __name__ == "__main__":
    cases = {"chain": chain, "wide": wide, "fan": fan, "fan-cold": fan, "fan-hit": fan}
    serve("prefect", "prefect", cases, follow=True)
