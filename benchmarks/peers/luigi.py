"""Luigi: one worker, the local scheduler, results in a dictionary instead of files; it has no map form but tasks."""

import warnings

import luigi
from measure import Job, Run, serve

warnings.simplefilter("ignore")
RESULTS: dict[str, int] = {}


class Kept(luigi.Task):
    """A task that is complete when its result is in the dictionary."""

    def complete(self) -> bool:
        return self.task_id in RESULTS

    def run(self) -> None:
        RESULTS[self.task_id] = self.value()


class Chain(Kept):
    number = luigi.IntParameter()

    def requires(self):
        return [Chain(number=self.number - 1)] if self.number else []

    def value(self) -> int:
        return RESULTS[self.requires()[0].task_id] + 1 if self.number else 0


class Source(Kept):
    def value(self) -> int:
        return 0


class Wide(Kept):
    number = luigi.IntParameter()

    def requires(self):
        return [Source()]

    def value(self) -> int:
        return RESULTS[Source().task_id] + 1


class Fan(Kept):
    number = luigi.IntParameter()

    def value(self) -> int:
        return self.number + 1


def running(tasks: list[luigi.Task]) -> Run:
    def run() -> int:
        RESULTS.clear()
        if not luigi.build(tasks, local_scheduler=True, workers=1, log_level="CRITICAL"):
            raise RuntimeError("luigi reports a failure")
        return sum(RESULTS[task.task_id] for task in tasks)

    return run


def chain(job: Job) -> Run:
    return running([Chain(number=job.size - 1)])


def wide(job: Job) -> Run:
    return running([Wide(number=i) for i in range(job.size)])


def fan(job: Job) -> Run:
    return running([Fan(number=i) for i in range(job.size)])


if __name__ == "__main__":
    serve("luigi", "luigi", {"chain": chain, "wide": wide, "fan": fan})
