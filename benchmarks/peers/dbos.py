"""DBOS: a workflow of steps with its system database in a SQLite file; a fan is gathered from asynchronous steps."""

import asyncio
import logging
from collections.abc import Callable

from dbos import DBOS
from measure import Job, Run, serve

logging.disable(logging.WARNING)


@DBOS.step()
def step(x: int) -> int:
    return x + 1


@DBOS.step()
async def item(x: int) -> int:
    return x + 1


@DBOS.workflow()
def counted(size: int) -> int:
    value = -1
    for _ in range(size):
        value = step(value)
    return value


@DBOS.workflow()
async def summed(items: list[int]) -> int:
    return sum(await asyncio.gather(*map(item, items)))


def launched(job: Job, run: Run) -> Callable[[], Run]:
    def plan() -> Run:
        DBOS.destroy()
        job.folder.mkdir(parents=True, exist_ok=True)
        DBOS(config={"name": "bench", "system_database_url": f"sqlite:///{job.folder}/dbos.db", "run_admin_server": False})
        DBOS.launch()
        return run

    return plan


def chain(job: Job) -> Callable[[], Run]:
    return launched(job, lambda: counted(job.size))


def fan(job: Job) -> Callable[[], Run]:
    return launched(job, lambda: asyncio.run(summed(job.items)))


if __name__ == "__main__":
    serve("dbos", "dbos", {"chain-durable": chain, "fan-durable": fan})
    DBOS.destroy()
