"""dask: a custom graph (a mapping of keys to tasks) for chain and wide, `delayed` for fan-out; variants are its schedulers."""

import dask
import dask.bag
import dask.threaded
from measure import Job, Run, serve


def first() -> int:
    return 0


def step(x: int) -> int:
    return x + 1


def getter(job: Job):
    return {"sync": dask.get, "threads": dask.threaded.get}[job.variant]


def chain(job: Job) -> Run:
    graph: dict = {"k0": (first,)}
    graph |= {f"k{i}": (step, f"k{i - 1}") for i in range(1, job.size)}
    get, last = getter(job), f"k{job.size - 1}"
    return lambda: get(graph, last)


def wide(job: Job) -> Run:
    names = [f"k{i}" for i in range(job.size)]
    graph: dict = {"source": (first,), **dict.fromkeys(names, (step, "source"))}
    get = getter(job)
    return lambda: sum(get(graph, names))


def fan(job: Job) -> Run:
    if job.variant == "bag":
        bag = dask.bag.from_sequence(range(job.size)).map(step)
        return lambda: sum(bag.compute(scheduler="sync"))
    delayed = dask.delayed(step, pure=False)
    calls = dask.delayed([delayed(x) for x in range(job.size)])
    return lambda: sum(calls.compute(scheduler=job.variant, optimize_graph=False))


if __name__ == "__main__":
    serve("dask", "dask", {"chain": chain, "wide": wide, "fan": fan})
