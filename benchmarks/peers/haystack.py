"""Haystack: a Pipeline of components; it has no map form."""

from haystack import Pipeline, component
from measure import Job, Run, serve


@component
class Step:
    @component.output_types(value=int)
    def run(self, value: int) -> dict[str, int]:
        return {"value": value + 1}


def chain(job: Job) -> Run:
    pipeline = Pipeline()
    for i in range(job.size):
        pipeline.add_component(f"n{i}", Step())
    for i in range(1, job.size):
        pipeline.connect(f"n{i - 1}.value", f"n{i}.value")
    return lambda: pipeline.run({"n0": {"value": -1}})[f"n{job.size - 1}"]["value"]


def wide(job: Job) -> Run:
    pipeline = Pipeline()
    pipeline.add_component("source", Step())
    for i in range(job.size):
        pipeline.add_component(f"n{i}", Step())
        pipeline.connect("source.value", f"n{i}.value")
    return lambda: sum(found["value"] for found in pipeline.run({"source": {"value": -1}}).values())


if __name__ == "__main__":
    serve("haystack", "haystack-ai", {"chain": chain, "wide": wide})
