"""Times one large array in a peer's cache, beside SHA-256, write and flush of the same bytes; numpy where it is called.

How long the array takes to make is not counted: `numbers` says it in a file, since it may be called in any process.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clock import Clock
    from measure import Job

#: Bytes of the array that is stored once before anything is timed: enough for what peers do with large values.
TINY_BYTES = 2 << 20
#: How often an array is stored in one process.
ROUNDS = 3
#: The variable with the file in which the making is told.
TOLD = "BENCH_MADE"


def numbers(size_bytes: int) -> Any:
    """An array of that many bytes, of which no two eights are equal."""
    import numpy as np

    wall, cpu = time.perf_counter(), time.process_time()
    made = np.arange(size_bytes // 8, dtype=np.int64)
    with Path(os.environ[TOLD]).open("a") as file:
        file.write(json.dumps([time.perf_counter() - wall, time.process_time() - cpu]) + "\n")
    return made


def measured(job: Job, build: Callable[[Job], Callable[[], Any]], clock: Clock) -> dict[str, object]:
    """What storing an array costs (`array-cold`), or having it again (`array-hit`).

    Raises:
        ValueError: what came back is not the array.
    """
    told = Path(tempfile.mkdtemp(prefix="made-")) / "times"
    os.environ[TOLD] = str(told)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        check(TINY_BYTES, build(replace(job, size=TINY_BYTES, folder=Path(folder)))())
    if job.case == "array-cold":
        return stored(job, build, clock, told)
    from measure import fill

    fill(job)
    run = build(job)
    told.write_text("")
    with clock.timing() as hit:
        found = run()
    with clock.timing() as read:
        total = int(found.sum())
    check(job.size, found, total)
    if told.read_text():
        raise ValueError("it was made again")
    return line(hit.cpu_s, hit.wall_s) | {"read_s": round(hit.wall_s + read.wall_s, 6), "disk_bytes": disk_bytes(job.folder)}


def stored(job: Job, build: Callable[[Job], Callable[[], Any]], clock: Clock, told: Path) -> dict[str, object]:
    """In turns with the plain way, each time with an empty cache: disks are not always equally fast."""
    plain, stores, cpus, kept = [plainly(job, clock)], [], [], 0
    for turn in range(ROUNDS):
        place = replace(job, folder=job.folder / str(turn))
        told.write_text("")
        run = build(place)
        with clock.timing() as cold:
            found = run()
        wall_s, cpu_s = (sum(each) for each in zip(*map(json.loads, told.read_text().splitlines()), strict=True))
        check(job.size, found)
        del found, run
        stores.append(cold.wall_s - wall_s)
        cpus.append(cold.cpu_s - cpu_s)
        kept = disk_bytes(place.folder)
        shutil.rmtree(place.folder)
        plain.append(plainly(job, clock))
    store_s, plain_s = statistics.median(stores), statistics.median(plain)
    return line(statistics.median(cpus), store_s) | {"plain_s": round(plain_s, 4), "disk_bytes": kept}


def plainly(job: Job, clock: Clock) -> float:
    """Seconds for SHA-256, write and flush of the same bytes beside the peer's."""
    content = memoryview(numbers(job.size)).cast("B")
    with tempfile.TemporaryDirectory(prefix="plain-", dir=job.folder.parent) as folder, clock.timing() as sample:
        hashlib.sha256(content).digest()
        with (Path(folder) / "plain").open("wb", buffering=0) as file:
            left = content
            while left:
                left = left[file.write(left) :]
            os.fsync(file.fileno())
    return sample.wall_s


def check(size_bytes: int, found: Any, total: int | None = None) -> None:
    count = size_bytes // 8
    total = int(found.sum()) if total is None else total
    if (found.shape, str(found.dtype), total) != ((count,), "int64", count * (count - 1) // 2):
        raise ValueError("not the array that was stored")


def line(cpu_s: float, wall_s: float) -> dict[str, object]:
    return {"cpu_us_per_node": round(cpu_s * 1e6, 1), "wall_us_per_node": round(wall_s * 1e6, 1), "samples": 1, "note": ""}


def disk_bytes(folder: Path) -> int:
    """What the files below a folder take, as the file system counts it."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())
