"""pipefunc: `map` in this process, results in memory; to keep them, its disk cache or (variant `folder`) its run folder."""

import arrays
from measure import Job, Run, kept_cases, serve
from pipefunc import PipeFunc, Pipeline


def first() -> int:
    return 0


def step(x: int) -> int:
    return x + 1


def last(x: int, by: int) -> int:
    return x + by


def chain(job: Job) -> Run:
    functions = [PipeFunc(first, "k0", cache=job.is_kept)]
    functions += [PipeFunc(step, f"k{i}", renames={"x": f"k{i - 1}"}, cache=job.is_kept) for i in range(1, job.size - 1)]
    functions.append(PipeFunc(last, "last", renames={"x": f"k{job.size - 2}"}, cache=job.is_kept))
    pipeline = Pipeline(functions, **on_disk(job)) if job.is_kept else Pipeline(functions)
    return lambda: pipeline.map({"by": job.last}, parallel=False, storage="dict")["last"].output


def on_disk(job: Job) -> dict:
    """Its cache in files, without the one in memory before it."""
    kept = {"cache_dir": str(job.folder / "cache"), "with_lru_cache": False}
    return {"cache_type": "disk", "cache_kwargs": kept}


def wide(job: Job) -> Run:
    functions = [PipeFunc(first, "source")]
    functions += [PipeFunc(step, f"k{i}", renames={"x": "source"}) for i in range(job.size)]
    pipeline, names = Pipeline(functions), [f"k{i}" for i in range(job.size)]

    def run() -> int:
        results = pipeline.map({}, parallel=False, storage="dict")
        return sum(results[name].output for name in names)

    return run


def fan(job: Job) -> Run:
    inputs = {"x": job.items}
    pipeline = Pipeline([PipeFunc(step, "y", mapspec="x[i] -> y[i]")])
    if job.case == "fan":
        return lambda: int(sum(pipeline.map(inputs, parallel=False, storage="dict")["y"].output))
    if job.variant == "folder":
        options = {"run_folder": job.folder / "run", "storage": "file_array", "resume": job.case != "fan-cold"}
        return lambda: int(sum(pipeline.map(inputs, parallel=False, **options)["y"].output))
    single = Pipeline([PipeFunc(step, "y", cache=True)], **on_disk(job))
    return lambda: sum(single.run("y", kwargs={"x": x}) for x in job.items)


def array(job: Job):
    single = Pipeline([PipeFunc(arrays.numbers, "y", cache=True)], **on_disk(job))
    return lambda: single.run("y", kwargs={"size_bytes": job.size})


if __name__ == "__main__":
    serve("pipefunc", "pipefunc", {"chain": chain, "wide": wide, "fan": fan, **kept_cases(fan, chain, array)})
