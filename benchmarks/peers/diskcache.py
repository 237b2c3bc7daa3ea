"""diskcache: a memoised function in a loop; a cache without a journal."""

from diskcache import Cache
from measure import Job, Run, serve


def fan(job: Job) -> Run:
    cache = Cache(str(job.folder / "cache"))

    @cache.memoize(name="step")
    def step(x: int) -> int:
        return x + 1

    return lambda: sum(step(x) for x in range(job.size))


if __name__ == "__main__":
    serve("diskcache", "diskcache", {"fan-cold": fan, "fan-hit": fan})
