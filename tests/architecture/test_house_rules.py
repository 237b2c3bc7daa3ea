"""The rules of the house: sizes, names, charters. An exception is a line here, with its reason."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "weftline"
FILES = sorted(SOURCE.rglob("*.py"))

FILE_LINES = 400
FUNCTION_LINES = 60
CLASS_LINES = 250
CLASS_METHODS = 20
SAYS_NOTHING = {"util", "utils", "helper", "helpers", "common", "base", "misc", "manager", "handler", "impl"}

PORT_METHODS = 8

#: file: reason
LONG_FILES = {
    "errors.py": "the taxonomy is one file on purpose, so that codes are seen side by side",
}
#: file:class: reason
LARGE_CLASSES: dict[str, str] = {}
#: class: reason
LARGE_PORTS: dict[str, str] = {}


def name_of(file: Path) -> str:
    return file.relative_to(SOURCE).as_posix()


def definitions(kinds: tuple[type, ...]) -> Iterator[tuple[str, ast.AST]]:
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, kinds):
                yield f"{name_of(file)}:{node.name}", node


def lines(node: ast.AST) -> int:
    return node.end_lineno - node.lineno + 1


def test_files_are_short() -> None:
    long = {
        name_of(file): count for file in FILES if (count := len(file.read_text(encoding="utf-8").splitlines())) > FILE_LINES
    }
    assert set(long) <= set(LONG_FILES), long
    assert set(LONG_FILES) <= set(long), "an exception that is needed no more"


def test_functions_are_short() -> None:
    long = {
        name: lines(node) for name, node in definitions((ast.FunctionDef, ast.AsyncFunctionDef)) if lines(node) > FUNCTION_LINES
    }
    assert not long


def test_classes_are_small() -> None:
    large = {}
    for name, node in definitions((ast.ClassDef,)):
        methods = sum(isinstance(part, ast.FunctionDef) for part in node.body)
        if lines(node) > CLASS_LINES or methods > CLASS_METHODS:
            large[name] = (lines(node), methods)
    assert set(large) <= set(LARGE_CLASSES), large
    assert set(LARGE_CLASSES) <= set(large), "an exception that is needed no more"


def test_ports_are_small() -> None:
    """What somebody else has to write; a port that joins others adds none."""
    large = {}
    for file in (SOURCE / "ports").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and any(getattr(part, "id", "") == "Protocol" for part in node.bases):
                large[node.name] = sum(isinstance(part, ast.FunctionDef) for part in node.body)
    found = {name for name, methods in large.items() if methods > PORT_METHODS}
    assert found <= set(LARGE_PORTS), large
    assert set(LARGE_PORTS) <= found, "an exception that is needed no more"


def test_module_names_say_something() -> None:
    assert not [name_of(file) for file in FILES if file.stem.strip("_") in SAYS_NOTHING]


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_each_module_opens_with_its_charter(file: Path) -> None:
    charter = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
    assert charter, "the first line of a module says what belongs in it"
    first = charter.splitlines()[0]
    assert first.endswith((".", ":")), first


def test_broad_excepts_give_a_reason() -> None:
    """One that ends by raising again hides nothing; any other says on its line why it may catch everything."""
    silent = []
    for file in FILES:
        text = file.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)):
            is_broad = isinstance(node, ast.ExceptHandler) and getattr(node.type, "id", "") in {"Exception", "BaseException"}
            if is_broad and not any(isinstance(part, ast.Raise) for part in node.body):
                line = text.splitlines()[node.lineno - 1]
                if " - " not in line.partition("#")[2]:
                    silent.append(f"{name_of(file)}:{node.lineno}: {line.strip()}")
    assert not silent


def test_nothing_speaks_of_the_machine_it_was_made_on() -> None:
    root = SOURCE.parents[1]
    words = ["/".join(("", "work", "")), "/".join(("", "root", "")), "/".join(("", "opt", "pypi"))]
    found = []
    for folder in ("src", "tests", "docs", "examples", "benchmarks"):
        for file in (root / folder).rglob("*"):
            if file.suffix in {".py", ".md", ".txt", ".toml", ".sql", ".yaml"} and "/.venv" not in file.as_posix():
                text = file.read_text(encoding="utf-8", errors="replace")
                found += [f"{file.relative_to(root)}: {word}" for word in words if word in text]
    assert not found
