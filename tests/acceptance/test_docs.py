"""The documentation runs: its programs, its flow files, and the commands it shows, with what they print.

A page is a story: its blocks run in order, in one temporary folder that has the repository's `examples`.

- A `python` block that begins with `# name.py` is written to that file. With `# name.py: ...` it holds definitions that take
  the place of those of the same name in the file.
- Any other `python` block is a program, and is run.
- A `yaml` block that begins with `# name.yaml` is written to that file, without that line.
- A `text` block that begins with `$ ` is a transcript: each line after `$ ` is run by bash. What stands below it has to be what
  the command prints on stdout, on stderr, or on both, stdout first; below a command without any, nothing is compared.

In what is expected, `...` stands for anything, alone on a line for any number of lines. Run ids, durations and the temporary
folder are masked, and gaps inside a line count as one.
"""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LIMIT_S = 60
#: Modules that a page needs beside weftline; `make test` installs them, and `make test-executors` the last ones.
NEEDS = {
    "clinical-trials.md": ["onnxruntime"],
    "store-your-types.md": ["numpy"],
    "policies.md": ["tenacity"],
    "executors.md": ["distributed", "executorlib", "loky", "mpi4py"],
}

BLOCK = re.compile(r"^```(?P<kind>python|yaml|text)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"# (?P<file>[\w/]+\.(?:py|yaml))(?P<change>:.*)?\n")
RUN_ID = re.compile(r"\b\d{8}T\d{6}-[0-9a-f]{6}\b")
BATCH = re.compile(r"_\d{8}T\d{6}_[0-9a-f]{8}\b")
DURATION = re.compile(r"\b(?:\d+(?:\.\d+)? (?:ms|s|min)|\d+:\d\d min)\b")
GAP = re.compile(r"(?<=\S) {2,}(?=\S)")


@dataclass(frozen=True)
class Block:
    """A code block of a page, with the line that it begins on."""

    kind: str
    text: str
    line: int


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for match in BLOCK.finditer(text):
        yield Block(match["kind"], match["text"], text.count("\n", 0, match.start()) + 2)


def is_run(block: Block) -> bool:
    return block.kind == "python" or (block.kind == "text" and block.text.startswith("$ "))


class Reader:
    """Does what a page says, in one folder."""

    def __init__(self, page: Path, folder: Path) -> None:
        self.page = page
        self.folder = folder
        self.code = 0
        self.unused: dict[str, int] = {}
        (folder / "examples").symlink_to(ROOT / "examples")
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(("WEFTLINE_", "PYTHON"))}
        self.environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    def read(self) -> None:
        for block in blocks(self.page):
            if block.kind == "python":
                self.python(block)
            elif block.kind == "yaml":
                self.manifest(block)
            elif is_run(block):
                for command, expected, line in commands(block):
                    self.type(command, expected, line)
        for name, line in self.unused.items():  # nobody ran it, so that it has at least to be a program
            self.type(f"python {name}", "", line)

    def python(self, block: Block) -> None:
        compile(block.text, f"{self.page}:{block.line}", "exec")
        named = NAMED.match(block.text)
        if named is None:
            program = self.folder / f"block_{block.line}.py"
            program.write_text(block.text, encoding="utf-8")
            self.type(f"python {program.name}", "", block.line)
            return
        file = self.folder / named["file"]
        file.parent.mkdir(parents=True, exist_ok=True)
        text = replaced(file.read_text(encoding="utf-8"), block.text) if named["change"] else block.text
        file.write_text(text, encoding="utf-8")
        self.unused[named["file"]] = block.line

    def manifest(self, block: Block) -> None:
        """Writes a file, without the line that names it."""
        named = NAMED.match(block.text)
        if named is not None:
            file = self.folder / named["file"]
            file.parent.mkdir(exist_ok=True)
            file.write_text(block.text[named.end() :], encoding="utf-8")

    def type(self, command: str, expected: str, line: int) -> None:
        self.unused = {name: at for name, at in self.unused.items() if Path(name).stem not in command}
        done = subprocess.run(
            ["bash", "-c", f"(exit {self.code})\n{command}"],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        self.code = done.returncode
        place = f"{self.page.relative_to(ROOT)}:{line}: {command}"
        printed = [self.plain(text) for text in (done.stdout, done.stderr, done.stdout + done.stderr)]
        if expected.strip():
            pattern = as_pattern(self.plain(expected))
            assert any(pattern.fullmatch(text) for text in printed), (
                f"{place}\nexits with {self.code} and prints\n\n{printed[2]}"
            )
        else:
            is_pending = self.code == 2 and " plan " in f" {command} "
            assert self.code == 0 or is_pending, f"{place}\nexits with {self.code} and prints\n\n{printed[2]}"
        assert self.code != 70, f"{place}\n\n{printed[2]}"

    def plain(self, text: str) -> str:
        """A text without what differs from one time to the next."""
        text = text.replace(f"{self.folder}/", "").replace(str(self.folder), ".")
        text = DURATION.sub("TIME", RUN_ID.sub("RUN", BATCH.sub("_BATCH", text)))
        lines = [GAP.sub("  ", line.rstrip()) for line in text.strip("\n").splitlines()]
        return "\n".join(lines).strip("\n") + "\n"


def commands(block: Block) -> Iterator[tuple[str, str, int]]:
    """The commands of a transcript, what each is said to print, and the line of it."""
    for match in re.finditer(r"^\$ (?P<command>.*)\n(?P<expected>(?:(?!\$ ).*\n)*)", block.text, re.MULTILINE):
        yield match["command"], match["expected"], block.line + block.text.count("\n", 0, match.start())


def as_pattern(expected: str) -> re.Pattern[str]:
    lines = []
    for line in expected.splitlines():
        if line.strip() == "...":
            lines.append(r"(?:.*\n)*?")
        else:
            lines.append(".*".join(re.escape(part) for part in line.split("...")) + r"\n")
    return re.compile("".join(lines))


def replaced(source: str, change: str) -> str:
    """A file's source with some of its definitions written anew."""
    for statement in ast.parse(change).body:
        new = ast.get_source_segment(change, statement) or ""
        for old in ast.parse(source).body:
            if getattr(old, "name", 1) == getattr(statement, "name", 2):
                lines = source.splitlines()
                lines[first_line(old) - 1 : old.end_lineno] = "\n".join(
                    change.splitlines()[first_line(statement) - 1 : statement.end_lineno]
                ).splitlines()
                source = "\n".join(lines) + "\n"
                break
        else:
            raise AssertionError(f"there is nothing that this replaces:\n{new}")
    return source


def first_line(statement: ast.stmt) -> int:
    decorators = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(decorator.lineno for decorator in decorators)])


@pytest.mark.parametrize(
    "page", [page for page in PAGES if any(map(is_run, blocks(page)))], ids=lambda page: str(page.relative_to(ROOT))
)
def test_a_page_does_what_it_says(page: Path, tmp_path: Path) -> None:
    for module in NEEDS.get(page.name, ()):
        if importlib.util.find_spec(module) is None:  # importing some of them warns, or starts something
            pytest.skip(f"{module} is not installed")
    Reader(page, tmp_path).read()


def test_most_pages_run_something() -> None:
    """Else the pattern of a block is wrong, and nothing is tested."""
    silent = [page.name for page in PAGES if page.parent.name in {"tutorials", "howto"} and not any(map(is_run, blocks(page)))]
    assert not silent
    assert len(PAGES) > 10


def test_links_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} links to {target}"


@pytest.mark.parametrize(
    ("expected", "printed", "fits"),
    [
        ("a\n", "a\n", True),
        ("a\n", "b\n", False),
        ("a ... c\n", "a b c\n", True),
        ("a ... c\n", "a b d\n", False),
        ("a\n...\nd\n", "a\nb\nc\nd\n", True),
        ("a\n...\nd\n", "a\nd\n", True),
        ("a\n...\n", "b\nc\n", False),
        ("a.c\n", "abc\n", False),
    ],
)
def test_what_expected_output_means(expected: str, printed: str, fits: bool) -> None:
    assert (as_pattern(expected).fullmatch(printed) is not None) == fits
