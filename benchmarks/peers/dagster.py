"""Dagster: a job of ops, run in the process; on an ephemeral instance with values in memory, or on one in a folder."""

import warnings

from dagster import (
    DagsterInstance,
    DependencyDefinition,
    DynamicOut,
    DynamicOutput,
    GraphDefinition,
    NodeInvocation,
    fs_io_manager,
    job,
    mem_io_manager,
    op,
)
from measure import Job, Run, serve

warnings.simplefilter("ignore")
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@op
def first() -> int:
    return 0


@op
def step(x: int) -> int:
    return x + 1


def executed(definition, asked: Job) -> object:
    if not asked.is_kept:
        with DagsterInstance.ephemeral() as instance:
            return definition.execute_in_process(run_config=QUIET, instance=instance)
    with DagsterInstance.local_temp(str(asked.folder)) as instance:  # journal in SQLite, values in files
        return definition.execute_in_process(run_config=QUIET, instance=instance)


def values_of(asked: Job) -> dict:
    return {"io_manager": fs_io_manager if asked.is_kept else mem_io_manager}


def graph(dependencies: dict, asked: Job):
    definition = GraphDefinition("graph", node_defs=[first, step], dependencies=dependencies)
    return definition.to_job(resource_defs=values_of(asked))


def chain(job: Job) -> Run:
    dependencies: dict = {NodeInvocation("first", alias="n0"): {}}
    for i in range(1, job.size):
        dependencies[NodeInvocation("step", alias=f"n{i}")] = {"x": DependencyDefinition(f"n{i - 1}")}
    definition = graph(dependencies, job)
    return lambda: executed(definition, job).output_for_node(f"n{job.size - 1}")


def wide(job: Job) -> Run:
    dependencies: dict = {NodeInvocation("first", alias="source"): {}}
    for i in range(job.size):
        dependencies[NodeInvocation("step", alias=f"n{i}")] = {"x": DependencyDefinition("source")}
    definition = graph(dependencies, job)

    def run() -> int:
        result = executed(definition, job)
        return sum(result.output_for_node(f"n{i}") for i in range(job.size))

    return run


def fan(asked: Job) -> Run:
    @op(out=DynamicOut(int))
    def items():
        for i in range(asked.size):
            yield DynamicOutput(i, mapping_key=str(i))

    @op
    def total(values: list[int]) -> int:
        return sum(values)

    @job(resource_defs=values_of(asked))
    def mapped():
        total(items().map(step).collect())

    return lambda: executed(mapped, asked).output_for_node("total")


if __name__ == "__main__":
    durable = {"chain-durable": lambda job: lambda: chain(job), "fan-durable": lambda job: lambda: fan(job)}
    serve("dagster", "dagster", {"chain": chain, "wide": wide, "fan": fan, **durable})
