"""Hamilton: functions named after what they make, in a generated module; making the driver counts as building."""

import importlib.util
import sys
import types

from hamilton import driver
from hamilton.execution.executors import SynchronousLocalTaskExecutor
from measure import Job, Run, serve

CHAIN = "def n{i}(n{before}: int) -> int:\n    return n{before} + 1\n\n\n"
WIDE = "def n{i}(source: int) -> int:\n    return source + 1\n\n\n"
CACHED = "def n{i}() -> int:\n    return {i} + 1\n\n\n"
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
    text = "def n0() -> int:\n    return 0\n\n\n" + "".join(CHAIN.format(i=i, before=i - 1) for i in range(1, job.size))
    built = driver.Builder().with_modules(module(job, text)).build()
    last = f"n{job.size - 1}"
    return lambda: built.execute([last])[last]


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
    text = "".join(CACHED.format(i=i) for i in range(job.size))
    built = driver.Builder().with_modules(module(job, text)).with_cache(path=str(job.folder / "cache")).build()
    names = [f"n{i}" for i in range(job.size)]
    return lambda: sum(built.execute(names).values())


if __name__ == "__main__":
    serve("hamilton", "sf-hamilton", {"chain": chain, "wide": wide, "fan": fan, "fan-cold": cached, "fan-hit": cached})
