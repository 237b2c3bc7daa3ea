"""The guard of worker processes, with real ones: what it reads is true, what it does reaches the whole tree, it is cheap."""

import os
import subprocess
import sys
import time

import pytest
from benchmarks import guard as bench

from weftline.backends import keeper
from weftline.guard import enforce, proc
from weftline.guard.gauge import MemoryGauge
from weftline.guard.sample import Neighbours, ProcessTree, Root
from weftline.guard.verdict import GuardPolicy

pytestmark = pytest.mark.skipif(not proc.is_available(), reason="the guard reads /proc, which only Linux has")

# --- reading ------------------------------------------------------------------------------------------------------


def test_a_childs_cpu_is_read():
    for found in bench.child_cpu(samples=2):
        assert abs(found.error) <= 0.2, found


def test_the_cpu_of_children_that_came_and_went_is_read():
    found = bench.short_children_cpu(children=30)
    assert abs(found.error) <= 0.2, found


def test_shared_memory_counts_once():
    both = bench.shared_memory()
    if both is None:
        pytest.skip("this process may not make a control group to compare with")
    found, resident = both
    assert found.note == "pss"
    assert abs(found.error) <= 0.05, found
    assert resident > 4 * found.true, "these processes share nothing, so that nothing was shown"


def test_watching_costs_less_than_a_hundredth_of_a_processor():
    found = bench.cost(processes=20, lasts_s=6.0)
    assert found.read < 0.01, found


ORPHANED = """
    import os, subprocess, sys, time
    middle = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE, text=True, start_new_session=True)
    print(middle.stdout.readline().strip(), flush=True)
    sys.stdin.readline()
    middle.wait()
    print("gone", flush=True)
    sys.stdin.read()
"""
#: It starts a process, and ends at once or as soon as somebody has seen it.
MIDDLE = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep({lasts_s})
"""


def pids(tree):
    return {found.pid for found in tree.members}


def test_an_orphan_that_was_seen_stays():
    """Without a mark: known by its id and start from when its parent lived."""
    with bench.started(ORPHANED, MIDDLE.format(lasts_s=1.5)) as one:
        orphan = int(one.line())
        one.look()
        assert orphan in pids(one.tree)
        one.process.stdin.write("\n")
        one.process.stdin.flush()
        assert one.line() == "gone"
        one.look()
        assert proc.stat(orphan).parent != one.pid
        assert pids(one.tree) == {one.pid, orphan}


def test_an_orphan_that_was_never_seen_with_a_parent_is_found_by_its_mark():
    with bench.started(ORPHANED, MIDDLE.format(lasts_s=0), mark="m1") as one:
        orphan = int(one.line())
        one.process.stdin.write("\n")
        one.process.stdin.flush()
        assert one.line() == "gone"
        one.look()
        assert pids(one.tree) == {one.pid, orphan}


KEEPS = """
    import os, subprocess, sys
    if (worker := os.fork()) == 0:
        sys.stdin.read()
        os._exit(0)
    orphan = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], env={}, start_new_session=True)
    print(worker, orphan.pid, flush=True)
    sys.stdin.read()
"""


def test_what_has_fallen_to_the_keeper_belongs_and_the_keeper_does_not():
    """Nothing else tells of a process without the mark, in a session of its own, whose parent is the keeper."""
    with bench.started(KEEPS, mark="m1") as keeper:
        worker, orphan = map(int, keeper.line().split())
        tree = ProcessTree(Root(worker, "m1", keeper.pid))
        tree.since = 0  # so that the keeper's mark is read, as when it has started in the same tick
        neighbours = Neighbours()
        neighbours.look(tree.since)
        tree.look(neighbours)
        assert pids(tree) == {worker, orphan}


def test_the_guard_and_the_keeper_mean_the_same_mark():
    assert proc.MARK == keeper.MARK


def test_what_others_have_started_does_not_belong():
    with bench.started(bench.SPINS, mark="m1") as one, bench.started(bench.SPINS, mark="m2") as other:
        mine, theirs = int(one.line()), int(other.line())
        one.look()
        other.look()
        assert (pids(one.tree), pids(other.tree)) == ({one.pid, mine}, {other.pid, theirs})


def test_an_id_that_is_used_again_is_another_process():
    found = proc.stat(os.getpid())
    tree = ProcessTree(Root(os.getpid()))
    tree._members = {(found.pid, found.started - 1): found}
    tree.look()
    assert tree.members == []


def test_cpu_never_falls_whatever_becomes_of_processes():
    """A tree whose members end without being waited for: what they had used stays counted."""
    program = """
        import os, signal, sys
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # their CPU time is nobody's
        for _ in range(3):
            if os.fork() == 0:
                import time
                while time.process_time() < 0.3: pass
                os.write(1, b"used\\n")
                time.sleep(1.0)
                os._exit(0)
        sys.stdin.read()
    """
    with bench.started(program) as one:
        before = one.tree.cpu_s
        for _ in range(3):
            assert one.line() == "used"
        one.look()
        seen = one.tree.cpu_s - before
        assert seen >= 0.85
        deadline = time.monotonic() + 20
        while len(one.tree.members) > 1 and time.monotonic() < deadline:
            time.sleep(0.1)
            one.look()
            assert one.tree.cpu_s - before >= seen
        assert len(one.tree.members) == 1


FORKS = """
    import os, sys
    block = bytearray(os.urandom(1 << 20)) * 100
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(4):
        if os.fork() == 0:
            sum(block[::4096])
            os.write(1, b"ready\\n")
            sys.stdin.read()
            os._exit(0)
    sys.stdin.read()
"""


def test_nothing_is_decided_by_a_sum_of_sizes():
    """Between exact readings there is an estimate; one that grew much is not believed before memory is read again."""
    with bench.started(FORKS) as one:
        one.line()
        one.look()
        gauge = MemoryGauge(GuardPolicy(), limit=250e6)
        first = gauge.read(one.tree, now=0.0)
        assert (first.source, first.is_sure) == ("private", True)
        again = gauge.read(one.tree, now=1e-6)
        assert (again.source, again.is_sure) == ("estimate", True)
        one.process.stdin.write("\n")
        one.process.stdin.flush()
        for _ in range(4):
            assert one.line() == "ready"
        one.look()
        grown = gauge.read(one.tree, now=1e-6)
        assert (grown.source, grown.is_sure) == ("estimate", False)
        assert grown.held_bytes > 400e6
        exact = gauge.read(one.tree, now=0.5)
        assert (exact.source, exact.is_sure) == ("pss", True)
        assert exact.held_bytes < 1.2 * first.held_bytes
        assert gauge.peak_bytes == exact.held_bytes


# --- acting -------------------------------------------------------------------------------------------------------

HEAD = """
    import json, os, signal, subprocess, sys, time
    from pathlib import Path
    from weftline import Pipeline, Policy, Resources, node

    MARKS = os.environ["MARKS"]

    def leave(name, content):
        Path(MARKS, f".{name}").write_text(content)
        Path(MARKS, f".{name}").rename(Path(MARKS, name))

    def grow_for_ever():
        kept = []
        while True:
            kept.append(b"x" * 4_000_000)
            time.sleep(0.004)

    def tell(result, *more):
        failures = [[label, found.kind, found.message, found.transient] for label, found in result.failures]
        steps = {name: [step.status, step.attempts] for name, step in result.steps.items()}
        logs = "".join(path.read_text() for path in Path(os.environ["WEFTLINE_HOME"], "logs").rglob("*.log"))
        print(json.dumps({"status": result.status, "steps": steps, "failures": failures, "logs": logs, "more": more}))
"""


def status_of(made):
    command = [sys.executable, "-m", "weftline", "status", "--home", str(made.home)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


OVER = (
    HEAD
    + """
    @node
    def items() -> list[int]:
        return list(range(4))

    @node(requires={"x": "items"}, over="items", on_item_error="skip", resources=Resources(memory_gb=0.25),
          policy=Policy(max_attempts=3, backoff="none"))
    def some(x: int) -> int:
        if x == 1:
            stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(90)"
            child = subprocess.Popen([sys.executable, "-c", stubborn], stdout=subprocess.PIPE, start_new_session=True)
            child.stdout.readline()
            leave("grandchild", str(child.pid))
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # so that asking does not help
            print("begins to grow", flush=True)
            grow_for_ever()
        return x

    if __name__ == "__main__":
        result = Pipeline([items, some], name="over").run(backend="processes", workers=2)
        tell(result, result["some"])
"""
)


def test_a_call_over_its_memory_is_killed_with_all_that_it_started_and_the_rest_goes_on(program, ends):
    made = program(OVER)
    told = made.run()
    (label, kind, message, transient), *others = told["failures"]
    assert (told["status"], told["more"], others) == ("partial", [[0, 2, 3]], [])
    assert (label, kind, transient) == ("some[1]", "ResourceLimitError", False)
    assert "node 'some' asked for 256 MiB of memory, used " in message
    assert told["steps"]["some"] == ["succeeded", 1], "with the same memory another attempt ends the same way"
    assert ends(int(made.mark("grandchild"))), "a child in a session of its own that ignores SIGTERM"
    log = told["logs"]
    assert "begins to grow" in log
    for share in ("7", "8", "10"):
        assert sum(f" {share}" in line and "% of the 256 MiB" in line for line in log.splitlines()) >= 1, log
    assert log.count("of the 256 MiB that were asked for") == 3, "each level is told once"
    shown = status_of(made)
    assert "[R517] node 'some' asked for 256 MiB of memory, used " in shown
    assert "note: some: asked for 256 MiB of memory, used " in shown, "what the failed call held is in the journal"


STEPS = (
    HEAD
    + """
    @node(resources=Resources(memory_gb=0.25, memory_step_gb=0.25), policy=Policy(max_attempts=3, backoff="none"))
    def takes() -> int:
        kept = b"x" * 400_000_000
        time.sleep(2.0)
        return len(kept)

    if __name__ == "__main__":
        result = Pipeline([takes], name="steps").run(backend="processes", workers=1)
        tell(result, result.steps["takes"].attempts)
"""
)


def test_a_call_that_was_killed_for_memory_is_tried_again_where_memory_grows(program):
    made = program(STEPS)
    told = made.run()
    assert (told["status"], told["more"]) == ("completed", [2]), told


DAEMON = (
    HEAD
    + """
    @node(resources=Resources(memory_gb=0.25))
    def leaves() -> int:
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                grows = "import os, time; print(os.getpid(), flush=True); kept = b'x' * 400_000_000; time.sleep(60)"
                out = os.open(os.environ["MARKS"] + "/daemon", os.O_WRONLY | os.O_CREAT)
                os.dup2(out, 1)
                os.execve(sys.executable, [sys.executable, "-c", grows], {})
            os._exit(0)
        os.wait()
        time.sleep(20)
        return 0

    if __name__ == "__main__":
        tell(Pipeline([leaves], name="daemon").run(backend="processes", workers=1))
"""
)


def test_a_daemon_without_its_environment_counts_and_is_ended(program, ends):
    made = program(DAEMON)
    told = made.run()
    (failure,) = told["failures"]
    assert failure[1] == "ResourceLimitError", told
    assert ends(int(made.mark("daemon")))


SHARED = (
    HEAD
    + """
    @node(resources=Resources(memory_gb=0.75))
    def shares() -> int:
        block = bytearray(os.urandom(1 << 20)) * 300
        children = []
        for _ in range(4):
            pid = os.fork()
            if pid == 0:
                sum(block[::4096])
                time.sleep(2.5)
                os._exit(0)
            children.append(pid)
        resident = 0
        time.sleep(1.0)
        for pid in [os.getpid(), *children]:
            resident += next(int(line.split()[1]) for line in open(f"/proc/{pid}/status") if line.startswith("VmRSS"))
        for pid in children:
            os.waitpid(pid, 0)
        return resident

    if __name__ == "__main__":
        result = Pipeline([shares], name="shared").run(backend="processes", workers=1)
        tell(result, result["shares"] if "shares" in result else 0, result.steps["shares"].usage.peak_memory_bytes)
"""
)


def test_processes_that_share_memory_are_not_killed_for_the_sum(program):
    told = program(SHARED).run()
    assert told["status"] == "completed", told
    resident_kb, peak = told["more"]
    assert resident_kb * 1024 > 1.2 * 2**30, "their sizes do not even add up to more than the limit"
    assert 300 * 2**20 < peak < 450 * 2**20


LADEN = (
    HEAD
    + """
    KEPT = []

    @node
    def first() -> int:
        KEPT.append(b"x" * 400_000_000)
        return os.getpid()

    @node(requires={"first": "first"}, resources=Resources(memory_gb=0.25))
    def second(first: int) -> bool:
        time.sleep(0.5)
        return os.getpid() != first

    @node(requires={"second": "second"}, resources=Resources(memory_gb=0.25))
    def third(second: bool) -> int:
        return os.getpid()

    @node(requires={"third": "third"}, resources=Resources(memory_gb=0.25))
    def fourth(third: int) -> bool:
        return os.getpid() == third

    if __name__ == "__main__":
        result = Pipeline([first, second, third, fourth], name="laden").run(backend="processes", workers=1)
        tell(result, result["second"], result["fourth"])
"""
)


def test_a_call_does_not_pay_for_what_an_earlier_one_left_in_its_worker(program):
    told = program(LADEN).run()
    assert (told["status"], told["more"]) == ("completed", [True, True]), told


USAGE = (
    HEAD
    + """
    @node
    def items() -> list[int]:
        return [0, 30_000_000]

    @node(requires={"x": "items"}, over="items", resources=Resources(memory_gb=2))
    def peak(x: int) -> int:
        return len(b"x" * x)  # gone before anybody has looked

    @node(requires={"peak": "peak"})
    def spins(peak: list[int]) -> float:
        child = subprocess.Popen([sys.executable, "-c", "import time\\nwhile time.process_time() < 1: pass"])
        used = os.wait4(child.pid, 0)[2]
        return float(used.ru_utime + used.ru_stime)

    if __name__ == "__main__":
        result = Pipeline([items, peak, spins], name="usage").run(backend="processes", workers=1)
        usage = {name: step.usage.as_dict() for name, step in result.steps.items() if name != "items"}
        tell(result, usage, result["spins"], result.suggestions())
"""
)


def test_peaks_between_samples_and_the_cpu_of_children_are_known_afterwards(program):
    made = program(USAGE)
    told = made.run()
    usage, used_s, suggestions = told["more"]
    assert 40e6 < usage["peak"]["peak_memory_bytes"] < 90e6, "the worker by itself has less than 20 MB"
    assert usage["spins"]["cpu_s"] == pytest.approx(used_s, rel=0.2)
    assert suggestions[0].startswith("peak: asked for 2 GiB of memory, used ")
    assert f"note: {suggestions[0]}" in status_of(made), "the journal knows as much"


def test_without_a_guard_nothing_is_looked_at(program):
    told = program(USAGE.replace("step.usage.as_dict()", "step.usage")).run(WEFTLINE_GUARD="0")
    assert (told["status"], told["more"][0], told["more"][2]) == ("completed", {"peak": None, "spins": None}, [])


@pytest.mark.parametrize("how", ["alone", "forks"])
def test_a_call_that_grows_fast_is_stopped_in_time(how):
    found = bench.overshoot(1e9, limit_gib=1.0, rests_s=0.7, how=how)
    assert found.error <= 0.2, found


def test_priority_is_lowered_and_given_back():
    with bench.started(bench.SPINS) as one:
        child = int(one.line())
        one.look()
        throttle = enforce.Throttle()
        before = os.getpriority(os.PRIO_PROCESS, child)
        throttle.lower(one.tree)
        throttle.lower(one.tree)
        assert os.getpriority(os.PRIO_PROCESS, child) == before + 10
        if not throttle.is_allowed():
            pytest.skip("this user may not raise a priority again, and so does not lower any")
        throttle.restore(one.tree)
        assert os.getpriority(os.PRIO_PROCESS, child) == before
