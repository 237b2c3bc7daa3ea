"""The truth table of caches: the edits of `tests/acceptance/cache_truth`, and what weftline and its peers make of each.

Usage: python benchmarks/truth.py [--peers hamilton,joblib] [--only TEXT] [--keep FILE]

For each tool the project is written and run once. For each edit that state is restored, the edit is applied, and the tool runs
again in a new process. What ran is what the functions themselves say; the right result is that of calling them one by one.

  ok       the result is right, and nothing ran that did not have to
  re-ran   the result is right, but something ran that did not have to
  STALE    the result is wrong: it is one from before the edit
  -        the tool has no way to declare what the row is about
  failed   the tool ended with an error, which is printed
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from environments import NotInstalledError, python_of, surroundings
from table import machine, table
from truth.tools import ORACLE, TOOLS, Tool

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.acceptance.cache_truth.cases import TABLE, Case  # noqa: E402 - found from the root of the repository
from tests.acceptance.cache_truth.changes import Project, undo  # noqa: E402

LIMIT_S = 180
NODES = ("orders", "prices", "report")
VERDICTS = ("ok", "re-ran", "STALE", "-", "failed")
SURROUNDINGS = {"CURRENCY": "EUR", "PYTHONPATH": "{folder}/libraries/1.0/site-packages"}
#: Edits that say something to weftline alone.
OF_WEFTLINE = frozenset({
    "version of a node",
    "dependency declared",
    "name given to a node",
    "resources of a node",
    "retry policy of a node",
    "tags and priority of a node",
    "order of the nodes in the pipeline",
    "name of the pipeline",
    "another backend",
    "another number of workers",
    "node that nobody waits for",
})  # fmt: skip
PUT_BACK = {"body of a node": "code put back", "parameter": "parameter put back"}


@dataclass(frozen=True)
class Row:
    """An edit; with `back`, it is run and undone, and looked at then."""

    group: str
    case: Case
    back: bool = False

    @property
    def name(self) -> str:
        return PUT_BACK[self.case.name] if self.back else self.case.name

    @property
    def runs(self) -> tuple[str, ...]:
        return () if self.back else self.case.runs


@dataclass
class Column:
    """A tool with its cells."""

    tool: Tool
    version: str = ""
    cells: dict[str, str] = field(default_factory=dict)
    reason: str = ""


class FailedError(Exception):
    """A tool ended with an error."""


def rows() -> Iterator[Row]:
    """The edits that mean something to any tool, and need nothing that only some have installed."""
    for group, cases in TABLE.items():
        for case in cases:
            if case.name not in OF_WEFTLINE and not case.needs:
                yield Row(group, case)
                if case.name in PUT_BACK:
                    yield Row(group, case, back=True)


class Workplace:
    """The project as it is edited, and the state of each tool beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.source = Project(folder / "source" / "project", dict(SURROUNDINGS))
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "tests" / "acceptance" / "cache_truth" / "project", self.source.folder, ignore=ignored)
        self._right: dict[str, object] = {}

    def edited(self, row: Row) -> Project:
        """A copy of the project with the edit of a row."""
        shutil.rmtree(self.folder / "edited", ignore_errors=True)
        project = self.source.copy(self.folder / "edited" / "project")
        for change in row.case.changes:
            change.apply(project)
        return project

    def right(self, row: Row) -> object:
        """What comes out without a cache."""
        if row.name not in self._right:
            project = self.source if row.back else self.edited(row)
            shutil.rmtree(self.folder / "plain", ignore_errors=True)
            self._right[row.name] = State(ORACLE, self.folder / "plain").run(project)[0]
        return self._right[row.name]


class State:
    """A tool's folder: the project as it sees it, with what it keeps."""

    def __init__(self, tool: Tool, folder: Path) -> None:
        self.tool = tool
        self.folder = folder

    def run(self, project: Project) -> tuple[object, list[str]]:
        """Brings the project up to date, runs the tool, and returns the result and what ran.

        Raises:
            FailedError: the tool ended with an error.
        """
        place = self.folder / project.folder.name
        for other in self.folder.glob("*"):
            if other != place:
                other.rename(place)  # the project was moved, and what the tool keeps with it
        self._write(project, place)
        (place / "ran.txt").unlink(missing_ok=True)
        self.call(self.tool.command(project.params), project, place)
        said = place / "ran.txt"
        return json.loads((place / "result.json").read_text()), said.read_text().split() if said.exists() else []

    def call(self, command: list[str], project: Project, place: Path) -> None:
        bin_folder = python_of(self.tool.environment).parent
        environment = surroundings(str(place / ".home"))
        (place / ".home").mkdir(parents=True, exist_ok=True)
        environment |= project.surroundings() | {"RAN": str(place / "ran.txt"), "PYTHONDONTWRITEBYTECODE": "1"}
        libraries = environment["PYTHONPATH"].replace(str(project.folder), str(place))
        environment["PYTHONPATH"] = os.pathsep.join((str(place), libraries))
        environment["PATH"] = os.pathsep.join((str(bin_folder), environment["PATH"]))
        try:
            done = subprocess.run(
                [str(bin_folder / command[0]), *command[1:]],
                cwd=place,
                env=environment,
                capture_output=True,
                text=True,
                timeout=LIMIT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise FailedError(f"took more than {LIMIT_S} s") from None
        if done.returncode:
            raise FailedError("\n".join((done.stderr + done.stdout).strip().splitlines()[-12:]))

    def _write(self, project: Project, place: Path) -> None:
        """Writes what differs, and makes younger what was touched."""
        files = {name: project.read(name) for name in project.files()}
        wanted = self.tool.files(files, project.params)
        listed = place / ".files.json"
        ages = json.loads(listed.read_text()) if listed.exists() else {}
        for name in set(ages) - set(wanted):
            (place / name).unlink(missing_ok=True)
        now = {name: (project.folder / name).stat().st_mtime if name in files else 0.0 for name in wanted}
        for name, text in wanted.items():
            path = place / name
            if not path.exists() or path.read_text() != text:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            elif ages.get(name) != now[name]:
                path.touch()
        listed.write_text(json.dumps(now))


def fill(column: Column, workplace: Workplace, wanted: list[Row], keep: Path | None) -> None:
    """The cells of a tool.

    Raises:
        FailedError: it does not even run the project as it stands.
        NotInstalledError: it cannot be installed.
    """
    tool = column.tool
    column.version = version_of(tool)
    if keep is not None and tool.name != "weftline":
        before = known(keep, column)
        column.cells = {row.name: before[row.name] for row in wanted if row.name in before}
        wanted = [row for row in wanted if row.name not in column.cells]
    if not wanted:
        return
    base = workplace.folder / tool.name
    state = State(tool, base)
    place = base / workplace.source.folder.name
    place.mkdir(parents=True)
    if tool.setup:
        state.call(list(tool.setup), workplace.source, place)
    _, ran = state.run(workplace.source)
    if sorted(ran) != sorted(NODES):
        raise FailedError(f"it ran {ran} at first")
    _, ran = state.run(workplace.source)
    if ran:
        raise FailedError(f"it ran {ran} again, where nothing was edited")
    kept = workplace.folder / f"{tool.name} kept"
    shutil.copytree(base, kept, symlinks=True)
    for row in wanted:
        if row.name in tool.cannot:
            column.cells[row.name] = "-"
            continue
        shutil.rmtree(base)
        shutil.copytree(kept, base, symlinks=True)  # at the same place, with the same ages
        try:
            column.cells[row.name] = verdict(state, workplace, row)
        except FailedError as error:
            column.cells[row.name] = "failed"
            print(f"{tool.name}, {row.name}:\n{error}\n", file=sys.stderr)
        if keep is not None:
            with keep.open("a") as file:
                file.write(json.dumps([tool.name, column.version, row.name, column.cells[row.name]]) + "\n")
        print(f"{tool.name:<10} {column.cells[row.name]:<7} {row.name}", file=sys.stderr)


def known(keep: Path, column: Column) -> dict[str, str]:
    """The cells that an earlier run kept for this version of a tool, but for those where it failed."""
    lines = keep.read_text().splitlines() if keep.exists() else []
    cells = [
        (name, cell)
        for tool, version, name, cell in map(json.loads, lines)
        if (tool, version) == (column.tool.name, column.version)
    ]
    return {name: cell for name, cell in cells if cell != "failed"}


def verdict(state: State, workplace: Workplace, row: Row) -> str:
    right = workplace.right(row)
    project = workplace.edited(row)
    result, ran = state.run(project)
    if row.back:
        undo(workplace.source, project)
        result, ran = state.run(project)
    if result != right:
        return "STALE"
    is_needless = set(ran) - set(row.runs) and not row.case.is_unseen  # there, what ran had to
    return "re-ran" if is_needless else "ok"


def version_of(tool: Tool) -> str:
    ask = f"import importlib.metadata as m; print(m.version({tool.distribution!r}))"
    return subprocess.run(
        [str(python_of(tool.environment)), "-c", ask], capture_output=True, text=True, check=True
    ).stdout.strip()


def report(columns: list[Column], wanted: list[Row]) -> None:
    print(f"truth table of caches, {datetime.now(UTC):%Y-%m-%d}; {machine()}")
    print(f"{len(wanted)} edits of one project of three nodes; see the head of benchmarks/truth.py for the words\n")
    lines: list[tuple[str, ...]] = []
    group = ""
    for row in wanted:
        if row.group != group:
            group = row.group
            lines.append((group.upper(), *("" for _ in columns)))
        lines.append((row.name, *(column.cells.get(row.name, "") for column in columns)))
    print(table(("edit", *(column.tool.name for column in columns)), lines, left=range(len(columns) + 1)))
    totals = []
    for column in columns:
        count = Counter(column.cells.values())
        totals.append((column.tool.name, column.version, *(str(count[word]) if column.cells else "" for word in VERDICTS)))
    print("\n" + table(("total", "version", *VERDICTS), totals, left=(0, 1)))
    for column in columns:
        if column.reason:
            print(f"\n{column.tool.name} did not run: {column.reason}")
    print("\nhow each is used:")
    for column in columns:
        print(f"  {column.tool.name:<10} {column.tool.note}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", default="", help="only these, with commas; weftline is always there")
    parser.add_argument("--only", default="", help="only edits whose name has this text")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="keep the peers' cells there, and take those that are there")
    asked = parser.parse_args()
    chosen = {"weftline", *asked.peers.split(",")} if asked.peers else {tool.name for tool in TOOLS}
    wanted = [row for row in rows() if asked.only in row.name]
    columns = [Column(tool) for tool in TOOLS if tool.name in chosen]
    with tempfile.TemporaryDirectory(prefix="truth-", ignore_cleanup_errors=True) as folder:
        workplace = Workplace(Path(folder))
        for column in columns:
            try:
                fill(column, workplace, wanted, asked.keep)
            except (NotInstalledError, FailedError) as error:
                column.reason = str(error)
    report(columns, wanted)


if __name__ == "__main__":
    main()
