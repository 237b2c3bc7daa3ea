"""What a function or an object reaches: its code, the project's helpers, classes and constants, and the libraries used.

Theory of operation. The walk starts at a root and follows live objects, not text: globals as they are bound now, closures'
cells, defaults, methods, bases, the state of injected objects. Each thing reached is a *symbol* with a digest of its own;
the closure's digest joins them by the order of discovery and by the names under which they refer to each other, so neither
the file nor the module that holds a helper matters. Code of the project is followed; code of a library counts by the version
of its distribution; the pipeline machinery itself is left out (the key's schema version stands for it).

What cannot be followed (a name that is not bound yet, an import that fails) is listed, never passed over in silence.
"""

from __future__ import annotations

import builtins
import enum
import importlib
import importlib.util
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from weftline.digest.canonical import ForeignDigests, no_foreign_types, of_parts
from weftline.digest.code import class_body_digest, first_line, form_of
from weftline.digest.declared import declared_in
from weftline.digest.origin import origin_of
from weftline.digest.references import Import
from weftline.digest.source import class_statement, text_of
from weftline.digest.things import is_generated, leads_home, shown, unwrapped
from weftline.digest.tokens import Tokens
from weftline.errors import Place, UndigestableError


@dataclass(frozen=True, slots=True)
class Symbol:
    """One thing that a node's code consists of.

    Attributes:
        name: as a reader would call it: `scale()`, `class Model`, `LIMIT`.
        place: where it is defined, or None for a value.
        digest: of this thing alone, without what it refers to.
        text: a constant's value in short, for showing what it was.
        thing: the definition, or a constant that is shown in part only; None for all else.
    """

    name: str
    place: Place | None
    digest: bytes
    text: str = ""
    thing: object = field(default=None, repr=False, compare=False)

    @property
    def source(self) -> str:
        """The text as people wrote it; empty where there is none. It is read now."""
        return "" if self.thing is None else text_of(self.thing)


@dataclass(frozen=True, slots=True)
class Closure:
    """Everything that decides what a node computes, inputs and parameters aside.

    Attributes:
        digest: of the whole, equal for equal meaning wherever it is written.
        symbols: what was followed, the root first.
        distributions: version by distribution, `python` among them.
        not_followed: what could not be followed, and why.
    """

    digest: bytes
    symbols: tuple[Symbol, ...]
    distributions: dict[str, str] = field(default_factory=dict)
    not_followed: tuple[str, ...] = ()


class CodeReader:
    """Reads closures; one reader serves one plan, so that a constant changed between two plans is seen."""

    def __init__(self, foreign: ForeignDigests = no_foreign_types) -> None:
        self._foreign = foreign
        self._known: dict[tuple[int, frozenset[str], frozenset[type]], tuple[object, Closure]] = {}

    def read(
        self, root: object, *, leave_out: frozenset[str] = frozenset(), receives: frozenset[type] = frozenset()
    ) -> Closure:
        """The closure of a function or of an instance.

        Args:
            root: what will run.
            leave_out: arguments (of a function) or attributes (of an instance and its class) that do not count,
                because they are keyed elsewhere.
            receives: classes of what it will be given. It may call their methods without naming them, so those of the
                project count with their subclasses, and those of libraries by version.

        Raises:
            UndigestableError: a value that the code refers to has no stable digest; the path names it.
        """
        memo = (id(root), leave_out, receives)
        if memo not in self._known:
            self._known[memo] = (root, _Walk(root, leave_out, self._foreign).closure(receives))
        return self._known[memo][1]


class _Walk:
    """One walk from one root."""

    def __init__(self, root: object, leave_out: frozenset[str], foreign: ForeignDigests) -> None:
        self._root = root
        self._leave_out = leave_out
        self._own = (getattr(root, "__module__", None) or type(root).__module__).split(".", 1)[0]
        self._tokens = Tokens(root, leave_out, self._own, foreign)
        self._token = self._tokens.of
        self._records: list[bytes] = []
        self._symbols: list[Symbol] = []
        self._names: dict[str, int] = {}
        self._not_followed: list[str] = []

    def closure(self, receives: Iterable[type]) -> Closure:
        first = self._token(self._root, "node")
        self._describe_all()
        received = [self._token(kind, kind.__qualname__) for kind in self._tokens.of_project(receives)]
        self._describe_all()
        digest = of_parts(b"closure/1", first, *received, *self._records)
        return Closure(digest, tuple(self._symbols), self._tokens.distributions, tuple(self._not_followed))

    def _describe_all(self) -> None:
        while self._tokens.undescribed:
            self._describe(self._tokens.undescribed.popleft())

    def _describe(self, thing: Any) -> None:
        if isinstance(thing, FunctionType):
            self._function(thing)
        elif isinstance(thing, type):
            self._class(thing)
        else:
            self._module(thing)

    def _list(self, name: str, place: Place | None, digest: bytes, text: str = "", thing: object = None) -> None:
        """Adds a symbol; of several with one name, such as the functions called `_`, each has a number."""
        count = self._names[name] = self._names.get(name, 0) + 1
        self._symbols.append(Symbol(name if count == 1 else f"{name} #{count}", place, digest, text, thing))

    def _add(
        self, name: str, place: Place | None, own: bytes, references: Iterable[tuple[str, bytes]], thing: object = None
    ) -> None:
        self._list(name, place, own, thing=thing)
        parts = [own]
        for label, token in references:
            parts += [label.encode(), token]
        self._records.append(of_parts(*parts))

    def _function(self, function: FunctionType) -> None:
        code = function.__code__
        form = form_of(code)
        name = code.co_qualname.replace("<locals>.", "")  # the code's own: a wrapper has the name of what it wraps
        place = Place(code.co_filename, code.co_firstlineno)
        is_root = function is unwrapped(self._root)
        own = of_parts(b"function", b"" if is_root else function.__name__.encode(), form.body)
        references = [*self._defaults(function), *self._cells(function), *self._attributes(function)]
        for chain in form.chains:
            token = self._global(chain, function.__globals__, name)
            if token is not None:
                references.append((".".join(chain), token))
        for statement in form.imports:
            label = "." * statement[0] + ".".join((statement[1], *statement[2]))
            references.append((f"import {label}", self._import(statement, function.__globals__, name)))
        self._add(f"{name}()", place, own, references, function)

    def _defaults(self, function: FunctionType) -> Iterator[tuple[str, bytes]]:
        leave_out = self._leave_out if function is unwrapped(self._root) else frozenset()
        code = function.__code__
        names = code.co_varnames[: code.co_argcount]
        defaults = function.__defaults__ or ()
        by_name = dict(zip(names[len(names) - len(defaults) :], defaults, strict=True)) | (function.__kwdefaults__ or {})
        for name, value in sorted(by_name.items()):
            if name not in leave_out:
                path = f"{function.__qualname__}({name}=...)"
                yield f"default {name}", self._constant(value, path)

    def _cells(self, function: FunctionType) -> Iterator[tuple[str, bytes]]:
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            try:
                content = cell.cell_contents
            except ValueError:  # an empty cell: the name is not bound yet
                yield f"cell {name}", b"empty"
                continue
            yield f"cell {name}", self._constant(content, f"{name} in {function.__qualname__}")

    def _attributes(self, function: FunctionType) -> Iterator[tuple[str, bytes]]:
        for name, value in sorted(vars(function).items()):
            try:
                yield f"attribute {name}", self._token(value, f"{function.__qualname__}.{name}")
            except UndigestableError as error:
                self._not_followed.append(f"{function.__qualname__}.{name}: a {error.kind}")

    def _constant(self, value: Any, path: str) -> bytes:
        """A value under a name: listed among the symbols, so that a change of it can be shown."""
        token, by_name = self._tokens.both(value, path)
        if not isinstance(unwrapped(value), (FunctionType, type, ModuleType, BuiltinFunctionType)):
            text = shown(value)
            self._list(path, None, of_parts(by_name), text, value if text.endswith("...") else None)
        return token

    def _global(self, chain: tuple[str, ...], names: dict[str, Any], user: str) -> bytes | None:
        if chain[0] not in names:
            if not hasattr(builtins, chain[0]):
                self._not_followed.append(f"{'.'.join(chain)} in {user}(): not bound yet")
                return b"?"
            return None
        return self._chained(names[chain[0]], chain[0], chain[1:], user)

    def _chained(self, thing: Any, label: str, attributes: tuple[str, ...], user: str) -> bytes:
        """Follows attributes through modules; what comes after the first thing that is none belongs to that thing."""
        for attribute in attributes:
            if not isinstance(thing, ModuleType):
                break
            reason = _why_missing(thing, attribute)
            if reason:
                self._not_followed.append(f"{label}.{attribute} in {user}(): {reason}")
                return b"?"
            if origin_of(thing.__name__, self._own).kind != "project" and not leads_home(thing, attribute, self._own):
                break
            thing = getattr(thing, attribute)
            label = f"{label}.{attribute}"
        token = self._constant(thing, label)
        if isinstance(thing, type) and "__subclasses__" in attributes:  # code asks for all of them
            token = of_parts(token, *(self._token(kind, label) for kind in self._tokens.of_project([thing])))
        return token

    def _import(self, statement: Import, names: dict[str, Any], user: str) -> bytes:
        level, module, attributes = statement
        try:
            package = names.get("__package__") or ""
            full = importlib.util.resolve_name("." * level + module, package) if level else module
            origin = self._tokens.from_library(full)
            if origin.kind != "project":
                return f"{origin.distribution}:{module}".encode()
            found = importlib.import_module(full)
            here: Any = found
            for attribute in attributes:
                if not isinstance(here, ModuleType):
                    break
                if not hasattr(here, attribute):
                    importlib.import_module(f"{here.__name__}.{attribute}")
                here = getattr(here, attribute)
        except Exception as error:  # noqa: BLE001 - a module may fail to import with any error
            self._not_followed.append(f"import of {module} in {user}(): {type(error).__name__}: {error}")
            return b"?"
        return self._chained(found, module, attributes, user)

    def _class(self, kind: type) -> None:
        leave_out = self._leave_out if kind is type(self._root) else frozenset()
        file, tree = class_statement(kind)
        label = b"" if kind is type(self._root) else kind.__name__.encode()
        own = of_parts(b"class", label, b"" if tree is None else class_body_digest(tree, leave_out=leave_out))
        references = [(f"base {position}", self._token(base, "base")) for position, base in enumerate(kind.__bases__)]
        if type(kind) is not type:
            references.append(("metaclass", self._token(type(kind), "metaclass")))
        for name, member in sorted(kind.__dict__.items()):
            if name not in leave_out and not is_generated(kind, name, member):
                references.append((name, self._constant(member, f"{kind.__qualname__}.{name}")))
        if issubclass(kind, enum.Enum):
            references += [(name, self._token(member.value, name)) for name, member in kind.__members__.items()]
        for name, content in declared_in(kind):
            if name not in leave_out:
                references.append((f"declared {name}", self._token(content, f"{kind.__qualname__}.{name}")))
        place = Place(file, first_line(tree)) if tree is not None else None
        self._add(f"class {kind.__qualname__}", place, own, references, kind)

    def _module(self, module: ModuleType) -> None:
        """A module of the project that is used as a whole, so that nobody can tell which part: all of its functions."""
        references = []
        for name, member in sorted(vars(module).items()):
            if name.startswith("__") and name.endswith("__"):
                continue
            try:
                references.append((name, self._token(member, f"{module.__name__}.{name}")))
            except UndigestableError:
                self._not_followed.append(f"{module.__name__}.{name}: a {type(member).__qualname__}")
        self._add(f"module {module.__name__}", Place(module.__file__ or module.__name__), b"module", references)


def _why_missing(module: ModuleType, attribute: str) -> str:
    """Why a module does not give an attribute now; empty if it does. One that makes its attributes may raise anything."""
    try:
        getattr(module, attribute)
    except AttributeError:
        return "no such attribute now"
    except Exception as error:  # noqa: BLE001 - a lazy module whose extra is missing, and so on
        return f"{type(error).__name__}: {error}"
    return ""
