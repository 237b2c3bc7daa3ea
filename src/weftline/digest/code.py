"""The normal form of one code object: its meaning without its looks, and the names it reaches for.

Theory of operation. The text of a function says more than what it does: spaces, comments, docstrings and the annotations of
its signature do not change a result. So a function is digested by its syntax tree without those. The tree is only believed
if compiling the file gives the very code object that will run; where it does not (the file was edited after the import, the
code came from `exec`, a test runner rewrote it) the byte code itself is digested instead. Never is a tree digested that is
not what runs.

The names come from the byte code, which knows scopes: every global, attribute chain on it (`np.linalg.norm`), and every
import inside the body.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

from weftline.digest.canonical import canonical
from weftline.digest.references import Import, references_of

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True)
class CodeForm:
    """What one code object is and what it refers to.

    Attributes:
        body: digest of the normalised body.
        chains: names as written, each split at its dots: `("np", "linalg", "norm")`; the first part is a global.
        imports: absolute or relative imports inside the body: (level, module, attribute chain or empty).
        from_source: False when the byte code had to stand in for the source.
    """

    body: bytes
    chains: tuple[tuple[str, ...], ...]
    imports: tuple[Import, ...]
    from_source: bool


class _This:
    """One code object and no other: equal ones of two files need not both be what their file says."""

    __slots__ = ("code",)

    def __init__(self, code: CodeType) -> None:
        self.code = code

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _This) and self.code is other.code

    def __hash__(self) -> int:
        return id(self.code)


def form_of(code: CodeType) -> CodeForm:
    """The normal form of a code object and of everything nested in it."""
    return _form_of(_This(code))


@functools.lru_cache(maxsize=8192)
def _form_of(this: _This) -> CodeForm:
    code = this.code
    tree = tree_of(code)
    body = _digest_tree(tree) if tree is not None else _digest_byte_code(code)
    chains, imports = references_of(code)
    return CodeForm(body, chains, imports, tree is not None)


def class_body_digest(tree: ast.ClassDef, *, leave_out: frozenset[str] = frozenset()) -> bytes:
    """The digest of a class statement: decorators, keywords, annotations and values; methods are digested by their code.

    Args:
        tree: the statement.
        leave_out: attributes that do not count.
    """
    kept = [
        statement
        for statement in _without_docstring(tree.body)
        if not isinstance(statement, _FUNCTIONS) and not (_targets(statement) & leave_out)
    ]
    out = hashlib.sha256(b"class\0")
    for node in (*tree.decorator_list, *tree.keywords, *kept):
        for piece in _pieces(node):
            out.update(piece)
    return out.digest()


def class_tree(file: str, qualname: str, line: int) -> ast.ClassDef | None:
    """The class statement of that name in a file, or None; `line` is where it is thought to start."""
    source = _source(file)
    if source is None:
        return None
    found = [node for node, name in source.classes if name == qualname]
    return min(found, key=lambda node: abs(node.lineno - line), default=None)


def tree_of(code: CodeType) -> ast.AST | None:
    """The tree that this very code object was compiled from, or None if that cannot be shown."""
    source = _source(code.co_filename)
    if source is None:
        return None
    if not any(_same_code(code, other) for other in source.codes.get((code.co_qualname, code.co_firstlineno), ())):
        return None
    found = [node for node in source.functions if _may_be(node, code)]
    return found[0] if len(found) == 1 else None


def first_line(statement: ast.AST) -> int:
    """The line on which a statement begins, its decorators included."""
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([getattr(statement, "lineno", 1), *(decorator.lineno for decorator in decorators)])


# --- the syntax tree ----------------------------------------------------------------------------------------------


def _digest_tree(tree: ast.AST) -> bytes:
    out = hashlib.sha256(b"tree\0")
    for piece in _pieces(tree, root=True):
        out.update(piece)
    return out.digest()


def _pieces(node: ast.AST, *, root: bool = False) -> Iterator[bytes]:
    """The tree as bytes: node names and fields in order; a stack of our own, so deep expressions do not recurse."""
    stack: list[object] = [node]
    first = root
    while stack:
        item = stack.pop()
        if isinstance(item, bytes):
            yield item
        elif isinstance(item, ast.AST):
            yield b"(" + type(item).__name__.encode()
            stack.append(b")")
            stack.extend(reversed(list(_kept_fields(item, root=first))))
            first = False
        elif isinstance(item, list):
            yield b"["
            stack.append(b"]")
            stack.extend(reversed(item))
        else:
            yield canonical(item, path="constant")


def _kept_fields(node: ast.AST, *, root: bool) -> Iterator[object]:
    """The fields that have a meaning at run time, each led by its name; empty ones are left out in every version alike."""
    for name, value in ast.iter_fields(node):
        if value is None and not (isinstance(node, ast.Constant) and name == "value"):
            continue
        if value == [] or name in {"type_comment", "kind", "ctx", "type_params"}:
            continue
        if root and _is_looks(node, name):
            continue
        if root and name == "args" and isinstance(value, ast.arguments):
            value = _names_only(value)
        if name == "body" and isinstance(value, list):
            value = _without_docstring(value)
        yield b"." + name.encode() + b"="
        yield value


def _is_looks(node: ast.AST, field: str) -> bool:
    """Whether a field of the function that is digested does not change what it computes.

    Its decorators count by the live objects that they made, its defaults by their values. Of functions defined inside it all
    of this counts: it is evaluated when the function runs.
    """
    return field in {"decorator_list", "name", "returns"} and isinstance(node, _FUNCTIONS)


def _names_only(arguments: ast.arguments) -> ast.arguments:
    """The arguments of the function that is digested, without defaults and annotations."""
    return ast.arguments(
        posonlyargs=[ast.arg(each.arg) for each in arguments.posonlyargs],
        args=[ast.arg(each.arg) for each in arguments.args],
        vararg=None if arguments.vararg is None else ast.arg(arguments.vararg.arg),
        kwonlyargs=[ast.arg(each.arg) for each in arguments.kwonlyargs],
        kw_defaults=[],
        kwarg=None if arguments.kwarg is None else ast.arg(arguments.kwarg.arg),
        defaults=[],
    )


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    """A body without its docstring; a body of nothing else means `pass`."""
    kept = body
    first = body[0] if body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        kept = body[1:]
    return kept or [ast.Pass()]


def _targets(statement: ast.stmt) -> set[str]:
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return {target.id for target in targets if isinstance(target, ast.Name)}


# --- from a code object to its tree -------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Source:
    """A file as it was read: its statements, and the code that compiling it gives."""

    functions: tuple[ast.AST, ...]
    classes: tuple[tuple[ast.ClassDef, str], ...]
    codes: dict[tuple[str, int], list[CodeType]]


def _source(file: str) -> _Source | None:
    try:
        stat = Path(file).stat()
    except OSError:
        return None
    return _read_source(file, stat.st_mtime_ns, stat.st_size)


@functools.lru_cache(maxsize=1024)
def _read_source(file: str, mtime_ns: int, size: int) -> _Source | None:
    del mtime_ns, size  # only here to forget a file that has changed
    try:
        text = Path(file).read_bytes()
        tree = ast.parse(text, file)
        code = compile(text, file, "exec", dont_inherit=True)
    except (OSError, SyntaxError, ValueError):
        return None
    functions = tuple(node for node in ast.walk(tree) if isinstance(node, (*_FUNCTIONS, ast.Lambda)))
    codes: dict[tuple[str, int], list[CodeType]] = {}
    for found in _nested(code):
        codes.setdefault((found.co_qualname, found.co_firstlineno), []).append(found)
    return _Source(functions, tuple(_classes(tree)), codes)


def _classes(tree: ast.AST) -> Iterator[tuple[ast.ClassDef, str]]:
    stack: list[tuple[ast.AST, str]] = [(tree, "")]
    while stack:
        node, prefix = stack.pop()
        for child in ast.iter_child_nodes(node):
            inner = prefix
            if isinstance(child, ast.ClassDef):
                yield child, prefix + child.name
                inner = f"{prefix}{child.name}."
            elif isinstance(child, _FUNCTIONS):
                inner = f"{prefix}{child.name}.<locals>."
            stack.append((child, inner))


def _nested(code: CodeType) -> Iterator[CodeType]:
    stack = [code]
    while stack:
        found = stack.pop()
        yield found
        stack.extend(constant for constant in found.co_consts if isinstance(constant, CodeType))


def _may_be(node: ast.AST, code: CodeType) -> bool:
    if isinstance(node, ast.Lambda):
        return code.co_name == "<lambda>" and _spans(node, code)
    if not isinstance(node, _FUNCTIONS):
        return False
    return node.name == code.co_name and first_line(node) == code.co_firstlineno


def _spans(node: ast.Lambda, code: CodeType) -> bool:
    """Whether a lambda's code lies exactly inside this tree's body: several may stand on one line."""
    marks = [
        (line, column, end_line, end_column)
        for line, end_line, column, end_column in code.co_positions()
        if None not in (line, end_line, column, end_column) and (end_line, end_column) != (line, 0)
    ]
    body = node.body
    if not marks or body.end_lineno is None or body.end_col_offset is None:
        return False
    starts = min((line or 0, column or 0) for line, column, _, _ in marks)
    ends = max((line or 0, column or 0) for _, _, line, column in marks)
    return starts == (body.lineno, body.col_offset) and ends == (body.end_lineno, body.end_col_offset)


def _signature(code: CodeType) -> tuple[object, ...]:
    counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount)
    return (*counts, code.co_varnames, code.co_freevars, code.co_cellvars)


def _same_code(one: CodeType, other: CodeType) -> bool:
    """Whether two code objects do the same: instructions, names and constants; file name and line table aside."""
    if one.co_code != other.co_code or one.co_names != other.co_names or one.co_flags != other.co_flags:
        return False
    if one.co_exceptiontable != other.co_exceptiontable or len(one.co_consts) != len(other.co_consts):
        return False
    if _signature(one) != _signature(other):
        return False
    for mine, theirs in zip(one.co_consts, other.co_consts, strict=True):
        if isinstance(mine, CodeType) and isinstance(theirs, CodeType):
            if not _same_code(mine, theirs):
                return False
        elif canonical(mine) != canonical(theirs):
            return False
    return True


# --- the byte code ------------------------------------------------------------------------------------------------


def _digest_byte_code(code: CodeType) -> bytes:
    out = hashlib.sha256(b"code\0")
    for found in _nested(code):
        constants = [None if isinstance(constant, CodeType) else constant for constant in found.co_consts]
        if _has_docstring(found):
            constants[0] = None
        shape = (found.co_names, *_signature(found), found.co_flags, constants)
        out.update(canonical((found.co_code, found.co_exceptiontable, shape), path="constant"))
    return out.digest()


def _has_docstring(code: CodeType) -> bool:
    """Whether the first constant is a docstring: flagged since Python 3.14, before that always so in a function's body."""
    if not code.co_consts or not isinstance(code.co_consts[0], str):
        return False
    if sys.version_info >= (3, 14):
        return bool(code.co_flags & inspect.CO_HAS_DOCSTRING)
    return bool(code.co_flags & inspect.CO_NEWLOCALS) and not code.co_name.startswith("<")
