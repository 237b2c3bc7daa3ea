"""redun: a scheduler with its database in memory and no cache, or in a file with its cache."""

import logging

from measure import Job, Run, serve
from redun import Scheduler, task
from redun.config import Config

logging.disable(logging.WARNING)


@task(namespace="bench")
def step(x: int) -> int:
    return x + 1


@task(namespace="bench")
def numbered(x: int, number: int) -> int:
    return x + 1


@task(namespace="bench")
def total(values: list[int]) -> int:
    return sum(values)


def ran(job: Job, expression: object) -> int:
    kept = job.case.startswith("fan-")
    place = f"sqlite:///{job.folder}/redun.db" if kept else "sqlite:///:memory:"
    job.folder.mkdir(parents=True, exist_ok=True)
    scheduler = Scheduler(config=Config({"backend": {"db_uri": place}}))
    scheduler.load()
    return scheduler.run(expression, cache=kept)


def chain(job: Job) -> Run:
    def run() -> int:
        value = -1
        for _ in range(job.size):
            value = step(value)
        return ran(job, value)

    return run


def wide(job: Job) -> Run:
    def run() -> int:
        source = step(-1)
        return ran(job, total([numbered(source, i) for i in range(job.size)]))  # equal calls would be merged

    return run


def fan(job: Job) -> Run:
    return lambda: ran(job, total([step(x) for x in range(job.size)]))


if __name__ == "__main__":
    serve("redun", "redun", {"chain": chain, "wide": wide, "fan": fan, "fan-cold": fan, "fan-hit": fan})
