"""Hamilton: functions named after what they make, in a generated module; the driver is built before anything is timed."""

import os
import types

os.environ["HAMILTON_TELEMETRY_ENABLED"] = "false"

from hamilton import driver
from hamilton.execution.executors import SynchronousLocalTaskExecutor
from measure import Job, Run, serve

CHAIN = "def n{i}(n{before}: int) -> int:\n    return n{before} + 1\n"
WIDE = "def n{i}(source: int) -> int:\n    return source + 1\n"
FAN = """
from hamilton.htypes import Collect, Parallelizable

def item(size: int) -> Parallelizable[int]:
    yield from range(size)

def moved(item: int) -> int:
    return item + 1

def total(moved: Collect[int]) -> int:
    return sum(moved)
"""


def module(text: str) -> types.ModuleType:
    made = types.ModuleType("graph")
    exec(text, made.__dict__)
    for found in list(vars(made).values()):
        if isinstance(found, types.FunctionType):
            found.__module__ = made.__name__
    return made


def chain(job: Job) -> Run:
    text = "def n0() -> int:\n    return 0\n" + "".join(CHAIN.format(i=i, before=i - 1) for i in range(1, job.size))
    built = driver.Builder().with_modules(module(text)).build()
    last = f"n{job.size - 1}"
    return lambda: built.execute([last])[last]


def wide(job: Job) -> Run:
    text = "def source() -> int:\n    return 0\n" + "".join(WIDE.format(i=i) for i in range(job.size))
    built = driver.Builder().with_modules(module(text)).build()
    names = [f"n{i}" for i in range(job.size)]
    return lambda: sum(built.execute(names).values())


def fan(job: Job) -> Run:
    builder = driver.Builder().with_modules(module(FAN)).enable_dynamic_execution(allow_experimental_mode=True)
    builder = builder.with_local_executor(SynchronousLocalTaskExecutor())
    built = builder.with_remote_executor(SynchronousLocalTaskExecutor()).build()
    return lambda: built.execute(["total"], inputs={"size": job.size})["total"]


def cached(job: Job) -> Run:
    """The wide form with other constants: Hamilton keeps results by node and code, not by item of a fan-out."""
    text = "".join(f"def n{i}() -> int:\n    return {i + 1}\n" for i in range(job.size))
    built = driver.Builder().with_modules(module(text)).with_cache(path=str(job.folder / "cache")).build()
    names = [f"n{i}" for i in range(job.size)]
    return lambda: sum(built.execute(names).values())


if __name__ == "__main__":
    serve("hamilton", "sf-hamilton", {"chain": chain, "wide": wide, "fan": fan, "fan-cold": cached, "fan-hit": cached})
