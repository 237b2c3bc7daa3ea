"""What the guard of worker processes reads, beside what is true, and what it costs: real processes on this machine.

Prints one line for each measurement. `tests/integration/test_guard.py` holds the bars.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from weftline.guard import proc
from weftline.guard.cgroup import Cgroup
from weftline.guard.sample import Neighbours, ProcessTree, Root

MB = 10**6
GIB = 2**30


class Reading(NamedTuple):
    """One measurement: what was read, and what is true."""

    read: float
    true: float
    note: str = ""

    @property
    def error(self) -> float:
        """How far the reading is off, as a share of the truth."""
        return self.read / self.true - 1.0


def program(text: str) -> str:
    return textwrap.dedent(text)


class Started:
    """A program that runs, in a session of its own as workers do, and says `ready` when it is."""

    def __init__(self, text: str, *words: object, mark: str = "") -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", program(text), *map(str, words)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, proc.MARK: mark},
        )
        self.pid = self.process.pid
        self.tree = ProcessTree(Root(self.pid, mark))

    def line(self) -> str:
        return self.process.stdout.readline().strip()

    def look(self) -> None:
        """Looks at everything, as the guard does now and then."""
        neighbours = Neighbours()
        neighbours.look(self.tree.since)
        self.tree.look(neighbours)

    def stop(self) -> None:
        self.look()
        for found in self.tree.members:
            with contextlib.suppress(ProcessLookupError):
                os.kill(found.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


@contextlib.contextmanager
def started(text: str, *words: object, mark: str = "") -> Iterator[Started]:
    found = Started(text, *words, mark=mark)
    try:
        yield found
    finally:
        found.stop()


# --- CPU ----------------------------------------------------------------------------------------------------------

SPINS = """
    import subprocess, sys
    child = subprocess.Popen([sys.executable, "-c", "print(flush=True)\\nwhile True: pass"], stdout=subprocess.PIPE)
    child.stdout.readline()
    print(child.pid, flush=True)
    sys.stdin.read()
"""


def ran_s(pid: int) -> float:
    """CPU seconds of a process with one thread, by the scheduler's own count in nanoseconds."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def child_cpu(samples: int = 4, every_s: float = 1.0) -> list[Reading]:
    """A child that computes without end, read once a second."""
    found = []
    with started(SPINS) as one:
        child = int(one.line())
        one.look()
        before, true_before = one.tree.cpu_s, ran_s(child)
        for _ in range(samples):
            time.sleep(every_s)
            one.look()
            read, true = one.tree.cpu_s, ran_s(child)
            found.append(Reading(read - before, true - true_before))
            before, true_before = read, true
    return found


SHORT = """
    import os, resource, sys, time
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(int(sys.argv[1])):
        if os.fork() == 0:
            while time.process_time() < 0.03: pass
            os._exit(0)
        os.wait()
    print(sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]) + time.process_time(), flush=True)
    sys.stdin.read()
"""


def short_children_cpu(children: int = 60) -> Reading:
    """Children that live for 30 ms, looked at four times a second."""
    with started(SHORT, children) as one:
        one.line()
        one.look()
        before = sum(found.cpu_s for found in one.tree.members)
        one.process.stdin.write("go\n")
        one.process.stdin.flush()
        os.set_blocking(one.process.stdout.fileno(), False)
        while not (line := one.process.stdout.readline()):
            time.sleep(0.25)
            one.look()
        one.look()
        return Reading(one.tree.cpu_s + before, float(line), f"{children} children")


# --- memory -------------------------------------------------------------------------------------------------------

SHARES = """
    import os, sys
    for group in sys.argv[2:]:
        open(group + "/cgroup.procs", "w").write(str(os.getpid()))
    block = bytearray(os.urandom(1 << 20)) * int(sys.argv[1])
    children = []
    for _ in range(4):
        if os.fork() == 0:
            sum(block[::4096])
            os.write(1, b"ready\\n")
            sys.stdin.read()
            os._exit(0)
    os.write(1, b"ready\\n")
    sys.stdin.read()
"""


def shared_memory(mebibytes: int = 400) -> tuple[Reading, float] | None:
    """A process and four that it forked, which share a block: beside the system's own count for their group.

    Returns:
        The reading, and the sum of resident sizes; None where this process may not make a control group.
    """
    here = Cgroup.of()
    group = None if here is None else here.make(f"weftline-{os.getpid()}")
    if group is None:
        return None
    try:
        folders = dict.fromkeys(map(str, group.folders.values()))
        with started(SHARES, mebibytes, *folders) as one:
            for _ in range(5):
                one.line()
            one.look()
            sample = one.tree.sample()
            assert sample.processes == 5, sample
            return Reading(sample.memory_bytes, group.figures().held_bytes, sample.source), one.tree.resident_bytes
    finally:
        group.remove()


GROWS = """
    import json, os, sys, time
    from weftline import Pipeline, Resources, node

    @node(resources=Resources(memory_gb=float(os.environ["LIMIT_GIB"])))
    def grow(rate: float, rests_s: float, told: str, forks: bool) -> int:
        if forks:
            shared = bytearray(os.urandom(1 << 20)) * 100
            for _ in range(3):
                if os.fork() == 0:
                    time.sleep(60)
                    os._exit(0)
            if os.fork():
                os.wait()
                return 0
        time.sleep(rests_s)
        chunk, kept, held = 4_000_000, [], 0
        with open(told, "wb", buffering=0) as file:
            began = time.perf_counter()
            while held < 60 * 10**9:
                time.sleep(max(0.0, began + held / rate - time.perf_counter()))
                kept.append(b"x" * chunk)
                held += chunk
                own = next(line for line in open("/proc/self/status") if line.startswith("RssAnon"))
                file.seek(0)
                file.write(b"%d %f\\n" % (int(own.split()[1]) * 1024, held / (time.perf_counter() - began)))
        return held

    if __name__ == "__main__":
        rate, rests_s, told, how = sys.argv[1:]
        params = {"rate": float(rate), "rests_s": float(rests_s), "told": told, "forks": how == "forks"}
        result = Pipeline([grow], name="grows").run(params=params, backend="processes", workers=1, home=None)
        (label, failure), = result.failures
        print(json.dumps([failure.kind, failure.message]))
"""


def overshoot(rate: float, limit_gib: float = 1.0, rests_s: float = 0.5, how: str = "alone") -> Reading:
    """A call that grows past its limit, by the pipeline: the most that it held, and what it may hold.

    Where it `forks`, it is one of four children that grows, and all share 100 MiB with their parent.
    """
    with tempfile.TemporaryDirectory() as folder:
        told, file = Path(folder, "told"), Path(folder, "grows.py")
        file.write_text(program(GROWS))
        words = [sys.executable, str(file), str(rate), str(rests_s), str(told), how]
        environment = {**os.environ, "LIMIT_GIB": str(limit_gib)}
        output = subprocess.run(words, env=environment, capture_output=True, text=True, check=True, timeout=120).stdout
        kind, message = json.loads(output)
        assert kind == "ResourceLimitError", (kind, message)
        held, pace = told.read_text().splitlines()[0].split()
        return Reading(float(held), limit_gib * GIB, f"{how}; it grew by {float(pace) / 1e9:.2f} GB/s; {message}")


# --- cost ---------------------------------------------------------------------------------------------------------

CROWD = """
    import os, sys, time
    block = bytearray(os.urandom(1 << 20)) * 20
    for _ in range(int(sys.argv[1]) - 1):
        if os.fork() == 0:
            sum(block[::4096])
            while os.getppid() != 1: time.sleep(0.2)
            os._exit(0)
    print("ready", flush=True)
    sys.stdin.read()
"""

WATCHES = """
    import sys, threading, time
    from weftline.clock import SystemClock
    from weftline.guard.sample import Root
    from weftline.guard.verdict import GuardPolicy
    from weftline.guard.watch import Guard
    from weftline.model.call import Call
    from weftline.model.node import NO_BODY, NodeSpec
    from weftline.model.resources import Resources

    pid, mark, lasts_s, memory_gb = int(sys.argv[1]), sys.argv[2], float(sys.argv[3]), float(sys.argv[4])
    guard = Guard(GuardPolicy(), SystemClock(), 1e9, end_call=None)
    call = Call((0, -1, 1), NodeSpec("crowd", NO_BODY, (), (), resources=Resources(memory_gb=memory_gb or None)), {}, {})
    before = time.process_time()
    guard.begun(call, Root(pid, mark))
    time.sleep(lasts_s)
    used = time.process_time() - before
    seen = guard.ended(call.handle)
    guard.close()
    print(used, seen.usage.peak_memory_bytes)
"""


def cost(processes: int = 20, lasts_s: float = 10.0, memory_gb: float = 0.0) -> Reading:
    """The guard alone, watching a call of many processes once a second: CPU seconds a second, beside a processor."""
    with started(CROWD, processes, mark="crowd") as one:
        one.line()
        one.look()
        words = [sys.executable, "-c", program(WATCHES), str(one.pid), "crowd", str(lasts_s), str(memory_gb)]
        used, peak = subprocess.run(words, capture_output=True, text=True, check=True, timeout=120).stdout.split()
        neighbours = sum(found.name.isdigit() for found in Path("/proc").iterdir())
        limit = f", limit {memory_gb:g} GiB" if memory_gb else ""
        note = f"{processes} processes of {neighbours}{limit}; {int(peak) / MB:.0f} MB seen"
        return Reading(float(used) / lasts_s, 1.0, note)


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    for number, found in enumerate(child_cpu(), 1):
        print(f"child CPU, second {number}:  read {found.read:.3f} s, true {found.true:.3f} s, {found.error:+.1%}")
    found = short_children_cpu()
    print(f"short children:  read {found.read:.3f} s, true {found.true:.3f} s, {found.error:+.1%}  ({found.note})")
    if (both := shared_memory()) is None:
        print("shared memory:  not measured, since this process may not make a control group")
    else:
        found, resident = both
        print(
            f"shared memory:  read {found.read / MB:.1f} MB ({found.note}), group {found.true / MB:.1f} MB, {found.error:+.1%}"
        )
        print(f"                resident sizes add up to {resident / MB:.0f} MB")
    cases = ((1e9, 1.0, 0.5), (1e9, 1.0, 3.0), (1e9, 0.5, 1.7), (0.2e9, 1.0, 0.0), (1e9, 4.0, 0.5))
    for rate, limit_gib, rests_s, how in (
        *((*case, "alone") for case in cases),
        (1e9, 1.0, 0.5, "forks"),
        (1e9, 0.5, 3.0, "forks"),
    ):
        found = overshoot(rate, limit_gib, rests_s, how)
        print(f"overshoot at {rate / 1e9:g} GB/s, {limit_gib:g} GiB, after {rests_s:g} s:  {found.error:+.1%}  ({found.note})")
    for processes, memory_gb in ((1, 0.0), (20, 0.0), (20, 4.0), (20, 0.07)):
        found = cost(processes, memory_gb=memory_gb)
        print(f"cost:  {found.read:.3%} of a processor  ({found.note})")


if __name__ == "__main__":
    main()
