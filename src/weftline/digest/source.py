"""The text of a definition, or of a long constant, as people wrote it: for showing what changed, never for keys."""

from __future__ import annotations

import ast
import inspect
import linecache
import sys
import textwrap
import tokenize
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from weftline.digest.code import class_tree, first_line, tree_of
from weftline.digest.things import functions_of, shown, unwrapped

#: The longest text that is kept, in characters; it ends with a whole line.
LONGEST = 64 * 1024


def text_of(thing: Any) -> str:
    """The text of a function or class, dedented, or of a long string or container; empty where there is none.

    There is none for a function whose file says something else by now, or that no file and no notebook holds. Of a class
    there are only the statements that are not methods, which are definitions of their own; empty lines stand for them.
    """
    found = unwrapped(thing)
    if isinstance(found, FunctionType):
        text = textwrap.dedent("".join(_of_function(found.__code__)))
    elif isinstance(found, type):
        text = textwrap.dedent("".join(_of_class(found)))
    else:
        text = thing + "\n" if type(thing) is str else "".join(_of_items(thing))
    return text if len(text) <= LONGEST else text[: text.rfind("\n", 0, LONGEST) + 1]


def class_statement(kind: type) -> tuple[str, ast.ClassDef | None]:
    """The file of a class, and its statement there; None if there is none of that name."""
    module = sys.modules.get(kind.__module__)
    file = getattr(module, "__file__", None) or ""
    line = next((member.__code__.co_firstlineno for member in functions_of(kind)), 1)
    return file, class_tree(file, kind.__qualname__, line)


def _of_function(code: CodeType) -> Sequence[str]:
    tree = tree_of(code)
    if tree is not None:
        return _lines(code.co_filename, tree)
    if Path(code.co_filename).exists():
        return ()  # a file that was edited after it was imported
    try:
        return inspect.getblock(linecache.getlines(code.co_filename)[code.co_firstlineno - 1 :])
    except (SyntaxError, tokenize.TokenError):
        return ()


def _of_class(kind: type) -> Sequence[str]:
    file, tree = class_statement(kind)
    if tree is None:
        return ()
    lines, start = list(_lines(file, tree)), first_line(tree)
    for statement in tree.body:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first, last = first_line(statement) - start, (statement.end_lineno or 0) - start
            lines[first : last + 1] = ["\n"] * (last + 1 - first)
    return lines


def _lines(file: str, tree: ast.AST) -> Sequence[str]:
    linecache.checkcache(file)
    return linecache.getlines(file)[first_line(tree) - 1 : getattr(tree, "end_lineno", None)]


def _of_items(value: Any) -> Sequence[str]:
    """One line for each item, so that it is seen which one changed."""
    kind = type(value)
    if kind is dict:
        items: Iterable[str] = (f"{shown(key, LONGEST)}: {shown(part, LONGEST)}" for key, part in value.items())
    elif kind in {list, tuple}:
        items = (shown(part, LONGEST) for part in value)
    elif kind in {set, frozenset}:
        items = sorted(shown(part, LONGEST) for part in value)
    else:
        return ()
    found, length = [], 0
    for item in items:
        found.append(f"{item},\n")
        length += len(item) + 2
        if length > LONGEST:
            break
    return found
