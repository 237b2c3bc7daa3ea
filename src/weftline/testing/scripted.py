"""A backend that is told what becomes of each call; time passes in its `poll`, on a clock that is moved by hand.

It is honest in all that it is not told: calls start in the order of submission, never more at once than it has slots, the
nodes' own code runs, a withdrawn call never begins, and a time limit is kept. So whatever goes wrong in a test was asked for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from heapq import heapify, heappop, heappush
from typing import Any, NamedTuple

from weftline.backends.perform import perform
from weftline.errors import AttemptTimeoutError, WorkerDiedError
from weftline.model.call import Call, Failure, Handle, Report
from weftline.ports.backend import Capabilities
from weftline.testing.clock import ManualClock


@dataclass(frozen=True, slots=True)
class Act:
    """What becomes of one attempt; made by `succeed` and `fail`.

    Attributes:
        takes_s: how long it occupies its slot.
        error: what it raises; None to let the node's code run.
        outputs: what it makes instead of what the node's code would.
        late_s: how long after its end it is reported.
        again_s: how long after that it is reported a second time; None for once only.
        lost_s: how long after its end it is found that its worker has died, if its report is lost.
        log: what it prints.
    """

    takes_s: float = 0.0
    error: BaseException | None = None
    outputs: tuple[Any, ...] | None = None
    late_s: float = 0.0
    again_s: float | None = None
    lost_s: float | None = None
    log: str = ""

    def late(self, seconds: float) -> Act:
        """The same, reported so much after its end."""
        return replace(self, late_s=seconds)

    def twice(self, after_s: float = 0.0) -> Act:
        """The same, reported a second time."""
        return replace(self, again_s=after_s)

    def lost(self, noticed_s: float) -> Act:
        """The same, with its report lost: so long after its end its worker is found dead.

        With `twice`, the true report arrives after that, when nobody waits for it any more.
        """
        return replace(self, lost_s=noticed_s)


def succeed(takes_s: float = 0.0, *, outputs: tuple[Any, ...] | None = None, log: str = "") -> Act:
    """The attempt succeeds with what the node's code makes, or with the given outputs."""
    return Act(takes_s, outputs=outputs, log=log)


def fail(error: BaseException, takes_s: float = 0.0, *, log: str = "") -> Act:
    """The attempt fails with this error."""
    return Act(takes_s, error=error, log=log)


class _Running(NamedTuple):
    ends_at: float
    serial: int
    call: Call
    act: Act


class _Due(NamedTuple):
    at: float
    serial: int
    report: Report


class ScriptedBackend:
    """Fits `weftline.ports.backend.Backend`.

    Attributes:
        started: handles of all attempts that began, in order.
        most_at_once: the largest number of attempts that ran at the same time.
        capabilities: what it tells the planner.

    Args:
        clock: the run's clock; `poll` moves it to the next report, or on by the whole wait.
        slots: attempts at the same time.
        queue, ships: as in `Capabilities`.
        can_kill: whether `cancel(kill=True)` stops a running attempt, and whether time limits are accepted.
        otherwise: what becomes of attempts that nothing was said about; by default they succeed at once.
    """

    name = "scripted"

    def __init__(
        self,
        clock: ManualClock,
        slots: int = 1,
        *,
        queue: int = 0,
        can_kill: bool = False,
        ships: bool = False,
        otherwise: Callable[[Call], Act] | None = None,
    ) -> None:
        self.capabilities = Capabilities(slots=slots, can_kill=can_kill, ships=ships, queue=queue)
        self.started: list[Handle] = []
        self.most_at_once = 0
        self._clock = clock
        self._otherwise = otherwise
        self._script: dict[tuple[str, int | None], deque[Act]] = {}
        self._waiting: deque[Call] = deque()
        self._running: list[_Running] = []
        self._due: list[_Due] = []
        self._serial = 0

    def will(self, node: str, *acts: Act, item: int | None = None) -> ScriptedBackend:
        """Says what becomes of the next attempts at a node, one act for each.

        Args:
            node: its name.
            *acts: in the order in which attempts begin.
            item: of one item only; None for whichever items come first.

        Returns:
            Itself, so that one can go on.
        """
        self._script.setdefault((node, item), deque()).extend(acts)
        return self

    @property
    def waiting(self) -> list[Handle]:
        """Attempts that were submitted and have not begun."""
        return [call.handle for call in self._waiting]

    @property
    def running(self) -> list[Handle]:
        """Attempts that have begun and not ended."""
        return [found.call.handle for found in self._running]

    # --- the port ---

    def submit(self, call: Call) -> None:
        """Starts a call, or lets it wait for a slot."""
        self._waiting.append(call)
        self._begin(self._clock.monotonic())

    def poll(self, wait_s: float) -> Sequence[Report]:
        """Moves the clock to the next report, but not further than `wait_s`."""
        until = self._clock.monotonic() + wait_s
        while not (reports := self._reports()):
            following = [found.at for found in self._due[:1]] + [found.ends_at for found in self._running[:1]]
            if not following or min(following) > until:
                self._clock.move(max(0.0, until - self._clock.monotonic()))
                return self._reports()
            self._clock.move(max(0.0, min(following) - self._clock.monotonic()))
        return reports

    def cancel(self, handle: Handle, *, kill: bool = False) -> None:
        """Withdraws a call; stops it if it runs, if asked to and able to."""
        now = self._clock.monotonic()
        for call in self._waiting:
            if call.handle == handle:
                self._waiting.remove(call)
                self._tell(now, Report(handle, None, cancelled=True))
                return
        for found in self._running:
            if found.call.handle == handle and kill and self.capabilities.can_kill:
                self._running.remove(found)
                heapify(self._running)
                self._tell(now, Report(handle, None, cancelled=True))
                self._begin(now)
                return

    def close(self) -> None:
        """Forgets everything."""
        self._waiting.clear()
        self._running.clear()
        self._due.clear()

    # --- what happens inside ---

    def _begin(self, at: float) -> None:
        while self._waiting and len(self._running) < self.capabilities.slots:
            call = self._waiting.popleft()
            act = self._act(call)
            if call.timeout_s is not None and act.takes_s > call.timeout_s:
                error = AttemptTimeoutError(node=call.node.name, timeout_s=call.timeout_s)
                act = replace(act, takes_s=call.timeout_s, error=error)
            self._serial += 1
            heappush(self._running, _Running(at + act.takes_s, self._serial, call, act))
            self.started.append(call.handle)
            self.most_at_once = max(self.most_at_once, len(self._running))

    def _act(self, call: Call) -> Act:
        for place in ((call.node.name, call.handle[1]), (call.node.name, None)):
            if self._script.get(place):
                return self._script[place].popleft()
        return Act() if self._otherwise is None else self._otherwise(call)

    def _reports(self) -> list[Report]:
        """Everything that is due by now."""
        now = self._clock.monotonic()
        while self._running and self._running[0].ends_at <= now:
            ended = heappop(self._running)
            report = _report(ended.call, ended.act)
            told_at = ended.ends_at + ended.act.late_s
            if ended.act.lost_s is None:
                self._tell(told_at, report)
            else:
                told_at += ended.act.lost_s
                self._tell(told_at, _found_dead(ended.call, ended.act))
            if ended.act.again_s is not None:
                self._tell(told_at + ended.act.again_s, report)
            self._begin(ended.ends_at)
        found = []
        while self._due and self._due[0].at <= now:
            found.append(heappop(self._due).report)
        return found

    def _tell(self, at: float, report: Report) -> None:
        self._serial += 1
        heappush(self._due, _Due(at, self._serial, report))


def _found_dead(call: Call, act: Act) -> Report:
    error = WorkerDiedError(node=call.node.name, cause="its report was lost")
    return Report(call.handle, None, Failure.of(error), act.takes_s, act.log, "scripted")


def _report(call: Call, act: Act) -> Report:
    if isinstance(act.error, KeyboardInterrupt):  # as a worker tells it whose call raises one
        return Report(call.handle, None, None, act.takes_s, act.log, "scripted", cancelled=True)
    if act.error is not None:
        return Report(call.handle, None, Failure.of(act.error), act.takes_s, act.log, "scripted")
    if act.outputs is not None:
        return Report(call.handle, act.outputs, None, act.takes_s, act.log, "scripted")
    return perform(call, worker="scripted")._replace(took_s=act.takes_s, log=act.log)
