"""What the benchmark of caches measures: the cases with their goals, and the peers with the sizes at which they are tried."""

from __future__ import annotations

from catalogue import Case, Peer

SMALL = (1_000, 10_000)
MB, GB = 10**6, 10**9
LARGE = (100 * MB, GB)
STATES = ("cold", "hit", "leaf")

#: A node of small values that is taken from the cache may take this many microseconds of CPU time.
HIT_GOAL = 15
CASES = {
    "fan-cold": Case("a function over many small arguments, the cache empty", 10_000),
    "fan-hit": Case("the same in a new process, everything in the cache", 10_000, goal=HIT_GOAL),
    "fan-leaf": Case("the same, but for one argument that is new", 10_000),
    "chain-cold": Case("a chain of functions, each after the other, the cache empty", 10_000),
    "chain-hit": Case("the same in a new process, everything in the cache", 10_000, goal=HIT_GOAL),
    "chain-leaf": Case("the same, but for the last, which was changed", 10_000),
    "array-cold": Case("one numpy array, the cache empty", GB),
    "array-hit": Case("the same in a new process, the array in the cache", GB),
}

#: What is wanted of weftline for arrays, by size: share of the speed of SHA-256, write and flush; seconds for a hit; bytes on
#: disk.
ARRAY_GOALS = {
    100 * MB: {"hit_s": 0.15, "disk_bytes": 101 * MB},
    GB: {"speed": 0.8, "hit_s": 0.05},
}


def sizes(
    *, fan: tuple[int, ...] = SMALL, chain: tuple[int, ...] = SMALL, array: tuple[int, ...] = LARGE
) -> dict[str, tuple[int, ...]]:
    """By case, one for all states."""
    shapes = {"fan": fan, "chain": chain, "array": array}
    return {case: shapes[case.partition("-")[0]] for case in CASES}


PEERS = [
    Peer(
        "weftline",
        sizes(),
        {"": "a node for each", "fan": "one node over the items", "array": "npy, flushed"},
        "inline",
        judged=True,
    ),
    Peer(
        "weftline (nodes)",
        sizes(chain=(), array=()),
        {"": "a node for each item, which is its parameter"},
        "nodes",
        judged=True,
    ),
    Peer("diskcache", sizes(), {"": "memoize in a loop: no journal, no graph", "array": "memoize: pickle, not flushed"}),
    Peer("joblib", sizes(), {"": "Memory.cache in a loop: no journal, no graph", "array": "mmap_mode='r', not flushed"}),
    Peer(
        "pipefunc",
        sizes(),
        {
            "": "cache_type='disk', map",
            "fan": "cache_type='disk', a loop; no journal",
            "array": "cache_type='disk': pickle, not flushed",
        },
    ),
    Peer(
        "hamilton",
        sizes(),
        {"": "with_cache", "fan": "with_cache, a function for each", "array": "with_cache: pickle, not flushed"},
    ),
    Peer("redun", sizes(), {"": "database in a file", "array": "value_store_path: pickle, not flushed"}),
]
