"""Kedro: SequentialRunner with memory datasets that assign instead of copying; it has no map form."""

import logging

from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import node, pipeline
from kedro.runner import SequentialRunner
from measure import Job, Run, serve

logging.disable(logging.WARNING)


def step(x: int) -> int:
    return x + 1


def running(nodes: list, outputs: list[str]) -> Run:
    joined = pipeline(nodes)
    names = joined.all_outputs() | {"start"}

    def run() -> int:
        catalog = DataCatalog({name: MemoryDataset(copy_mode="assign") for name in names})
        catalog.save("start", -1)
        found = SequentialRunner().run(joined, catalog)
        return sum(found[name].load() for name in outputs)

    return run


def chain(job: Job) -> Run:
    nodes = [node(step, "start", "k0", name="n0")]
    nodes += [node(step, f"k{i - 1}", f"k{i}", name=f"n{i}") for i in range(1, job.size)]
    return running(nodes, [f"k{job.size - 1}"])


def wide(job: Job) -> Run:
    nodes = [node(step, "start", "source", name="source")]
    nodes += [node(step, "source", f"k{i}", name=f"n{i}") for i in range(job.size)]
    return running(nodes, [f"k{i}" for i in range(job.size)])


if __name__ == "__main__":
    serve("kedro", "kedro", {"chain": chain, "wide": wide})
