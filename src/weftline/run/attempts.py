"""The attempts of a run: which are with the backend, which sleep before the next try, and how often each call failed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from weftline.model.call import Failure, Handle
from weftline.model.policy import Policy
from weftline.run.retry import pause_s


class Attempts:
    """Numbers attempts, and remembers those that have not ended.

    Args:
        before: attempts that were made before this process, by node and item.
    """

    __slots__ = ("_asleep", "_elsewhere", "_failures", "_lost", "abandoned", "numbers", "running")

    def __init__(self, before: Mapping[tuple[int, int], int]) -> None:
        self.numbers = dict(before)  # the last attempt by node and item, where it is not the first
        self._lost: set[int] = set()  # nodes whose output was lost
        self._failures: dict[tuple[int, int], int] = {}
        self.running: dict[tuple[int, int], int] = {}  # the attempt that is with the backend, by node and item
        self.abandoned: set[Handle] = set()  # attempts that nobody waits for, and the backend may still have
        self._asleep: dict[int, dict[int, int]] = {}  # attempts whose pause is not over, by node and item
        self._elsewhere: dict[int, dict[int, int]] = {}  # attempts that wait for what others compute, by node and item

    @property
    def handles(self) -> list[Handle]:
        """Those that are with the backend."""
        return [(number, item, attempt) for (number, item), attempt in self.running.items()]

    def next(self, number: int, item: int) -> int:
        """The number of a call's next attempt."""
        return self.numbers.get((number, item), 0) + 1

    def running_of(self, number: int) -> list[Handle]:
        """Those of one node that are with the backend."""
        return [handle for handle in self.handles if handle[0] == number]

    def begin(self, number: int, item: int, attempt: int) -> None:
        """An attempt goes to the backend."""
        self.running[number, item] = attempt

    def is_running(self, handle: Handle) -> bool:
        """Whether an attempt is with the backend; a late or doubled report is about one that is not."""
        return self.running.get(handle[:2]) == handle[2]

    def end(self, handle: Handle) -> bool:
        """An attempt is reported on. False if it is not running: the report is late, or a double."""
        call = handle[:2]
        if self.running.get(call) != handle[2]:
            return False
        del self.running[call]
        return True

    def failed(self, handle: Handle, policy: Policy, failure: Failure, entropy: float) -> float | None:
        """Counts a failure; gives the pause before the next attempt, or None if there is none."""
        number, item, attempt = handle
        self.numbers[number, item] = attempt
        failures = self._failures[number, item] = self._failures.get((number, item), 0) + 1
        return pause_s(policy, failures, failure, entropy)

    def skip_numbers(self, number: int, items: Iterable[int]) -> None:
        """What these calls made is lost: their next attempts have numbers of their own."""
        self._lost.add(number)
        for item in items:
            self.numbers[number, item] = self.next(number, item)

    def without(self, number: int, item: int) -> int:
        """The number of an outcome without an attempt: 0; after a loss one of its own, since there may be a 0 already."""
        if number not in self._lost:
            return 0
        self.numbers[number, item] = self.next(number, item)
        return self.numbers[number, item]

    # --- pauses ---

    @property
    def waits_for_others(self) -> bool:
        """Whether something waits, without a time: for what another process computes, or for an abandoned attempt."""
        return bool(self._elsewhere or self.abandoned)

    def sleep(self, handle: Handle) -> Handle:
        """The attempt after this one waits; it holds no slot. Gives that attempt."""
        number, item, attempt = handle
        self._asleep.setdefault(number, {})[item] = attempt + 1
        return number, item, attempt + 1

    def wake(self, handle: Handle) -> bool:
        """The pause of an attempt is over; False if it does not wait any more."""
        return _take(self._asleep, handle)

    def wait_elsewhere(self, handle: Handle) -> None:
        """An attempt waits, without a time, for what another process computes."""
        number, item, attempt = handle
        self._elsewhere.setdefault(number, {})[item] = attempt

    def come_back(self, handle: Handle) -> bool:
        """Ends the wait of an attempt for others; False if it does not wait."""
        return _take(self._elsewhere, handle)

    def waiting(self, number: int) -> list[int]:
        """The items of a node whose next attempt waits."""
        return [*self._asleep.get(number, ()), *self._elsewhere.get(number, ())]

    def sleeps(self, number: int) -> bool:
        """Whether an attempt of a node waits."""
        return number in self._elsewhere or number in self._asleep

    def forget_pauses(self, number: int) -> None:
        """A node tries nothing again."""
        self._elsewhere.pop(number, None)
        self._asleep.pop(number, None)

    def forget_all_pauses(self) -> set[int]:
        """Nothing is tried again; the nodes that waited."""
        nodes = {*self._elsewhere, *self._asleep}
        self._asleep, self._elsewhere = {}, {}
        return nodes


def _take(waiting: dict[int, dict[int, int]], handle: Handle) -> bool:
    number, item, attempt = handle
    items = waiting.get(number)
    if items is None or items.get(item) != attempt:
        return False
    del items[item]
    if not items:
        del waiting[number]
    return True
