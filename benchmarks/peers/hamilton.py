"""Hamilton: functions named after what they make, in a generated module; making the driver counts as building."""

import importlib.util
import sys
import types

from hamilton import driver
from hamilton.execution.executors import SynchronousLocalTaskExecutor
from measure import Job, Run, kept_cases, serve

CHAIN = "def n{i}(n{before}: int) -> int:\n    return n{before} + 1\n\n\n"
WIDE = "def n{i}(source: int) -> int:\n    return source + 1\n\n\n"
LAST = "def last(n{before}: int) -> int:\n    return n{before} + {by}\n"
CACHED = "def n{i}() -> int:\n    return {x} + 1\n\n\n"
ARRAY = """
import arrays
import numpy as np


def numbers(size_bytes: int) -> np.ndarray:
    return arrays.numbers(size_bytes)
"""
FAN = """
from hamilton.htypes import Collect, Parallelizable


def item(size: int) -> Parallelizable[int]:
    yield from range(size)


def moved(item: int) -> int:
    return item + 1


def total(moved: Collect[int]) -> int:
    return sum(moved)
"""


def module(job: Job, text: str) -> types.ModuleType:
    """A module read from a file, as the sources of cached functions are looked up."""
    job.folder.mkdir(parents=True, exist_ok=True)
    path = job.folder / f"graph_{job.size}.py"
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    made = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = made
    spec.loader.exec_module(made)
    return made


def chain(job: Job) -> Run:
    text = "def n0() -> int:\n    return 0\n\n\n" + "".join(CHAIN.format(i=i, before=i - 1) for i in range(1, job.size - 1))
    text += LAST.format(before=job.size - 2, by=job.last)
    builder = driver.Builder().with_modules(module(job, text))
    built = with_cache(builder, job).build() if job.is_kept else builder.build()
    return lambda: built.execute(["last"])["last"]


def with_cache(builder: driver.Builder, job: Job) -> driver.Builder:
    return builder.with_cache(path=str(job.folder / "cache"))


def wide(job: Job) -> Run:
    text = "def source() -> int:\n    return 0\n\n\n" + "".join(WIDE.format(i=i) for i in range(job.size))
    built = driver.Builder().with_modules(module(job, text)).build()
    names = [f"n{i}" for i in range(job.size)]
    return lambda: sum(built.execute(names).values())


def fan(job: Job) -> Run:
    builder = driver.Builder().with_modules(module(job, FAN)).enable_dynamic_execution(allow_experimental_mode=True)
    builder = builder.with_local_executor(SynchronousLocalTaskExecutor())
    built = builder.with_remote_executor(SynchronousLocalTaskExecutor()).build()
    return lambda: built.execute(["total"], inputs={"size": job.size})["total"]


def cached(job: Job) -> Run:
    """A function for each item: a graph of that many nodes, as the cache is meant for."""
    text = "".join(CACHED.format(i=i, x=x) for i, x in enumerate(job.items))
    built = with_cache(driver.Builder().with_modules(module(job, text)), job).build()
    names = [f"n{i}" for i in range(job.size)]
    return lambda: sum(built.execute(names).values())


def array(job: Job):
    built = with_cache(driver.Builder().with_modules(module(job, ARRAY)), job).build()
    return lambda: built.execute(["numbers"], inputs={"size_bytes": job.size})["numbers"]


if __name__ == "__main__":
    serve("hamilton", "sf-hamilton", {"chain": chain, "wide": wide, "fan": fan, **kept_cases(cached, chain, array)})
