"""What decides a node's result besides its inputs: the recipe; and the keys made of a recipe and inputs.

The key (schema `v2`) is a digest over: the schema version, the code closure, bound parameters, the declared version, the
versions of the distributions that the closure imports, the declared dependencies, and the digests of the inputs. Not in it:
the node's name, the run, the machine, the time, the path of the project, resources and retry policy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from weftline.digest import counted, of_counted, of_parts

SCHEMA = b"weftline.key/v2"
#: In the place of a part whose digest is of a file or folder.
CONTENT = "content"


class Part(NamedTuple):
    """One named thing in a recipe: its digest, and words for people.

    Attributes:
        text: a value in short, or a path whose content the digest is of.
        place: the file and line that define a symbol; `CONTENT` where the text is a path.
    """

    name: str
    digest: str
    text: str = ""
    place: str = ""


#: Gives the text of a symbol as people wrote it; empty where there is none.
Source = Callable[[Part], str]


def no_source(symbol: Part) -> str:
    """For a recipe of which nobody kept the text."""
    del symbol
    return ""


class Change(NamedTuple):
    """One difference between two recipes: the reason's code, and what changed in words."""

    code: str
    detail: str


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a result, inputs aside.

    Attributes:
        code: digest of the code closure.
        symbols: what the closure consists of.
        params: bound parameters.
        version: declared by the node.
        env: versions by distribution.
        depends: declared dependencies.
        shape: what the declaration adds for the code to be read rightly, such as the keys that a class form sets.
        not_followed: what the closure could not follow.
        source: the text of its symbols, read when it is asked for.
    """

    code: str
    symbols: tuple[Part, ...] = ()
    params: tuple[Part, ...] = ()
    version: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    depends: tuple[Part, ...] = ()
    shape: tuple[str, ...] = ()
    not_followed: tuple[str, ...] = ()
    source: Source = field(default=no_source, repr=False, compare=False)

    @cached_property
    def digest(self) -> bytes:
        """Equal for recipes that make equal results."""
        return self._digest_with(self.params)

    def _digest_with(self, params: tuple[Part, ...]) -> bytes:
        before, after = self._around_params
        return of_counted(before + counted([word.encode() for part in params for word in (part.name, part.digest)]) + after)

    @cached_property
    def _around_params(self) -> tuple[bytes, bytes]:
        version = "" if self.version is None else f"={self.version}"
        after = (
            b"env",
            *_named(sorted(self.env.items())),
            b"depends",
            *_named((part.name, part.digest) for part in self.depends),
            b"shape",
            *(name.encode() for name in self.shape),
        )
        return counted((SCHEMA, self.code.encode(), version.encode())), counted(after)

    def with_params(self, params: tuple[Part, ...]) -> Recipe:
        """The same with other parameters; what else counts is digested once for all of them."""
        made = object.__new__(Recipe)  # a tenth of what `replace` takes, and there may be one for each of 10,000 steps
        made.__dict__.update(self.__dict__, params=params, digest=self._digest_with(params))
        return made

    def as_dict(self) -> dict[str, Any]:
        """For the ledger."""
        return {
            "code": self.code,
            "symbols": [list(part) for part in self.symbols],
            "params": [list(part) for part in self.params],
            "version": self.version,
            "env": dict(self.env),
            "depends": [list(part) for part in self.depends],
            "shape": list(self.shape),
            "not_followed": list(self.not_followed),
        }

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any], source: Source = no_source) -> Recipe:
        """What `as_dict` wrote, with where to ask for the text of its symbols."""
        return cls(
            code=fields["code"],
            symbols=tuple(Part(*part) for part in fields["symbols"]),
            params=tuple(Part(*part) for part in fields["params"]),
            version=fields["version"],
            env=fields["env"],
            depends=tuple(Part(*part) for part in fields["depends"]),
            shape=tuple(fields["shape"]),
            not_followed=tuple(fields["not_followed"]),
            source=source,
        )


def _named(pairs: Iterable[tuple[str, str]]) -> Iterable[bytes]:
    for name, digest in pairs:
        yield name.encode()
        yield digest.encode()


class KeyMaker:
    """Makes the keys of one node's calls: the part that all calls share is hashed once.

    Args:
        recipe: digest of the node's recipe.
        inputs: name and digest of each input that all calls share, in the order of declaration.
    """

    def __init__(self, recipe: bytes, inputs: Sequence[tuple[str, bytes]]) -> None:
        self._shared = hashlib.sha256(
            of_parts(SCHEMA, recipe, *(part for pair in inputs for part in (pair[0].encode(), pair[1])))
        )

    def whole(self) -> bytes:
        """The key of a node's only call."""
        return self._shared.digest()

    def item(self, digest: bytes) -> bytes:
        """The key of the call on the item with that digest."""
        shared = self._shared.copy()
        shared.update(digest)
        return shared.digest()


def call_keys(
    recipe: bytes, inputs: Mapping[str, bytes | None], over: str | None, items: Sequence[bytes | None] | None
) -> list[bytes | None] | None:
    """The keys of all calls of a node.

    Args:
        recipe: digest of the node's recipe.
        inputs: digest by input name, in the order of declaration; None where it is not known.
        over: the name of the input that the node runs over, or None.
        items: the digests of that input's items, None where one is not known, or as a whole.

    Returns:
        A key for each item, or one; None for what is not known, or for everything while the items are not known.
    """
    if over is None:
        parts = [SCHEMA, recipe]
        for name, found in inputs.items():
            if found is None:
                return [None]
            parts += (name.encode(), found)
        return [hashlib.sha256(of_parts(*parts)).digest()]
    shared = [(name, found) for name, found in inputs.items() if name != over and found is not None]
    is_known = len(shared) == len(inputs) - 1
    if items is None:
        return None
    if not is_known:
        return [None] * len(items)
    maker = KeyMaker(recipe, shared)
    return [None if item is None else maker.item(item) for item in items]


def part_key(key: bytes, position: int, item: int) -> bytes:
    """The key under which one item of a list is stored that a single call returned."""
    return of_parts(b"weftline.item/1", key, b"%d" % position, b"%d" % item)


def checkpoint_key(run: str, node: str, item: int, key: bytes) -> bytes:
    """The key of a result that is never taken from the cache, but kept for the run's own resumption.

    Args:
        run: its id.
        node: the node's name.
        item: which call.
        key: the cache key that the call would have; a resumed run that reads something else makes the result again.
    """
    return of_parts(b"weftline.checkpoint/1", run.encode(), node.encode(), b"%d" % item, key)


def changes(old: Recipe, new: Recipe) -> list[Change]:
    """What changed from one recipe to another, the most telling first."""
    found = [*_code_changes(old, new)]
    found += _differences("param", old.params, new.params)
    if old.version != new.version:
        found.append(Change("code", f"version {old.version} -> {new.version}"))
    for name in sorted({*old.env, *new.env}):
        if old.env.get(name) != new.env.get(name):
            found.append(Change("env", f"{name} {old.env.get(name, 'absent')} -> {new.env.get(name, 'absent')}"))
    found += _differences("input", old.depends, new.depends)
    if old.shape != new.shape:
        found.append(Change("code", "the declared keys changed"))
    return found


def _code_changes(old: Recipe, new: Recipe) -> list[Change]:
    if old.code == new.code:
        return []
    before = {part.name: part for part in old.symbols}
    after = {part.name: part for part in new.symbols}
    found = []
    for key, part in after.items():
        known, name = before.get(key), _unnumbered(key)
        where = f" in {part.place}" if part.place else ""
        if known is None:
            found.append(Change("code", f"{name}{where} is new"))
        elif known.digest != part.digest:
            values = f": {known.text} -> {part.text}" if part.text != known.text else ""  # equal where they are cut short
            found.append(Change("code", f"{name}{where} changed{values}"))
    found += [Change("code", f"{_unnumbered(key)} is no longer used") for key in before if key not in after]
    changed = [change for change in found if " changed" in change.detail]
    rest = [change for change in found if " changed" not in change.detail]
    return changed + rest or [Change("code", "the code is put together in another way")]


def _unnumbered(name: str) -> str:
    """The name of a symbol without the number that tells it from others of that name."""
    return name.partition(" #")[0]


def _differences(code: str, old: Sequence[Part], new: Sequence[Part]) -> list[Change]:
    before = {part.name: part for part in old}
    after = {part.name: part for part in new}
    found = []
    for name in dict.fromkeys((*after, *before)):
        was, now = before.get(name), after.get(name)
        if was is not None and now is not None and was.digest == now.digest:
            continue
        if was is not None and now is not None and was.text == now.text:
            what = f"the content of {now.text}" if now.place == CONTENT else name
            found.append(Change("input" if now.place == CONTENT else _code(code, name), f"{what} changed"))
        else:
            values = f"{'absent' if was is None else was.text} -> {'absent' if now is None else now.text}"
            found.append(Change(_code(code, name), f"{name} {values}"))
    return found


def _code(code: str, name: str) -> str:
    """Environment variables are told as environment."""
    return "env" if name.startswith("$") else code
