"""diskcache: memoised functions in a loop; a cache without a journal."""

import arrays
from diskcache import Cache
from measure import Job, Run, kept_cases, serve


def cached(job: Job, function):
    return Cache(str(job.folder / "cache")).memoize(name=function.__name__)(function)


def step(x: int) -> int:
    return x + 1


def last(x: int, by: int) -> int:
    return x + by


def fan(job: Job) -> Run:
    kept = cached(job, step)
    return lambda: sum(kept(x) for x in job.items)


def chain(job: Job) -> Run:
    kept, end = cached(job, step), cached(job, last)

    def run() -> int:
        value = 0
        for _ in range(job.size - 2):
            value = kept(value)
        return end(value, job.last)

    return run


def array(job: Job):
    kept = cached(job, arrays.numbers)
    return lambda: kept(job.size)


if __name__ == "__main__":
    serve("diskcache", "diskcache", kept_cases(fan, chain, array))
