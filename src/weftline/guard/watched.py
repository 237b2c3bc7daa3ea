"""One call that runs: what it takes, how near its limits that is, and what becomes of its report."""

from __future__ import annotations

import threading
from math import inf

from weftline.clock import Clock, as_utc
from weftline.errors import ResourceLimitError
from weftline.guard import enforce, proc
from weftline.guard.gauge import MemoryGauge, Reading
from weftline.guard.sample import Neighbours, ProcessTree
from weftline.guard.smooth import CpuRate, Growth, pause_s
from weftline.guard.verdict import Ending, GuardPolicy, Level, Machine
from weftline.model.call import Call, Failure, Report, Usage
from weftline.model.quantity import shown_memory

#: The age at which a call is looked at for the first time.
YOUNG_S = 0.05


class WatchedCall:
    """One call on one worker. Whoever looks, judges or finishes holds `lock`.

    Args:
        call: what runs.
        pid: of its worker.
        mark: of its worker, in the environment.
        began: when, in monotonic seconds.
        policy: limits and intervals.
        clock: for when.
    """

    def __init__(self, call: Call, pid: int, mark: str, began: float, policy: GuardPolicy, clock: Clock) -> None:
        asked = call.node.resources
        self.call = call
        self.pid = pid
        self.mark = mark
        self.lock = threading.Lock()
        self.is_over = False
        self.is_seen = False
        self.error: ResourceLimitError | None = None
        self._policy = policy
        self._clock = clock
        self._limit = None if asked.memory_gb is None else asked.memory_gb * 2**30
        self._cpus = asked.cpu
        self._memory = Machine(policy.memory)
        self._busy = Machine(policy.cpu)
        self._growth = Growth()
        self._rate = CpuRate(policy.cpu_time_constant_s)
        self._throttle = enforce.Throttle()
        self._ending: Ending | None = None
        self._tree: ProcessTree | None = None
        self._before_s = 0.0
        self._cpu_s: float | None = None
        self._gauge = MemoryGauge(policy, self._limit)
        self._lines: list[str] = []
        self._knows_peak = self._limit is not None and proc.forget_peak(pid)
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
        self._knows_peak = self._knows_peak or proc.forget_peak(self.pid)

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
        if self._limit is None:
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
            if self._ending.is_over(now, share):
                self._end()
            return
        level = self._memory.take(share)
        if level is None:
            return
        used, asked = shown_memory(reading.held_bytes), shown_memory(limit)
        self._tell(f"memory is {used}, {share:.0%} of the {asked} that were asked for")
        if level is Level.KILL:
            node = self.call.node
            self.error = ResourceLimitError(node=node.name, asked=asked, used=used, at=self._time(), place=node.place)
            self._ending = Ending(self._policy, now)
            if self._ending.is_over(now, share):
                self._end()
            else:
                enforce.terminate(self._existing)

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

    def _end(self) -> None:
        if not enforce.kill(self._existing):
            self._lines.append("[guard] some of its processes do not end, though they are killed")

    def _tell(self, text: str) -> None:
        count, files = len(self._existing.members), self._existing.open_files()
        more = f"{count} process{'es' if count != 1 else ''}, {files} open files"
        self._lines.append(f"[guard {self._time()}] {text} ({more})")

    def _time(self) -> str:
        return as_utc(self._clock.now()).strftime("%H:%M:%S UTC")

    # --- the end ---

    def finish(self, report: Report) -> Report:
        """The report with what was seen; that of a killed call says why."""
        self.is_over = True
        if self._tree is not None:
            self._throttle.restore(self._tree)
            self._tree.look()
            self._cpu_s = self._tree.cpu_s - self._before_s
            if self.error is not None:
                self._end()
        usage = Usage(self._peak(), self._cpu_s)
        if usage.as_fields():
            report = report._replace(usage=usage)
        if self._lines:
            log = report.log + ("\n" if report.log and not report.log.endswith("\n") else "")
            report = report._replace(log=log + "".join(f"{line}\n" for line in self._lines))
        if self.error is not None and report.outputs is None and not report.cancelled:
            report = report._replace(failure=Failure.of(self.error, self.call.node.place))
        return report

    def _peak(self) -> int | None:
        """The most that was held, between samples too: the system keeps the worker's own high-water mark."""
        peak = self._gauge.peak_bytes
        if self._knows_peak:
            resident, now = proc.peak_resident_bytes(self.pid), proc.private_memory(self.pid)
            if resident and now is not None:
                peak = max(peak or 0, resident - now.file_bytes)
        return peak
