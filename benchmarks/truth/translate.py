"""The project of the truth table for tools that know nothing of weftline: the same functions, without its decorators."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

#: The nodes by the first argument of their function.
ROLES = {"source": "orders", "orders": "prices", "prices": "report"}
#: Where code goes that no node uses: it stands beside this node's helpers.
BESIDE = "prices"


def plain(text: str) -> str:
    """A module without weftline: no decorators of nodes, and the pipeline is a list of functions, `NODES`."""
    lines = text.splitlines(keepends=True)
    for statement in reversed(ast.parse(text).body):
        if is_of_weftline(statement):
            del lines[statement.lineno - 1 : statement.end_lineno]
        elif isinstance(statement, ast.FunctionDef) and is_node(statement):
            del lines[statement.decorator_list[0].lineno - 1 : statement.lineno - 1]
        elif (listed := nodes_of(statement)) is not None:
            lines[statement.lineno - 1 : statement.end_lineno] = [f"NODES = [{', '.join(listed)}]\n"]
    return "".join(lines)


def with_private_helpers(text: str) -> str:
    """A module without weftline whose other functions begin with `_`; the names that are used for them stay."""
    lines = text.splitlines(keepends=True)
    body = ast.parse(text).body
    listed = next(
        [name.id for name in statement.value.elts]
        for statement in body
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "NODES"
    )
    for statement in reversed(body):
        if isinstance(statement, ast.FunctionDef) and statement.name not in listed:
            lines.insert(statement.end_lineno, f"\n\n{statement.name} = _{statement.name}\n")
            first = statement.lineno - 1
            lines[first] = lines[first].replace(f"def {statement.name}(", f"def _{statement.name}(")
    return "".join(lines)


def scripts(files: dict[str, str]) -> dict[str, str]:
    """A script for each node, by its name: the node's function with those parts of `flow.py` that it uses, and no more.

    A node that `flow.py` imports from another module is imported by its script, too.
    """
    text = files["flow.py"]
    body = ast.parse(text).body
    listed = next(found for statement in body if (found := nodes_of(statement)) is not None)
    parts = [_Part(statement, text) for statement in body if not is_of_weftline(statement) and nodes_of(statement) is None]
    inside = {part.names[0]: part for part in parts if part.is_node}
    outside = {name: ROLES[_first_argument(name, files)] for name in listed if name not in inside}
    roles = {name: ROLES[_argument(part.statement)] for name, part in inside.items()} | outside
    rest = [part for part in parts if not part.is_node]
    used = {roles[name]: _used({name}, rest, inside.get(name)) for name in listed}
    everywhere = set().union(*used.values())
    made = {}
    for name in listed:
        role = roles[name]
        kept = [part for part in rest if id(part) in used[role] or (role == BESIDE and id(part) not in everywhere)]
        own = [inside[name]] if name in inside else []
        made[role] = "\n\n".join(part.text for part in [*kept, *own]) + f"\n\n\nNODE = {name}\n"
    return made


def is_of_weftline(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.ImportFrom) and statement.module == "weftline"


def is_node(function: ast.FunctionDef) -> bool:
    decorators = (decorator for decorator in function.decorator_list if isinstance(decorator, ast.Call))
    return any(isinstance(decorator.func, ast.Name) and decorator.func.id == "node" for decorator in decorators)


def nodes_of(statement: ast.stmt) -> list[str] | None:
    """The functions in `pipeline = Pipeline([...])`."""
    match statement:
        case ast.Assign(value=ast.Call(func=ast.Name(id="Pipeline"), args=[ast.List(elts=found), *_])):
            return [name.id for name in found if isinstance(name, ast.Name)]
    return None


@dataclass
class _Part:
    """A statement of a module, the names that it binds, and its text without a node's decorator."""

    statement: ast.stmt
    source: str

    @property
    def is_node(self) -> bool:
        return isinstance(self.statement, ast.FunctionDef) and is_node(self.statement)

    @property
    def text(self) -> str:
        lines = self.source.splitlines()
        first = self.statement.lineno
        if not self.is_node:
            first = min([first, *(found.lineno for found in getattr(self.statement, "decorator_list", []))])
        return "\n".join(lines[first - 1 : self.statement.end_lineno])

    @property
    def names(self) -> list[str]:
        statement = self.statement
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            return [alias.asname or alias.name.partition(".")[0] for alias in statement.names]
        if isinstance(statement, ast.Assign):
            return [target.id for target in statement.targets if isinstance(target, ast.Name)]
        name = getattr(statement, "name", None)
        return [name] if name else []

    def uses(self) -> Iterator[str]:
        yield from (found.id for found in ast.walk(self.statement) if isinstance(found, ast.Name))


def _used(names: set[str], parts: list[_Part], node: _Part | None) -> set[int]:
    """Which parts a node reaches, by identity."""
    wanted = names | set(node.uses() if node else ())
    found: set[int] = set()
    while True:
        more = [part for part in parts if id(part) not in found and wanted & set(part.names)]
        if not more:
            return found
        found |= {id(part) for part in more}
        wanted |= {name for part in more for name in part.uses()}


def _argument(function: ast.stmt) -> str:
    return function.args.args[0].arg


def _first_argument(name: str, files: dict[str, str]) -> str:
    """The first argument of a node that stands in another module."""
    for file, text in files.items():
        if file.endswith(".py"):
            for statement in ast.parse(text).body:
                if isinstance(statement, ast.FunctionDef) and statement.name == name and is_node(statement):
                    return _argument(statement)
    raise LookupError(name)
