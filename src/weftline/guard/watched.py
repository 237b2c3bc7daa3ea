"""One call that runs: what it takes, how near its limits that is, and what becomes of its report."""

from __future__ import annotations

import threading
from math import inf
from typing import NamedTuple, Protocol

from weftline.clock import Clock, as_utc
from weftline.errors import ResourceLimitError
from weftline.guard import enforce, proc
from weftline.guard.gauge import MemoryGauge, Reading
from weftline.guard.sample import Neighbours, ProcessTree, Root
from weftline.guard.smooth import CpuRate, Growth, pause_s
from weftline.guard.verdict import Ending, GuardPolicy, Level, Machine, allowed_gb, may_grow
from weftline.model.call import Call, Failure, Handle, Report, Usage
from weftline.model.quantity import shown_memory

#: The age at which a call is looked at for the first time.
YOUNG_S = 0.05


class EndCall(Protocol):
    """Has a call end: asks its processes to, or ends them all. It returns at once, and may be called from any thread."""

    def __call__(self, handle: Handle, failure: Failure, *, kill: bool) -> None:
        """A call that has ended meanwhile is left as it is; any other fails for that reason."""


class Means(NamedTuple):
    """What watching takes.

    Attributes:
        policy: limits and intervals.
        clock: for when.
        machine_gb: the memory of the machine, in GiB.
        end_call: ends a call.
    """

    policy: GuardPolicy
    clock: Clock
    machine_gb: float
    end_call: EndCall


class Seen(NamedTuple):
    """What was seen of a call that has ended.

    Attributes:
        usage: what it took.
        lines: what is to be told in its log.
    """

    usage: Usage
    lines: list[str]

    def told(self, report: Report) -> Report:
        """The report with it."""
        if self.usage.as_fields():
            report = report._replace(usage=self.usage)
        if self.lines:
            log = report.log + ("\n" if report.log and not report.log.endswith("\n") else "")
            report = report._replace(log=log + "".join(f"{line}\n" for line in self.lines))
        return report


class WatchedCall:
    """One call on one worker. Whoever looks, judges or finishes holds `lock`.

    Args:
        call: what runs.
        root: its worker.
        began: when, in monotonic seconds.
        means: what watching takes.
    """

    def __init__(self, call: Call, root: Root, began: float, means: Means) -> None:
        policy = means.policy
        asked = call.node.resources
        attempt = call.handle[2]
        allowed = allowed_gb(asked, attempt, means.machine_gb)
        self.call = call
        self.root = root
        self.lock = threading.Lock()
        self.is_over = False
        self.is_seen = False
        self._policy = policy
        self._clock = means.clock
        self._end_call = means.end_call
        self._limit = None if allowed is None else allowed * 2**30
        self._may_grow = may_grow(asked, attempt, means.machine_gb)
        self._cpus = asked.cpu
        self._memory = Machine(policy.memory)
        self._busy = Machine(policy.cpu)
        self._growth = Growth()
        self._rate = CpuRate(policy.cpu_time_constant_s)
        self._throttle = enforce.Throttle()
        self._failure: Failure | None = None
        self._ending: Ending | None = None
        self._is_killed = False
        self._tree: ProcessTree | None = None
        self._before_s = 0.0
        self._cpu_s: float | None = None
        self._gauge = MemoryGauge(policy, self._limit)
        self._lines: list[str] = []
        self._knows_peak = self._limit is not None and proc.forget_peak(root.pid)
        self._began = began
        self.due = began + self._first_pause_s()
        self.scanned_at = -inf

    def _first_pause_s(self) -> float:
        if self._limit is None:
            return YOUNG_S
        return min(YOUNG_S, max(self._policy.shortest_s, self._limit / self._policy.fastest_bytes_per_s))

    # --- looking ---

    def first(self, tree: ProcessTree) -> None:
        """It is looked at from now on: `tree` are the processes of its worker."""
        self.is_seen = True
        self._tree = tree
        self._before_s = tree.cpu_s
        self._knows_peak = self._knows_peak or proc.forget_peak(self.root.pid)

    def look(self, neighbours: Neighbours | None) -> None:
        """Takes a sample, judges it, and acts; then `due` is when to look again.

        Args:
            neighbours: all processes of the machine, if it is time to look for new members among them.
        """
        assert self._tree is not None
        self._tree.look(neighbours)
        now = self._clock.monotonic()
        reading = self._gauge.read(self._tree, now)
        self._growth.take(now, reading.held_bytes)
        self._judge_cpu(now)
        if reading.is_sure and self._limit is not None:
            self._judge_memory(now, reading, self._limit)
        self.due = now + self._pause_s(now, reading)

    @property
    def is_near(self) -> bool:
        """Whether its memory is near the limit."""
        return self._memory.level > Level.OK

    def _pause_s(self, now: float, reading: Reading) -> float:
        policy = self._policy
        calm_s = min(policy.interval_s, max(YOUNG_S, now - self._began))
        if self._limit is None or self._is_killed:
            return calm_s
        return pause_s(
            self._limit * (1.0 if self._ending is None else policy.at_once) - reading.held_bytes,
            self._growth.bytes_per_s,
            fastest_bytes_per_s=policy.fastest_bytes_per_s,
            shortest_s=policy.shortest_s,
            longest_s=calm_s,
        )

    # --- judging ---

    def _judge_memory(self, now: float, reading: Reading, limit: float) -> None:
        share = reading.held_bytes / limit
        if self._ending is not None:
            if not self._is_killed and self._ending.is_over(now, share):
                self._end(kill=True)
            return
        level = self._memory.take(share)
        if level is None:
            return
        used, asked = shown_memory(reading.held_bytes), shown_memory(limit)
        self._tell(f"memory is {used}, {share:.0%} of the {asked} that were asked for")
        if level is Level.KILL:
            node = self.call.node
            error = ResourceLimitError(
                node=node.name, asked=asked, used=used, at=self._time(), place=node.place, transient=self._may_grow
            )
            self._failure = Failure.of(error, node.place)
            self._ending = Ending(self._policy, now)
            self._end(kill=self._ending.is_over(now, share))

    def _judge_cpu(self, now: float) -> None:
        cpus = self._rate.take(now, self._existing.cpu_s)
        if not self._cpus:
            return
        was = self._busy.level
        if self._busy.take(cpus / self._cpus) is not None:
            self._tell(f"{cpus:.1f} processors are busy, {self._cpus:g} asked for")
        if self._busy.level >= Level.THROTTLE and self._throttle.is_allowed():
            self._throttle.lower(self._existing)
        elif was >= Level.THROTTLE > self._busy.level:
            self._throttle.restore(self._existing)

    @property
    def _existing(self) -> ProcessTree:
        assert self._tree is not None
        return self._tree

    def _end(self, *, kill: bool) -> None:
        assert self._failure is not None
        self._is_killed = kill
        self._end_call(self.call.handle, self._failure, kill=kill)

    def _tell(self, text: str) -> None:
        count, files = len(self._existing.members), self._existing.open_files()
        more = f"{count} process{'es' if count != 1 else ''}, {files} open files"
        self._lines.append(f"[guard {self._time()}] {text} ({more})")

    def _time(self) -> str:
        return as_utc(self._clock.now()).strftime("%H:%M:%S UTC")

    # --- the end ---

    def finish(self) -> Seen:
        """The call is over, and is not looked at any more."""
        self.is_over = True
        if self._tree is not None:
            self._throttle.restore(self._tree)
            self._tree.look()
            self._cpu_s = self._tree.cpu_s - self._before_s
        return Seen(Usage(self._peak(), self._cpu_s), self._lines)

    def _peak(self) -> int | None:
        """The most that was held, between samples too: the system keeps the worker's own high-water mark."""
        peak = self._gauge.peak_bytes
        if self._knows_peak:
            own = proc.peak_memory_bytes(self.root.pid)
            if own is not None:
                peak = max(peak or 0, own)
        return peak
