"""How long work will take, judged by how long the same work took before; where nothing is known, nothing is said.

Theory of operation. A call is taken to last as one of the newest calls of its node did, each as likely as the other. So the
time of one call has the quantiles of those. Many calls take the mean for each round of as many as run at the same time; the
spread of the sum grows with the root of their number. But they take no less than the longest of them, whose quantiles follow
from those of one. A plan takes no less than its longest path, and no less than all of its work on all slots.
Spreads of different nodes are taken to be independent.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

#: How many standard deviations a normal distribution has below its 95th percentile.
_Z95 = 1.6449


class Estimate(NamedTuple):
    """A duration that is exceeded half of the time, and one that is exceeded one time in twenty; in seconds."""

    p50_s: float
    p95_s: float


class Effort(NamedTuple):
    """What some calls of one node mean.

    Attributes:
        wall: from the first to the last, if they have all slots for themselves.
        work: slots times seconds.
    """

    wall: Estimate
    work: Estimate


def effort(durations: Sequence[float], calls: int, cpu: float, slots: int) -> Effort | None:
    """What so many calls of a node mean; None where nothing is known of them.

    Args:
        durations: how long the newest calls of the node took, in seconds.
        calls: how many there will be.
        cpu: slots that one occupies.
        slots: how many there are.
    """
    if not durations or not calls:
        return None
    ordered = sorted(durations)
    at_once = min(calls, max(1, int(slots / cpu))) if cpu > 0 else calls
    if calls == 1:
        one = Estimate(quantile(ordered, 0.5), quantile(ordered, 0.95))
        return Effort(one, Estimate(one.p50_s * cpu, one.p95_s * cpu))
    mean = math.fsum(ordered) / len(ordered)
    deviation = math.sqrt(math.fsum((each - mean) ** 2 for each in ordered) / len(ordered))
    spread = _Z95 * deviation * math.sqrt(calls)
    in_rounds = mean * math.ceil(calls / at_once)
    wall = Estimate(
        max(in_rounds, quantile(ordered, 0.5 ** (1 / calls))),
        max(in_rounds + spread / at_once, quantile(ordered, 0.95 ** (1 / calls))),
    )
    return Effort(wall, Estimate(mean * calls * cpu, (mean * calls + spread) * cpu))


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value below which that share of sorted values lies, with straight lines between them (Hyndman and Fan's type 7)."""
    at = share * (len(ordered) - 1)
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (at - low)


@dataclass(frozen=True, slots=True)
class Outlook:
    """How long a set of nodes will take together.

    Attributes:
        wall: from the first to the last.
        work: slots times seconds.
        path: numbers of the nodes on the longest path, in order.
    """

    wall: Estimate
    work: Estimate
    path: tuple[int, ...]


def outlook(efforts: Mapping[int, Effort], order: Iterable[int], upstream: Sequence[Sequence[int]], slots: int) -> Outlook:
    """Joins the efforts of nodes, of which some wait for others.

    Args:
        efforts: by node number; nodes without one take no time.
        order: all nodes, each after what it waits for.
        upstream: what each waits for, by node number.
        slots: how many there are.
    """
    path = _longest(efforts, order, upstream)
    along = _sum(efforts[number].wall for number in path)
    work = _sum(found.work for found in efforts.values())
    wall = Estimate(max(along.p50_s, work.p50_s / slots), max(along.p95_s, work.p95_s / slots))
    return Outlook(wall, work, path)


def _longest(efforts: Mapping[int, Effort], order: Iterable[int], upstream: Sequence[Sequence[int]]) -> tuple[int, ...]:
    ends: dict[int, float] = {}
    before: dict[int, int | None] = {}
    last, longest = None, 0.0
    for number in order:
        source = max(upstream[number], key=lambda each: ends.get(each, 0.0), default=None)
        before[number] = source
        ends[number] = (0.0 if source is None else ends.get(source, 0.0)) + (
            efforts[number].wall.p50_s if number in efforts else 0.0
        )
        if ends[number] > longest:
            last, longest = number, ends[number]
    path: list[int] = []
    while last is not None:
        if last in efforts:
            path.append(last)
        last = before[last]
    return tuple(reversed(path))


def _sum(parts: Iterable[Estimate]) -> Estimate:
    found = list(parts)
    middle = math.fsum(part.p50_s for part in found)
    return Estimate(middle, middle + math.hypot(*(part.p95_s - part.p50_s for part in found)))
