"""What byte code reaches for: globals with the attributes taken from them, and imports inside the body."""

from __future__ import annotations

import dis
import inspect
from collections.abc import Iterator
from types import CodeType

_GLOBAL_LOADS = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"})
_ATTRIBUTE_LOADS = frozenset({"LOAD_ATTR", "LOAD_METHOD"})

#: An import inside a body: its level, the module that the statement binds or reads from, and the attributes taken from there.
Import = tuple[int, str, tuple[str, ...]]


def references_of(code: CodeType) -> tuple[tuple[tuple[str, ...], ...], tuple[Import, ...]]:
    """The chains on globals and the imports of a code object and of everything nested in it, each sorted."""
    found = _References()
    found.read(code)
    return tuple(sorted(found.chains)), tuple(sorted(found.imports))


class _References:
    """Reads what a code object, and the ones nested in it, load from outside.

    A small reading of the stack is enough: a load starts a chain, attribute loads lengthen it, anything else ends it. A local
    name may be bound by several imports (in branches, one after the other): each of them counts wherever it is used, since
    the order of instructions is not the order of execution.
    """

    def __init__(self) -> None:
        self.chains: set[tuple[str, ...]] = set()
        self.imports: set[Import] = set()
        self._bound: dict[str, set[Import]] = {}
        self._used: set[tuple[str, ...]] = set()
        self._chain: list[str] = []
        self._is_local = False
        self._constants: list[object] = []
        self._imported: Import | None = None
        self._takes_names = False
        self._of_class: set[str] | None = None

    def read(self, code: CodeType) -> None:
        for found in _outer_first(code):
            self._of_class = None if found.co_flags & inspect.CO_OPTIMIZED else {"__name__"}
            for step in dis.get_instructions(found):
                if step.opname != "EXTENDED_ARG":  # a longer number for the instruction that follows
                    self._step(step.opname, step.argval)
            self._end_chain()
        used = {chain[0] for chain in self._used}
        for name, bound in self._bound.items():
            chains = [chain[1:] for chain in self._used if chain[0] == name] if name in used else [()]
            self.imports |= {(level, module, (*names, *chain)) for level, module, names in bound for chain in chains}

    def _step(self, name: str, value: object) -> None:
        if name in _ATTRIBUTE_LOADS and self._chain:
            self._chain.append(str(value))
            return
        self._end_chain()
        if name in _GLOBAL_LOADS:
            if not (name == "LOAD_NAME" and self._of_class is not None and value in self._of_class):
                self._chain.append(str(value))
        elif name in {"LOAD_CONST", "LOAD_SMALL_INT"}:
            self._constants.append(value)
        elif name == "IMPORT_NAME":
            self._import(str(value))
        elif name == "IMPORT_FROM" and self._imported is not None:
            level, module, chain = self._imported
            self._imported = (level, module, (*chain, str(value)))
        elif name == "POP_TOP" and self._takes_names:
            self._imported = None
        elif name.startswith("STORE_") or "LOAD_FAST" in name or "DEREF" in name:
            self._local(name, value)

    def _import(self, module: str) -> None:
        """`import a.b` binds `a`; `from a.b import c` reads from `a.b`: the list of names before it tells which."""
        level, names = self._constants[-2], self._constants[-1]
        self._takes_names = names is not None
        base = module if self._takes_names else module.split(".", 1)[0]
        self._imported = (level if isinstance(level, int) else 0, base, ())

    def _local(self, name: str, value: object) -> None:
        """One instruction may store and load up to two local names; the last one loaded is on top of the stack."""
        names = [str(part) for part in value] if isinstance(value, tuple) else [str(value)]
        if name == "STORE_NAME" and self._of_class is not None:
            self._of_class.add(names[0])
        if name.startswith("STORE_"):
            if self._imported is not None:
                self._bound.setdefault(names[0], set()).add(self._imported)
                self._imported = (*self._imported[:2], ()) if self._takes_names else None
            names = names[1:] if "LOAD" in name else []
        for local in names:
            self._end_chain()
            self._chain, self._is_local = [local], True

    def _end_chain(self) -> None:
        if self._chain:
            (self._used if self._is_local else self.chains).add(tuple(self._chain))
        self._chain, self._is_local = [], False


def _outer_first(code: CodeType) -> Iterator[CodeType]:
    queue = [code]
    for found in queue:
        yield found
        queue.extend(constant for constant in found.co_consts if isinstance(constant, CodeType))
