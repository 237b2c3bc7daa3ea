"""Caches side by side, in one run: what it costs to store, to have all again, and to have all but one thing again.

Each figure comes from processes of their own; a cache that is read was filled by another process. See README.md beside it.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from datetime import UTC, datetime

from cache_catalogue import ARRAY_GOALS, CASES, GB, LARGE, MB, PEERS
from contest import HEADER, Row, Rules, arguments, chosen, measure, render, said, verdicts, version_in, write
from table import machine, number, table

#: A process that takes more CPU seconds than this is not repeated.
SLOW_S = 40
QUICK = {"fan": 10_000, "chain": 1_000, "array": 100 * MB}
SMALL_HEADER = tuple(name for name in HEADER if name != "first run")
SMALL_NOTE = """\
CPU: user and system time of one run in a new process, children included, after a run of a tiny graph; the peer is imported.
build: making the graph, which is not in it. x weftline: of the CPU time."""
ARRAY_NOTE = """\
store: without making the array. plain: SHA-256, write and flush of the same bytes, median over all peers' processes: in each,
the two take turns, three times, each time with an empty cache. speed: plain / store. hit: in a new process, from memory of the
file system. hit + sum: until each number was read."""


def main() -> None:
    parser = arguments(__doc__, CASES, PEERS)
    parser.add_argument(
        "--limit", type=int, default=120, help="seconds for one process, filling included (default: %(default)s)"
    )
    asked = parser.parse_args()
    peers = chosen(parser, asked, PEERS)
    rules = Rules(asked.repeats, asked.limit, asked.limit, SLOW_S, once=True)
    print(f"caches side by side, {datetime.now(UTC):%Y-%m-%d}; {machine()}; medians of {asked.repeats} processes")
    rows: list[Row] = []
    for name, case in CASES.items():
        if asked.case and name not in asked.case:
            continue
        shape, _, state = name.partition("-")
        cold = {(row.peer.name, row.size): f"cold: {row.reason}" for row in rows if row.case == f"{shape}-cold" and row.reason}
        found = measure(name, peers, rules, largest=QUICK[shape] if asked.quick else None, hopeless=cold)
        compare_with_plain(found)
        rows += found
        shown = arrays(found, state) if shape == "array" else render(case, found, SMALL_HEADER)
        print(f"\n{name}: {case.title}\n{shown}", flush=True)
    print(f"\n{SMALL_NOTE}\n\n{ARRAY_NOTE}\n")
    small = [row for row in rows if not row.case.startswith("array")]
    judged = verdicts(small, CASES) + [line for row in rows if row.peer.judged for line in array_verdicts(row)]
    print(table(("row", "case", "size", "found", "verdict"), judged, left=(0, 1, 4)))
    if asked.json:
        write(asked.json, rows)


def compare_with_plain(rows: list[Row]) -> None:
    """The plain way is the same for all peers: what they found of it is one figure, which a busy disk moves less."""
    for size in {row.size for row in rows}:
        lines = [line for row in rows if row.size == size for line in row.lines if line.get("plain_s")]
        plain_s = statistics.median(line["plain_s"] for line in lines) if lines else 0.0
        for line in lines:
            line |= {"plain_s": plain_s, "speed": round(1e6 * plain_s / line["wall_us_per_node"], 3)}


def arrays(rows: list[Row], state: str) -> str:
    """The table of the arrays: by size, then by the time on the wall."""
    header = ("store s", "CPU s", "plain s", "speed") if state == "cold" else ("hit s", "CPU s", "hit + sum s")
    lines = []
    for row in sorted(rows, key=lambda row: (row.size, row.cpu is None, row.middle("wall_us_per_node") or 0)):
        wall_s, cpu_s = seconds(row, "wall_us_per_node"), seconds(row, "cpu_us_per_node")
        found = [shown(wall_s), shown(cpu_s)]
        if state == "cold":
            found += [shown(row.middle("plain_s")), percent(row.middle("speed"))]
        else:
            found.append(shown(row.middle("read_s")))
        lines.append((row.peer.name, version_in(rows, row), named(row.size), *found, megabytes(row), row.note))
    return table(("peer", "version", "size", *header, "MB on disk", "note"), lines, left=(0, 1, len(header) + 4))


def array_verdicts(row: Row) -> Iterator[tuple[str, ...]]:
    goals = ARRAY_GOALS.get(row.size, {}) if row.case.startswith("array") and row.cpu is not None else {}
    begun = (row.peer.name, row.case, named(row.size))
    if row.case == "array-cold":
        speed = row.middle("speed") or 0.0
        if "speed" in goals:
            yield *begun, percent(speed), f"goal at least {percent(goals['speed'])} {said(goals['speed'], speed)}"
        if "disk_bytes" in goals:
            limit = goals["disk_bytes"]
            yield *begun, f"{megabytes(row)} MB", f"goal {limit / MB:g} MB {said(row.middle('disk_bytes') or 0, limit)}"
    elif "hit_s" in goals:
        found = seconds(row, "wall_us_per_node") or 0.0
        yield *begun, f"{shown(found)} s", f"goal {goals['hit_s']:g} s {said(found, goals['hit_s'])}"


def seconds(row: Row, name: str) -> float | None:
    found = row.middle(name)
    return None if found is None else found / 1e6


def shown(found: float | None) -> str:
    """Seconds, to the tenth of a millisecond where that is much."""
    return number(found) if found is None or found >= 1 else f"{found:.4f}" if found < 0.1 else f"{found:.3f}"


def percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"


def megabytes(row: Row) -> str:
    found = row.middle("disk_bytes")
    return "-" if found is None else f"{found / MB:.1f}"


def named(size: int) -> str:
    return f"{size // GB} GB" if size >= GB else f"{size // MB} MB"


assert set(LARGE) == set(ARRAY_GOALS), "a goal for each size"

if __name__ == "__main__":
    main()
