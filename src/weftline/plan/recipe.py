"""Makes recipes: what decides a node's result besides its inputs."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePath
from types import FunctionType, MappingProxyType
from typing import Any

from weftline.digest import Closure, CodeReader, of_path, signature_of
from weftline.errors import UndigestableError, UnhashableCodeError
from weftline.model.fingerprint import CONTENT, Part, Recipe
from weftline.model.node import NodeSpec, Variable
from weftline.model.params import Bound
from weftline.model.structure import classes_named
from weftline.ports.values import Values, no_content

#: Types whose values have one digest if they are equal, and are found quickly.
_PLAIN = frozenset({bool, int, str, type(None)})
#: Classes that say nothing of the code: most that are declared.
_SILENT = frozenset({bool, int, float, str, bytes, list, tuple, dict, set})

_NO_FILES: Mapping[Path, bytes] = MappingProxyType({})


class RecipeMaker:
    """Makes the recipes of one plan; code and files are read once each.

    Args:
        values: digests of values.
        environment: what calls run in, if that is not this Python with its libraries; part of every recipe.
    """

    def __init__(self, values: Values, environment: str = "") -> None:
        self._values = values
        self._environment = {"environment": environment} if environment else {}
        self._reader = CodeReader(values.foreign.digester)
        self._params: dict[tuple[str, type, object] | None, Part] = {}  # most steps of a group have the same
        self._files: dict[Path, bytes] = {}
        self._signatures: dict[Path, bytes] = {}
        self._made: dict[tuple[object, ...], tuple[object, dict[tuple[Part, ...], Recipe]]] = {}
        self._symbols: dict[int, tuple[Closure, tuple[Part, ...]]] = {}

    def make(self, node: NodeSpec, params: Mapping[str, Bound], made: Iterable[Any] = ()) -> Recipe:
        """The recipe of a node with these parameters.

        Args:
            node: what is keyed.
            params: bound parameters.
            made: types that the nodes before it declare for what it reads.

        Raises:
            UnhashableCodeError: the code refers to something without a stable digest.
            NoContentError: a parameter or dependency names a file that is not there, or cannot be read.
        """
        bound = tuple([self._param(node, name, found.value) for name, found in params.items()]) if params else ()
        depends = tuple(self._dependency(node, at, found) for at, found in enumerate(node.depends)) if node.depends else ()
        body = node.body
        receives = _received(node, params, made)
        memo = (id(body.root), body.left_out, receives, depends, node.version, _shape(node))
        known = self._made.get(memo)
        if known is None:
            known = self._made[memo] = body.root, {bound: self._recipe(node, receives, bound, depends)}
        of_params = known[1]
        recipe = of_params.get(bound)
        if recipe is None:
            recipe = of_params[bound] = next(iter(of_params.values())).with_params(bound)
        return recipe

    def files(self, node: NodeSpec, params: Mapping[str, Bound], given: Mapping[str, Any]) -> Mapping[Path, bytes]:
        """The paths whose content counts in a node's keys, with their signatures from before they were read.

        Args:
            node: a node whose recipe was made.
            params: bound parameters.
            given: values from outside.
        """
        bound_paths = [bound.value for bound in params.values() if isinstance(bound.value, Path)] if params else []
        if not (given or node.depends or bound_paths):
            return _NO_FILES
        found = [Path(thing) for thing in node.depends if isinstance(thing, (str, PurePath))]
        found += bound_paths
        found += [given[read.key] for read in node.inputs if isinstance(given.get(read.key), Path)]
        for path in found:
            self._signatures.setdefault(path, signature_of(path))
        return {path: self._signatures[path] for path in found}

    def _recipe(
        self,
        node: NodeSpec,
        receives: frozenset[type],
        params: tuple[Part, ...],
        depends: tuple[Part, ...],
    ) -> Recipe:
        try:
            closure = self._reader.read(node.body.root, leave_out=node.body.left_out, receives=receives)
        except UndigestableError as error:
            raise UnhashableCodeError(node=node.name, path=error.path, kind=error.kind, place=node.place) from error
        return Recipe(
            code=closure.digest.hex(),
            symbols=self._symbols_of(closure),
            params=params,
            version=node.version,
            env=closure.distributions | self._environment,
            depends=depends,
            shape=_shape(node),
            not_followed=closure.not_followed,
            source=_Sources(closure),
        )

    def _symbols_of(self, closure: Closure) -> tuple[Part, ...]:
        """Made once for all nodes that run the same code."""
        if id(closure) not in self._symbols:
            self._symbols[id(closure)] = (closure, tuple(_symbols(closure)))
        return self._symbols[id(closure)][1]

    def _param(self, node: NodeSpec, name: str, value: Any) -> Part:
        if isinstance(value, Path):
            return Part(name, self._content(node, f"parameter {name!r} of node {node.name!r}", value), str(value), CONTENT)
        known = (name, type(value), value) if type(value) in _PLAIN else None
        before = self._params.get(known)
        if before is not None:
            return before
        try:
            digest = self._values.outside_digest(value, f"parameter {name!r}")
        except UndigestableError as error:
            raise UnhashableCodeError(node=node.name, path=error.path, kind=error.kind, place=node.place) from error
        part = Part(name, digest.hex(), _short(value))
        if known is not None:
            self._params[known] = part
        return part

    def _dependency(self, node: NodeSpec, position: int, thing: Any) -> Part:
        if isinstance(thing, Variable):
            value = os.environ.get(thing.name)
            return Part(f"${thing.name}", self._values.digest(value).hex(), "unset" if value is None else "set")
        if isinstance(thing, (str, PurePath)):
            user = f"what node {node.name!r} depends on"
            return Part(str(thing), self._content(node, user, Path(thing)), str(thing), CONTENT)
        try:
            return Part(getattr(thing, "__qualname__", f"depends[{position}]"), self._reader.read(thing).digest.hex(), "code")
        except UndigestableError as error:
            raise UnhashableCodeError(node=node.name, path=error.path, kind=error.kind, place=node.place) from error

    def _content(self, node: NodeSpec, user: str, path: Path) -> str:
        """The digest of a file's or folder's content: where it lies does not matter."""
        if path not in self._files:
            self._signatures.setdefault(path, signature_of(path))
            try:
                self._files[path] = of_path(path)
            except OSError as error:
                raise no_content(error, user, node.place) from error
        return self._files[path].hex()


def _received(node: NodeSpec, params: Mapping[str, Bound], made: Iterable[Any]) -> frozenset[type]:
    """The classes of what a node is given: as it declares them, and as they are known to be; built-in ones say nothing.

    Args:
        node: who is given something.
        params: bound parameters; the class of a value may be hidden behind what is declared.
        made: types that the nodes before it declare for what it reads, such as what implements a protocol.
    """
    kinds = [*made, *[read.kind for read in node.inputs]] if node.inputs else [*made]
    for name, parameter in node.parameters.items():
        kinds.append(parameter.kind)
        if name in params:
            kinds.append(type(params[name].value))
    found: frozenset[type] = frozenset()
    for declared in kinds:
        if type(declared) is not type or declared not in _SILENT:
            found |= _telling(declared)
    return found


def _telling(declared: Any) -> frozenset[type]:
    """The classes in a type, without the built-in ones."""
    try:
        return _telling_of(declared)
    except TypeError:  # with metadata that has no hash
        return _telling_of.__wrapped__(declared)


@functools.lru_cache(maxsize=4096)
def _telling_of(declared: Any) -> frozenset[type]:
    return frozenset(kind for kind in classes_named(declared) if kind.__module__ != "builtins")


def _shape(node: NodeSpec) -> tuple[str, ...]:
    """A class sets its outputs by key; what a function returns is taken apart if there are several."""
    if not isinstance(node.body.root, FunctionType):
        return tuple(sorted(key.removeprefix(node.scope) for key in node.provided))  # as its code calls them
    return () if len(node.outputs) == 1 else (f"{len(node.outputs)} outputs",)


def _symbols(closure: Closure) -> Iterator[Part]:
    for symbol in closure.symbols:
        place = "" if symbol.place is None else str(symbol.place._replace(file=Path(symbol.place.file).name))
        yield Part(symbol.name, symbol.digest.hex(), symbol.text, place)


class _Sources:
    """The texts of a closure's symbols, each read when it is asked for."""

    def __init__(self, closure: Closure) -> None:
        self._closure = closure

    def __call__(self, part: Part) -> str:
        return next((symbol.source for symbol in self._closure.symbols if symbol.name == part.name), "")


def _short(value: Any) -> str:
    try:
        text = repr(value)
    except Exception as error:  # noqa: BLE001 - it is only shown
        text = f"a {type(value).__qualname__} whose repr raises {type(error).__name__}"
    return text if len(text) <= 60 else text[:57] + "..."
