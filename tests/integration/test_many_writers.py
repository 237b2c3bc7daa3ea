"""Eight processes on one cache, any of which may be killed at any moment: each key is computed once by those who survive.

`WEFTLINE_KILLS=200` kills more.
"""

import os
import random
import signal
import time
from collections import defaultdict

import pytest

from weftline.app.stores import open_store
from weftline.clock import SystemClock

PROCESSES = 8
KEYS = 2000
KILLS = int(os.environ.get("WEFTLINE_KILLS", "16"))

FLOW = """
    import json, os, sys, time
    from pathlib import Path
    from weftline import Pipeline, node

    MARKS = Path(os.environ["MARKS"])

    def computed(x):
        file = os.open(MARKS / "computed", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(file, f"{os.getpid()} {x}\\n".encode())
        os.close(file)

    @node
    def numbers(count: int = 2000) -> list[int]:
        return list(range(count))

    @node(requires={"x": "numbers"}, over="numbers")
    def texts(x: int) -> str:
        computed(x)
        time.sleep(0.02)
        return f"{x * x} " * (9000 if x % 40 == 0 else 1)

    pipeline = Pipeline([numbers, texts], name="fan")

    def main():
        result = pipeline.run(backend="threads", workers=int(os.environ.get("WORKERS", "2")))
        right = result["texts"] == [f"{x * x} " * (9000 if x % 40 == 0 else 1) for x in range(2000)]
        print(json.dumps({"status": result.status, "right": right, "notes": result.notes}))

    if __name__ == "__main__":
        main()
"""


@pytest.mark.timeout(600)
@pytest.mark.parametrize("cache", ["", "sqlite:{}/one.db", "shared:{}/team"], ids=["home", "sqlite", "shared"])
def test_each_key_is_computed_once_by_those_who_survive(program, tmp_path, cache):
    made = program(FLOW)
    url = cache.format(tmp_path)
    rng = random.Random(5)

    def start(number):
        home = made.home if not url else tmp_path / f"home-{number}"
        return made.start(WEFTLINE_CACHE=url, WEFTLINE_HOME=str(home))

    running = {number: start(number) for number in range(PROCESSES)}
    killed = set()
    until = time.monotonic() + 300
    while len(killed) < KILLS and time.monotonic() < until:
        time.sleep(rng.uniform(0.05, 0.25))
        number = rng.randrange(PROCESSES)
        process = running[number]
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            killed.add(process.pid)
        elif all(one.poll() is not None for one in running.values()):
            break
        running[number] = start(number)
    for process in running.values():
        assert made.told(process, limit_s=240) == {"status": "completed", "right": True, "notes": []}
    assert len(killed) >= min(KILLS, 8), "it was over too soon to say anything"

    by_key = defaultdict(list)
    for line in (made.marks / "computed").read_text().splitlines():
        pid, x = map(int, line.split())
        by_key[x].append(pid)
    assert set(by_key) == set(range(KEYS))
    twice = {x: pids for x, pids in by_key.items() if sum(pid not in killed for pid in pids) > 1}
    assert not twice, f"computed by several that were not killed: {twice}"
    again = sum(len(pids) - 1 for pids in by_key.values())
    assert again <= 64 * len(killed), f"{again} calls were made again after {len(killed)} kills"

    store = open_store(url, made.home / "cache", SystemClock())
    try:
        held = [found.entry for found in store.cache.held()]
        assert sum(1 for entry in held if entry.made_by.endswith("/texts")) == KEYS
        assert store.cache.damage() == []
    finally:
        store.close()
    if url.startswith("shared:"):
        left = [file.name for file in (tmp_path / "team" / "leases").rglob("*") if file.is_file()]
        asides = [name for name in left if name.startswith(".") and int(name.split(".")[-2]) in killed]  # cut off in the middle
        assert left == asides


def test_a_plan_after_it_has_nothing_to_do(program, tmp_path):
    made = program(FLOW)
    url = f"shared:{tmp_path}/team"
    assert made.run(WORKERS="16", WEFTLINE_CACHE=url, WEFTLINE_HOME=str(tmp_path / "one"))["right"]
    again = made.run(WORKERS="16", WEFTLINE_CACHE=url, WEFTLINE_HOME=str(tmp_path / "two"))
    assert again == {"status": "completed", "right": True, "notes": []}
    assert len((made.marks / "computed").read_text().splitlines()) == KEYS
