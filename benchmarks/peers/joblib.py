"""joblib.Memory: a cached function in a loop; a cache without a journal."""

from joblib import Memory
from measure import Job, Run, serve


def step(x: int) -> int:
    return x + 1


def fan(job: Job) -> Run:
    cached = Memory(str(job.folder / "cache"), verbose=0).cache(step)
    return lambda: sum(cached(x) for x in range(job.size))


if __name__ == "__main__":
    serve("joblib", "joblib", {"fan-cold": fan, "fan-hit": fan})
