"""No tool at all: a loop that calls a function and commits each result to SQLite, flushed. Variants: calls in one commit."""

import sqlite3
from collections.abc import Callable

from measure import Job, Run, serve


def step(x: int) -> int:
    return x + 1


def loop(job: Job) -> Callable[[], Run]:
    def plan() -> Run:
        job.folder.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(job.folder / "bare.db", isolation_level=None)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("CREATE TABLE steps (number INTEGER PRIMARY KEY, result TEXT NOT NULL)")
        return lambda: run(db, job, int(job.variant))

    return plan


def run(db: sqlite3.Connection, job: Job, each: int) -> int:
    is_chain, value, total = job.case.startswith("chain"), -1, 0
    for start in range(0, job.size, each):
        db.execute("BEGIN IMMEDIATE")
        rows = []
        for number in range(start, min(start + each, job.size)):
            value = step(value if is_chain else number)
            total += value
            rows.append((number, f"{value:>100}"))
        db.executemany("INSERT INTO steps VALUES (?, ?)", rows)
        db.execute("COMMIT")
    return value if is_chain else total


if __name__ == "__main__":
    serve("bare", f"SQLite {sqlite3.sqlite_version}", {"chain-durable": loop, "fan-durable": loop})
