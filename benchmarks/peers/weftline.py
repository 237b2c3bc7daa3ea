"""weftline: in memory without ledger and cache, and with journal and cache.

Variants are its backends; `nodes` is the inline backend with a node for each item of a fan instead of one node over all.
"""

from collections.abc import Callable
from dataclasses import replace
from types import FunctionType

import arrays
import numpy as np
from measure import Job, Run, kept_cases, serve

from weftline import Pipeline, node
from weftline.app import verbs
from weftline.app.home import Home, Request


def first() -> int:
    return 0


def step(x: int) -> int:
    return x + 1


def given(x: int = 0) -> int:
    return x + 1


def last(x: int, by: int = 1) -> int:
    return x + by


def chain(job: Job) -> Run:
    nodes = [node(provides="k0", name="n0")(first)]
    nodes += [
        node(provides=f"k{i}", requires={"x": f"k{i - 1}"}, name=f"n{i}")(step)
        for i in range(1, job.size - 1)
    ]  # fmt: skip
    nodes.append(node(provides="last", requires={"x": f"k{job.size - 2}"}, name="last")(last))
    pipeline, options = Pipeline(nodes), options_of(job)
    if job.is_changed:
        options["params"] = {"by": job.last}
    return lambda: pipeline.run(**options)["last"]


def wide(job: Job) -> Run:
    nodes = [node(provides="k", name="source")(first)]
    nodes += [node(provides=f"k{i}", requires={"x": "k"}, name=f"n{i}")(step) for i in range(job.size)]
    pipeline = Pipeline(nodes)

    def run() -> int:
        result = pipeline.run(home=None, backend=job.variant)
        return sum(result[f"k{i}"] for i in range(job.size))

    return run


def fan(job: Job) -> Run:
    @node(provides="xs")
    def items(size: int = 1, middle: int = 0) -> list[int]:
        found = list(range(size))
        found[size // 2] = middle
        return found

    @node(provides="ys", requires={"x": "xs"}, over="xs")
    def step(x: int) -> int:
        return x + 1

    if job.variant == "nodes":
        return fan_of_nodes(job)
    pipeline, options = Pipeline([items, step]), options_of(job)
    params = {"size": job.size, "middle": job.items[job.size // 2]}
    return lambda: sum(pipeline.run(params=params, **options)["ys"])


def fan_of_nodes(job: Job) -> Run:
    """The same with a node for each item, which is its parameter."""
    names = [f"k{i}" for i in range(job.size)]
    pipeline, options = Pipeline([node(provides=name, name=name)(given) for name in names]), options_of(job)
    params = {f"{name}.x": x for name, x in zip(names, job.items, strict=True)}

    def run() -> int:
        result = pipeline.run(params=params, **options)
        return sum(result[name] for name in names)

    return run


def array(job: Job):
    @node(provides="numbers")
    def numbers(size_bytes: int = 8) -> np.ndarray:
        return arrays.numbers(size_bytes)

    pipeline, options = Pipeline([numbers]), options_of(job)
    return lambda: pipeline.run(params={"size_bytes": job.size}, **options)["numbers"]


def chain_durable(job: Job) -> Callable[[], Run]:
    is_unlike = job.variant == "unlike"
    nodes = [node(provides="k0", name="n0")(first)]
    nodes += [
        node(provides=f"k{i}", requires={"x": f"k{i - 1}"}, name=f"n{i}")(like(step) if is_unlike else step)
        for i in range(1, job.size)
    ]
    return planned(
        replace(job, variant="inline") if is_unlike else job, Pipeline(nodes), lambda result: result[f"k{job.size - 1}"]
    )


def like(function: Callable[[int], int]) -> Callable[[int], int]:
    """Another function, of which nobody knows how long it takes."""
    return FunctionType(function.__code__, function.__globals__, function.__name__, function.__defaults__)


def fan_durable(job: Job) -> Callable[[], Run]:
    @node(provides="ys", requires={"x": "xs"}, over="xs")
    def step(x: int) -> int:
        return x + 1

    return planned(job, Pipeline([step]), lambda result: sum(result["ys"]), given={"xs": job.items})


def planned(job: Job, pipeline: Pipeline, value, **asked) -> Callable[[], Run]:
    """Plans on a new home; then runs what was planned."""
    home, request = Home(job.folder / "home"), Request(backend=job.variant, **asked)

    def plan() -> Run:
        made = verbs.plan(pipeline, home, request)
        return lambda: value(verbs.run(pipeline, home, request, planned=made))

    return plan


def options_of(job: Job) -> dict:
    """With journal and cache where results are kept, else without."""
    backend = "inline" if job.variant == "nodes" else job.variant
    return {"home": job.folder / "home" if job.is_kept else None, "backend": backend}


if __name__ == "__main__":
    durable = {"chain-durable": chain_durable, "fan-durable": fan_durable}
    serve("weftline", "weftline", {"chain": chain, "wide": wide, "fan": fan, **kept_cases(fan, chain, array), **durable})
