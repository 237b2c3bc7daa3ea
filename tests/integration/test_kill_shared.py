"""Processes on a shared cache that are killed at any moment, or that work while others tidy up: nothing acknowledged is lost.

`WEFTLINE_KILLS=200` kills more.
"""

import contextlib
import hashlib
import os
import random
import signal
import time

import pytest

from weftline.app import care
from weftline.app.home import Home
from weftline.app.stores import open_store
from weftline.clock import SystemClock
from weftline.settings import Settings
from weftline.testing.caches import entry

KILLS = int(os.environ.get("WEFTLINE_KILLS", "16"))
LARGE_BYTES = 50_000_000

WRITER = """
    import os, sys
    from pathlib import Path
    from weftline.app.stores import open_store
    from weftline.clock import SystemClock
    from weftline.testing.caches import entry

    LARGE_BYTES = 50_000_000

    def main():
        store = open_store(os.environ["WEFTLINE_CACHE"], Path("none"), SystemClock())
        acknowledged = os.open(Path(os.environ["MARKS"]) / "acknowledged", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        number = int(sys.argv[1])
        while True:
            block = f"{number:08}".encode()
            store.cache.store([entry(f"large {number}", block * (LARGE_BYTES // 8), b"small")])
            os.write(acknowledged, f"{number}\\n".encode())
            number = (number + 1) % 4

    if __name__ == "__main__":
        main()
"""


def made(number):
    return entry(f"large {number}", f"{number:08}".encode() * (LARGE_BYTES // 8), b"small")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("url", ["shared:{}/team", "sqlite:{}/team/one.db"], ids=["shared", "sqlite"])
def test_a_large_value_is_there_or_not_whenever_its_writer_is_killed(program, tmp_path, url):
    url, rng = url.format(tmp_path), random.Random(7)
    writer = program(WRITER)
    for kill in range(KILLS):
        process = writer.start(str(kill % 4), WEFTLINE_CACHE=url)
        time.sleep(rng.uniform(0.2, 1.2))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    acknowledged = {int(line) for line in (writer.marks / "acknowledged").read_text().split()}
    assert acknowledged, "it was killed too soon to say anything"
    with contextlib.closing(open_store(url, tmp_path / "none", SystemClock())) as store:
        for number in range(4):
            right = made(number)
            found = store.cache.find([right.key]).get(right.key)
            assert found is not None or number not in acknowledged, f"{number} was acknowledged, and is lost"
            if found is not None:
                for one, other in zip(found.outputs, right.outputs, strict=True):
                    content = store.cache.load(one, found.key)
                    assert hashlib.sha256(content).digest() == other.object
        assert store.cache.damage() == []


FLOW = """
    import json, os, sys, time
    from pathlib import Path
    from weftline import Pipeline, node
    from weftline.errors import NoValueError

    MARKS = Path(os.environ["MARKS"])

    @node
    def numbers(count: int = 120) -> list[int]:
        return list(range(count))

    @node(requires={"x": "numbers"}, over="numbers")
    def texts(x: int) -> str:
        time.sleep(0.02)
        return f"{x * x} " * (9000 if x % 3 == 0 else 1)

    @node(requires={"text": "texts"}, over="texts")
    def sizes(text: str, who: str = "") -> int:
        time.sleep(0.01)
        return len(text)

    pipeline = Pipeline([numbers, texts, sizes], name="fan")

    def main():
        result = pipeline.run(backend="threads", workers=2, params={"who": sys.argv[1]})
        texts = [f"{x * x} " * (9000 if x % 3 == 0 else 1) for x in range(120)]
        try:
            right = result["texts"] == texts and result["sizes"] == list(map(len, texts))
        except NoValueError as error:
            right = str(error)
        print(json.dumps({"status": result.status, "right": right, "notes": result.notes}))

    if __name__ == "__main__":
        main()
"""
URLS = pytest.mark.parametrize("url", ["", "shared:{}/team", "sqlite:{}/one.db"], ids=["home", "shared", "sqlite"])


def start(flow, tmp_path, url, who):
    home = tmp_path / f"home-{who}" if url else flow.home
    return flow.start(who, WEFTLINE_CACHE=url, WEFTLINE_HOME=str(home))


def collected_while(processes, home, **limits):
    """Makes room again and again as long as processes run; how often."""
    times = 0
    while any(process.poll() is None for process in processes):
        opened = Home(*home)
        try:
            care.collect(opened, **limits)
        finally:
            opened.close()
        times += 1
        time.sleep(0.02)
    return times


def make_old(tmp_path):
    """Makes all contents so old that a sweep may take them."""
    import sqlite3

    for file in tmp_path.rglob("objects/??/*"):
        os.utime(file, (1, 1))
    if (tmp_path / "one.db").exists():
        with contextlib.closing(sqlite3.connect(tmp_path / "one.db", isolation_level=None)) as database:
            database.execute("UPDATE objects SET written_at = 1")


@pytest.mark.timeout(300)
@URLS
def test_what_two_pipelines_make_from_old_contents_while_others_tidy_up_is_there(program, tmp_path, url):
    """Contents that nothing names any more may go at any moment, and these pipelines name them again. Some are killed, too."""
    flow, url = program(FLOW), url.format(tmp_path)
    cleaner = (tmp_path / "home-cleaner" if url else flow.home, Settings(cache=url))
    assert flow.told(start(flow, tmp_path, url, "one"))["right"]
    opened = Home(*cleaner)
    opened.cache.remove([held.entry.key for held in opened.cache.held()])
    opened.close()
    make_old(tmp_path)
    running = [start(flow, tmp_path, url, who) for who in ("one", "other", "killed")]
    time.sleep(1.2)
    os.killpg(running[2].pid, signal.SIGKILL)
    running[2].wait()
    assert collected_while(running, cleaner, keep_runs=1) > 0
    for process in running[:2]:
        assert flow.told(process) == {"status": "completed", "right": True, "notes": []}
    opened = Home(*cleaner)
    entries = [held.entry.made_by for held in opened.cache.held()]
    assert sum(made_by.endswith("/texts") for made_by in entries) == 120
    assert sum(made_by.endswith("/sizes") for made_by in entries) >= 240
    assert opened.cache.damage() == []
    opened.close()


@pytest.mark.timeout(300)
@URLS
def test_two_pipelines_whose_results_are_removed_under_their_hands_have_right_values(program, tmp_path, url):
    """Without mercy: everything goes, as often as it can, whoever has just made it."""
    flow, url = program(FLOW), url.format(tmp_path)
    cleaner = (tmp_path / "home-cleaner" if url else flow.home, Settings(cache=url))
    running = [start(flow, tmp_path, url, who) for who in ("one", "other")]
    until = time.monotonic() + 4
    times = 0
    while time.monotonic() < until and any(process.poll() is None for process in running):
        opened = Home(*cleaner)
        if opened.has_results:
            care.collect(opened, unused_s=-3600.0, keep_runs=0)
            times += 1
        opened.close()
        time.sleep(0.3)
    assert times > 0
    for process in running:
        told = flow.told(process, limit_s=120)
        assert told["status"] == "completed"
        assert told["right"] is True or "R511" in told["right"], "what is removed after the run is told, and nothing is wrong"
