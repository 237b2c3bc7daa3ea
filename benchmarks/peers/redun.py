"""redun: a scheduler with its database in memory and no cache, or in a file with its cache."""

import logging

import arrays
from measure import Job, Run, kept_cases, serve
from redun import Scheduler, task
from redun.config import Config

logging.disable(logging.WARNING)


@task(namespace="bench")
def step(x: int) -> int:
    return x + 1


@task(namespace="bench")
def last(x: int, by: int) -> int:
    return x + by


@task(namespace="bench")
def numbers(size_bytes: int):
    return arrays.numbers(size_bytes)


@task(namespace="bench")
def numbered(x: int, number: int) -> int:
    return x + 1


@task(namespace="bench")
def total(values: list[int]) -> int:
    return sum(values)


def ran(job: Job, expression: object) -> int:
    backend = {"db_uri": f"sqlite:///{job.folder}/redun.db" if job.is_kept else "sqlite:///:memory:"}
    if job.case.startswith("array"):
        backend["value_store_path"] = str(job.folder / "values")
    job.folder.mkdir(parents=True, exist_ok=True)
    scheduler = Scheduler(config=Config({"backend": backend}))
    scheduler.load()
    return scheduler.run(expression, cache=job.is_kept)


def chain(job: Job) -> Run:
    def run() -> int:
        value = -1
        for _ in range(job.size - 1):
            value = step(value)
        return ran(job, last(value, job.last))

    return run


def wide(job: Job) -> Run:
    def run() -> int:
        source = step(-1)
        return ran(job, total([numbered(source, i) for i in range(job.size)]))  # equal calls would be merged

    return run


def fan(job: Job) -> Run:
    return lambda: ran(job, total([step(x) for x in job.items]))


def array(job: Job):
    return lambda: ran(job, numbers(job.size))


if __name__ == "__main__":
    durable = {"chain-durable": lambda job: lambda: chain(job), "fan-durable": lambda job: lambda: fan(job)}
    serve("redun", "redun", {"chain": chain, "wide": wide, "fan": fan, **kept_cases(fan, chain, array), **durable})
