"""What it costs to lose nothing: steps whose results and journal survive a loss of power, beside a bare loop of commits."""

from __future__ import annotations

from datetime import UTC, datetime

from catalogue import Case, Peer
from contest import Row, Rules, arguments, chosen, measure, said, version_in, write
from table import machine, number, table

CASES = {
    "chain-durable": Case("a chain of 1,000 steps, each after the other", 1_000),
    "fan-durable": Case("one function over 10,000 items", 10_000, bar=60),
}
SIZES = {"chain-durable": (1_000,), "fan-durable": (10_000,)}
#: A chain's CPU time and time on the wall, in those of the bare loop.
MOST_CPU, MOST_WALL = 2.0, 1.5
BARE = "bare loop"
PEERS = [
    Peer("bare loop", SIZES, {"": "one flushed commit for each step: no graph, no resuming"}, "1"),
    Peer("bare loop of 100", SIZES, {"chain": "not durable: 100 steps are lost", "fan": "a commit for 100 items"}, "100"),
    Peer("weftline", SIZES, {"": "inline"}, "inline", judged=True),
    Peer("weftline (unlike)", {"chain-durable": (1_000,)}, {"": "inline, functions of their own: each is flushed"}, "unlike"),
    Peer("weftline (threads)", SIZES, {"": "threads"}, "threads", judged=True),
    Peer("dbos", SIZES, {"": "steps of a workflow, SQLite", "fan": "asynchronous steps, gathered, SQLite"}),
    Peer("redun", {**SIZES, "chain-durable": (100, 1_000)}, {"": "database in a SQLite file"}),
    Peer("dagster", {**SIZES, "fan-durable": (1_000,)}, {"": "in process, SQLite, values in files"}),
]
HEADER = (
    "peer", "version", "steps", "CPU us/step", "wall us/step", "x CPU", "x wall", "plan CPU", "plan wall", "total CPU", "note"
)  # fmt: skip
NOTE = """\
CPU: user and system time of the process and its children. CPU and wall: running what was planned, on an empty home, after a
run of a tiny graph elsewhere. x: of the bare loop of one commit for each step. plan: what is done once before the run: a plan,
or opening the database. total CPU: plan and run."""


def main() -> None:
    parser = arguments(__doc__, CASES, PEERS)
    parser.add_argument("--limit", type=int, default=180, help="CPU seconds for one process (default: %(default)s)")
    asked = parser.parse_args()
    peers = [peer for peer in PEERS if peer.adapter == "bare" or peer in chosen(parser, asked, PEERS)]
    rules = Rules(asked.repeats, asked.limit, 2 * asked.limit)
    print(f"durable steps side by side, {datetime.now(UTC):%Y-%m-%d}; {machine()}; medians of {asked.repeats} processes")
    rows: list[Row] = []
    for name, case in CASES.items():
        if asked.case and name not in asked.case:
            continue
        found = measure(name, peers, rules)
        rows += found
        print(f"\n{name}: {case.title}\n{render(found)}", flush=True)
    print(f"\n{NOTE}\n")
    print(
        table(
            ("row", "case", "what", "found", "bar", "verdict"),
            [line for row in rows for line in judged(row, rows)],
            left=(0, 1, 2),
        )
    )
    if asked.json:
        write(asked.json, rows)


def render(rows: list[Row]) -> str:
    """By CPU time; what could not be measured comes last."""
    lines = []
    for row in sorted(rows, key=lambda row: (row.cpu is None, row.cpu or 0)):
        plan = row.middle("plan_cpu_us_per_node")
        lines.append((
            row.peer.name, version_in(rows, row), f"{row.size:,}", number(row.cpu), number(row.middle("wall_us_per_node")),
            number(ratio(row, rows, "cpu_us_per_node")), number(ratio(row, rows, "wall_us_per_node")),
            number(plan), number(row.middle("plan_wall_us_per_node")),
            number(row.cpu + (plan or 0.0) if row.cpu is not None else None), row.note,
        ))  # fmt: skip
    return table(HEADER, lines, left=(0, 1, len(HEADER) - 1))


def ratio(row: Row, rows: list[Row], what: str) -> float | None:
    """A figure in those of the bare loop."""
    bare = next((each.middle(what) for each in rows if each.peer.name == BARE and each.case == row.case), None)
    found = row.middle(what)
    return found / bare if found and bare else None


def judged(row: Row, rows: list[Row]) -> list[tuple[str, ...]]:
    if not row.peer.judged:
        return []
    if row.case == "chain-durable":
        wanted = [
            ("CPU, x bare loop", ratio(row, rows, "cpu_us_per_node"), MOST_CPU),
            ("wall, x bare loop", ratio(row, rows, "wall_us_per_node"), MOST_WALL),
        ]
    else:
        wanted = [("CPU us/step", row.cpu, CASES[row.case].bar or 0.0)]
    return [
        (row.peer.name, row.case, what, number(found), number(bar), row.reason or said(found or 0.0, bar))
        for what, found, bar in wanted
    ]


if __name__ == "__main__":
    main()
