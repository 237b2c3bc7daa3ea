"""pipefunc: `map` in this process, results in memory; to keep them, its disk cache or (variant `folder`) its run folder."""

from measure import Job, Run, serve
from pipefunc import PipeFunc, Pipeline


def first() -> int:
    return 0


def step(x: int) -> int:
    return x + 1


def chain(job: Job) -> Run:
    functions = [PipeFunc(first, "k0")]
    functions += [PipeFunc(step, f"k{i}", renames={"x": f"k{i - 1}"}) for i in range(1, job.size)]
    pipeline, last = Pipeline(functions), f"k{job.size - 1}"
    return lambda: pipeline.map({}, parallel=False, storage="dict")[last].output


def wide(job: Job) -> Run:
    functions = [PipeFunc(first, "source")]
    functions += [PipeFunc(step, f"k{i}", renames={"x": "source"}) for i in range(job.size)]
    pipeline, names = Pipeline(functions), [f"k{i}" for i in range(job.size)]

    def run() -> int:
        results = pipeline.map({}, parallel=False, storage="dict")
        return sum(results[name].output for name in names)

    return run


def fan(job: Job) -> Run:
    inputs = {"x": list(range(job.size))}
    pipeline = Pipeline([PipeFunc(step, "y", mapspec="x[i] -> y[i]")])
    if job.case == "fan":
        return lambda: int(sum(pipeline.map(inputs, parallel=False, storage="dict")["y"].output))
    if job.variant == "folder":
        options = {"run_folder": job.folder / "run", "storage": "file_array", "resume": job.case == "fan-hit"}
        return lambda: int(sum(pipeline.map(inputs, parallel=False, **options)["y"].output))
    kept = {"cache_dir": str(job.folder / "cache"), "with_lru_cache": False}
    single = Pipeline([PipeFunc(step, "y", cache=True)], cache_type="disk", cache_kwargs=kept)
    return lambda: sum(single.run("y", kwargs={"x": x}) for x in range(job.size))


if __name__ == "__main__":
    serve("pipefunc", "pipefunc", {"chain": chain, "wide": wide, "fan": fan, "fan-cold": fan, "fan-hit": fan})
