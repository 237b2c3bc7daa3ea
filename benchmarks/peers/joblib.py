"""joblib.Memory: cached functions in a loop, arrays mapped into memory; a cache without a journal."""

import arrays
from joblib import Memory
from measure import Job, Run, kept_cases, serve


def step(x: int) -> int:
    return x + 1


def last(x: int, by: int) -> int:
    return x + by


def fan(job: Job) -> Run:
    cached = Memory(str(job.folder / "cache"), verbose=0).cache(step)
    return lambda: sum(cached(x) for x in job.items)


def chain(job: Job) -> Run:
    memory = Memory(str(job.folder / "cache"), verbose=0)
    cached, end = memory.cache(step), memory.cache(last)

    def run() -> int:
        value = 0
        for _ in range(job.size - 2):
            value = cached(value)
        return end(value, job.last)

    return run


def array(job: Job):
    cached = Memory(str(job.folder / "cache"), verbose=0, mmap_mode="r").cache(arrays.numbers)
    return lambda: cached(job.size)


if __name__ == "__main__":
    serve("joblib", "joblib", kept_cases(fan, chain, array))
