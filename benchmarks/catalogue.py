"""What is measured: the cases with their bars, and the peers with the sizes at which they are tried."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """One table.

    Attributes:
        size: what the ratio to weftline refers to where weftline is not measured at a peer's size.
        bar, goal: CPU microseconds per node that weftline must stay below, and wants to.
    """

    title: str
    size: int
    bar: float | None = None
    goal: float | None = None

    @property
    def limits(self) -> dict[str, float]:
        """What weftline is held to, by name."""
        return {name: limit for name, limit in (("bar", self.bar), ("goal", self.goal)) if limit is not None}


CASES = {
    "chain": Case("chain of nodes, each after the other; in memory, no journal, no cache", 1_000, 12, 6),
    "wide": Case("independent nodes behind one; in memory, no journal, no cache", 10_000, 12, 6),
    "fan": Case("one function over each item of a list of ints; in memory, no journal, no cache", 10_000, 12, 6),
    "fan-cold": Case("the same with journal and cache, both empty", 10_000, 100, 50),
    "fan-hit": Case("the same again, everything in the cache, filled by another process", 10_000, 25, 12),
}


@dataclass(frozen=True)
class Peer:
    """A row of the tables.

    Attributes:
        name: of the row, and of the adapter in `peers/` and of the environment, up to the first blank.
        sizes: by case, smallest first; larger ones are tried while the smaller go well and the time suffices.
        notes: by case, what the figure stands for; under an empty case for all others.
        judged: whether its figures are held against bar and goal.
    """

    name: str
    sizes: Mapping[str, tuple[int, ...]]
    notes: Mapping[str, str]
    variant: str = ""
    judged: bool = False

    @property
    def adapter(self) -> str:
        return self.name.split()[0]


LADDER, MANY, SOME, FEW = (1_000, 10_000, 100_000), (10_000,), (1_000,), (100,)
STEPS = (1_000, 10_000)
JUST_CACHE = "a cache alone: no journal, no graph"

PEERS = [
    Peer(
        "weftline",
        {"chain": LADDER, "wide": MANY, "fan": (10_000, 100_000), "fan-cold": MANY, "fan-hit": MANY},
        {"": "inline backend"},
        "inline",
        judged=True,
    ),
    Peer(
        "weftline (threads)",
        {"chain": (1_000,), "wide": MANY, "fan": MANY, "fan-cold": MANY, "fan-hit": MANY},
        {"": "its default backend"},
        "threads",
    ),
    Peer(
        "hamilton",
        {"chain": (500, *LADDER), "wide": MANY, "fan": STEPS, "fan-cold": STEPS, "fan-hit": STEPS},
        {
            "": "driver.execute",
            "fan": "Parallelizable/Collect, synchronous executor",
            "fan-cold": "with_cache; a function for each item",
            "fan-hit": "with_cache; a function for each item",
        },
    ),
    Peer(
        "pipefunc",
        {"chain": STEPS, "wide": SOME, "fan": MANY, "fan-cold": MANY, "fan-hit": MANY},
        {
            "": "map, in process, dict storage",
            "fan": "mapspec, in process, dict storage",
            "fan-cold": "cache_type='disk', a loop; no journal",
            "fan-hit": "cache_type='disk', a loop; no journal",
        },
    ),
    Peer(
        "pipefunc (run folder)",
        {"fan-cold": MANY, "fan-hit": MANY},
        {"fan-cold": "mapspec, file_array storage", "fan-hit": "resume=True, file_array storage"},
        "folder",
    ),
    Peer(
        "dask",
        {"chain": LADDER, "wide": MANY, "fan": MANY},
        {"": "synchronous scheduler, custom graph", "fan": "synchronous scheduler, delayed, not optimised"},
        "sync",
    ),
    Peer(
        "dask (threads)",
        {"chain": (1_000,), "wide": MANY, "fan": MANY},
        {"": "threaded scheduler, custom graph", "fan": "threaded scheduler, delayed, not optimised"},
        "threads",
    ),
    Peer("dask (bag)", {"fan": MANY}, {"": "about 100 partitions: an item is no task of its own"}, "bag"),
    Peer("haystack", {"chain": STEPS, "wide": STEPS}, {"": "Pipeline.run"}),
    Peer("kedro", {"chain": STEPS, "wide": SOME}, {"": "SequentialRunner, memory datasets that assign"}),
    Peer("luigi", {"chain": STEPS, "wide": SOME, "fan": SOME}, {"": "local scheduler, one worker, results in a dict"}),
    Peer("dagster", {"chain": STEPS, "wide": SOME, "fan": SOME}, {"": "execute_in_process", "fan": "dynamic outputs"}),
    Peer(
        "redun",
        {"chain": (100, 1_000), "wide": SOME, "fan": SOME, "fan-cold": FEW, "fan-hit": FEW},
        {"": "database in memory, cache off", "fan-cold": "database in a file", "fan-hit": "database in a file"},
    ),
    Peer(
        "prefect",
        {"chain": FEW, "wide": FEW, "fan": FEW, "fan-cold": FEW, "fan-hit": FEW},
        {
            "": "with the server that it starts",
            "fan": "map; with the server that it starts",
            "fan-cold": "cache policy INPUTS; with its server",
            "fan-hit": "cache policy INPUTS; with its server",
        },
    ),
    Peer("diskcache", {"fan-cold": MANY, "fan-hit": MANY}, {"": "memoize; " + JUST_CACHE}),
    Peer("joblib", {"fan-cold": MANY, "fan-hit": MANY}, {"": "Memory.cache; " + JUST_CACHE}),
]
