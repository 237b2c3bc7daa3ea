"""Two daemons, schedules of every second, and SIGKILL at random: no moment fires twice, and none is missed without reason.

A failing case is named by its seed. `WEFTLINE_KILLS=50` tries more of them.
"""

import contextlib
import itertools
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest

from weftline.app.home import Home
from weftline.model.event import Kind
from weftline.model.schedule import FireState
from weftline.settings import Settings

pytestmark = pytest.mark.xdist_group("postgres")

SEEDS = range(max(1, int(os.environ.get("WEFTLINE_KILLS", "3")) // 3))
GRACE_S = 2
FLOW = """
import os, time
from weftline import Pipeline, node

@node(cache=False)
def work() -> int:
    time.sleep(float(os.environ["TAKES_S"]))
    return os.getpid()

pipeline = Pipeline([work], name="ticks")
"""
HEAD = "apiVersion: weftline.dev/v1\nkind: Schedule\nmetadata: {name: %s}\nspec: {target: ../flow.py, every: 1s, %s}\n"
SCHEDULES = "---\n".join(
    [
        HEAD % ("every", "catch_up: all, catch_up_limit: 1000, max_instances: 1000"),
        HEAD % ("graceful", f"misfire_grace_seconds: {GRACE_S}, max_instances: 1000"),
        HEAD % ("alone", "catch_up: latest"),
    ]
)
LASTS_S, PATIENCE_S = 10.0, 90.0


class Place:
    """A folder with schedules, and the daemons that mind them."""

    def __init__(self, folder, ledger):
        self.folder = folder
        (folder / "flow.py").write_text(FLOW)
        (folder / "schedules").mkdir()
        (folder / "schedules" / "all.yaml").write_text(SCHEDULES)
        self.ledger = ledger
        self.home = Home(folder / ".weftline", Settings(ledger=ledger))
        self.daemons = []
        self.count = 0

    def serve(self):
        self.count += 1
        with (self.folder / f"daemon{self.count}.log").open("wb") as log:
            environment = {"WEFTLINE_LEDGER": self.ledger, "TAKES_S": "0.25", "WEFTLINE_GUARD": "0"}
            command = [sys.executable, "-m", "weftline", "serve"]
            daemon = subprocess.Popen(
                command, cwd=self.folder, stderr=log, stdout=log, env=os.environ | environment, start_new_session=True
            )
        self.daemons.append(daemon)
        return daemon

    def kill(self, daemon, number=signal.SIGKILL):
        self.daemons.remove(daemon)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(daemon.pid, number)
        daemon.wait()

    def kill_a_run(self, rng):
        """One of the processes that run something; they are no children of ours."""
        live = [fire.run for fire in self.kept.fires(is_live=True)]
        holders = [found for run in live if (found := self.home.ledger.holder(run))]
        own = {daemon.pid for daemon in self.daemons}
        pids = [pid for holder in holders if (pid := int(holder.split(":")[-2])) not in own]
        if pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(rng.choice(pids), signal.SIGKILL)

    @property
    def kept(self):
        return self.home.journals.schedules

    def until(self, happens, what):
        until = time.monotonic() + PATIENCE_S
        while not happens():
            logs = [each.read_text()[-2000:] for each in sorted(self.folder.glob("daemon*.log"))[-2:]]
            assert time.monotonic() < until, f"never: {what}; {list(self.kept.fires(is_live=True))[:5]}; {logs}"
            time.sleep(0.1)

    def close(self):
        for daemon in list(self.daemons):
            self.kill(daemon)
        live = [fire.run for fire in self.kept.fires(is_live=True)]
        for run in live:
            found = self.home.ledger.holder(run)
            if found:
                with contextlib.suppress(ProcessLookupError, ValueError):
                    os.kill(int(found.split(":")[-2]), signal.SIGKILL)
        self.home.close()


@pytest.fixture
def place(ledger_url, tmp_path):
    made = Place(tmp_path, ledger_url)
    yield made
    made.close()


@pytest.mark.parametrize("seed", SEEDS)
def test_no_moment_fires_twice_and_none_is_lost(place, seed):
    rng = random.Random(seed)
    for _ in range(2):
        place.serve()
    place.until(place.kept.fires, "something fires")
    until = time.monotonic() + LASTS_S
    kills = 0
    while time.monotonic() < until:
        time.sleep(rng.uniform(0.0, 1.2))
        if rng.random() < 0.5:
            place.kill_a_run(rng)
        else:
            place.kill(rng.choice(place.daemons))
            kills += 1
            place.serve()
    for schedule in ("every", "graceful", "alone"):
        place.home.journals.schedules.pause(schedule, True, at=time.time(), by="test")
    place.until(lambda: not place.kept.fires(is_live=True), "everything has ended")
    check(place, f"{kills} kills of daemons")


def check(place, hint):
    of = {}
    for name in ("every", "graceful", "alone"):
        found = sorted(place.kept.fires(name))
        of[name] = [fire for fire in found if fire.why != "paused"]
        covered = [second for fire in found for second in range(int(fire.since or fire.due_at - 1) + 1, int(fire.due_at) + 1)]
        assert covered == list(range(covered[0], covered[-1] + 1)), f"{name}: a moment is decided twice or never, {hint}"
        assert covered[-1] - covered[0] >= LASTS_S - 3, hint
    assert {fire.state for fire in of["every"]} == {FireState.COMPLETED}, f"all are caught up; {hint}"
    for fire in of["graceful"]:
        late_s = fire.decided_at - fire.due_at
        assert fire.state is (FireState.MISSED if late_s > GRACE_S else FireState.COMPLETED), f"{fire}, {hint}"
    assert {fire.state for fire in of["alone"]} <= {FireState.COMPLETED, FireState.SKIPPED}, hint
    check_runs(place, [fire for fire in place.kept.fires() if fire.run], hint)


def check_runs(place, fires, hint):
    """For each moment that fired one run, begun once and ended once as completed; and no other."""
    assert len({fire.run for fire in fires}) == len(fires), hint
    moments = Counter()
    for line in place.home.ledger.runs(10_000):
        events = list(place.home.ledger.events(line.run))
        assert [event.kind for event in events].count(Kind.RUN_STARTED) == 1, hint
        assert events[-1].kind is Kind.RUN_FINISHED, hint
        assert events[-1].body["status"] == "completed", hint
        opening = events[0].body
        moments[opening["schedule"], opening["due_at"], line.run] += 1
    assert moments == Counter((fire.schedule, fire.due_at, fire.run) for fire in fires), hint


GUARDED = "---\n".join(HEAD % (name, "catch_up: all, guard: {key: k, on_busy: skip}") for name in ("one", "two"))


def test_runs_behind_one_guard_do_not_meet(place):
    """Whichever schedule and whichever daemon starts them; what is turned away is skipped, and says for whom."""
    (place.folder / "schedules" / "all.yaml").write_text(GUARDED)
    place.serve()
    place.serve()
    place.until(lambda: len(place.kept.fires()) >= 8, "some fires")
    for schedule in ("one", "two"):
        place.kept.pause(schedule, True, at=time.time(), by="test")
    place.until(lambda: not place.kept.fires(is_live=True), "everything has ended")
    spans = []
    for line in place.home.ledger.runs(10_000):
        events = list(place.home.ledger.events(line.run))
        if line.status == "completed":
            calls = [event.at for event in events if event.node]
            spans.append((min(calls), max(calls)))
    spans.sort()
    assert len(spans) >= 3
    assert all(end <= begin for (_, end), (begin, _) in itertools.pairwise(spans))
    skipped = [fire for fire in place.kept.fires() if fire.state is FireState.SKIPPED and fire.why != "paused"]
    assert skipped
    assert all("has the guard 'k'" in fire.why for fire in skipped)
