"""CPU time per no-op node, of weftline and its peers in one run; prints a table for each case. See README.md beside it."""

from __future__ import annotations

from datetime import UTC, datetime

from catalogue import CASES, PEERS
from contest import Row, Rules, arguments, chosen, measure, render, verdicts, write
from table import machine, table

#: A process may take this many times its limit of CPU seconds until it ends, on a machine that has other things to do.
PATIENCE = 4
FOOTNOTE = """\
CPU and wall: running a graph that is there (where caches are cold: the first run). build: making the graph, CPU us/node;
weftline makes part of it in its first run. first run: CPU us/node. All in one process after a run of a tiny graph."""


def main() -> None:
    parser = arguments(__doc__, CASES, PEERS)
    parser.add_argument("--limit", type=int, default=60, help="CPU seconds for one process (default: %(default)s)")
    asked = parser.parse_args()
    peers = chosen(parser, asked, PEERS)
    rules = Rules(asked.repeats, asked.limit, PATIENCE * asked.limit)
    print(f"CPU time per no-op node, user and system, children included; {datetime.now(UTC):%Y-%m-%d}")
    print(f"{machine()}; medians of {asked.repeats} processes, of several runs in each")
    rows: list[Row] = []
    for name, case in CASES.items():
        if asked.case and name not in asked.case:
            continue
        found = measure(name, peers, rules, largest=max(10_000, case.size) if asked.quick else None)
        rows += found
        print(f"\n{name}: {case.title}\n{render(case, found)}", flush=True)
    print(f"\n{FOOTNOTE}\n")
    print(table(("peer", "case", "size", "CPU us/node", "verdict"), verdicts(rows, CASES), left=(0, 1, 4)))
    if asked.json:
        write(asked.json, rows)


if __name__ == "__main__":
    main()
