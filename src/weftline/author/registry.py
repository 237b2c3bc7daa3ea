"""Nodes, pipelines and groups by name: what manifests may speak of, without running code to find it.

What is registered is a node, a pipeline, a group, or a function that makes one when it is first wanted. Installed packages
offer theirs by entry points (`weftline.nodes`, `weftline.pipelines`, `weftline.groups`), which are imported when their name is
asked for.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from weftline.author.declare import place_of
from weftline.author.group import PipelineGroup
from weftline.author.node import FunctionNode, Node, node, spec_of
from weftline.author.pipeline import Pipeline
from weftline.errors import NameTakenError, NotRegisteredError, Place, WrongRegistrationError, did_you_mean, listing
from weftline.model.node import NodeSpec

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Registered:
    """Something with a name.

    Attributes:
        name: unique in its kind.
        thing: what was registered.
        domain: what it is about; empty for nothing in particular.
        tags: further words.
        place: where it was registered.
    """

    name: str
    thing: Any
    domain: str = ""
    tags: frozenset[str] = frozenset()
    place: Place | None = None


@dataclass(slots=True)
class Shelf(Generic[T]):
    """Things of one kind.

    Attributes:
        kind: in a word, for messages.
        made: turns what was registered into what is wanted, given its name; raises `TypeError` for what it cannot turn.
    """

    kind: str
    made: Callable[[str, Any], T]
    _known: dict[str, Registered] = field(default_factory=dict)
    _made: dict[str, T] = field(default_factory=dict)

    def add(self, name: str, thing: Any, *, domain: str = "", tags: Iterable[str] = (), place: Place | None = None) -> None:
        """Registers something; the same thing may be registered again, as when its module is read twice.

        Args:
            name: unique among those of its kind.
            thing: what is registered, or a function that makes it.
            domain: what it is about.
            tags: further words.
            place: where that is said, for what does not know itself where it is declared.

        Raises:
            NameTakenError: something else has the name; both places are told.
        """
        found = Registered(name, thing, domain, frozenset(tags), _place_of(thing) or place)
        before = self._known.get(name)
        if before is not None and before.thing is not thing and (before.place is None or before.place != found.place):
            raise NameTakenError(kind=self.kind, name=name, other=str(before.place or "unknown"), place=found.place)
        self._known[name] = found
        self._made.pop(name, None)

    def get(self, name: str) -> T:
        """What has a name.

        Raises:
            NotRegisteredError: nothing has it.
            NameTakenError: two installed packages offer different things under it.
            WrongRegistrationError: what has it is something else.
        """
        if name not in self._made:
            thing = self._find(name)
            try:
                self._made[name] = self.made(name, thing)
            except TypeError as error:
                place = None if name not in self._known else self._known[name].place
                raise WrongRegistrationError(kind=self.kind, name=name, detail=str(error), place=place) from None
        return self._made[name]

    def _find(self, name: str) -> Any:
        if name in self._known:
            return self._known[name].thing
        from weftline.ports import plugins  # which reads the metadata of what is installed

        if rivals := plugins.rivals(self._group, name):
            places = [f"{point.value} in the package {point.dist.name if point.dist else 'unknown'}" for point in rivals]
            raise NameTakenError(kind=self.kind, name=name, other="; the other is at ".join(places))
        point = plugins.offered(self._group).get(name)
        if point is None:
            known = self.names()
            raise NotRegisteredError(kind=self.kind, name=name, known=listing(known), hint=did_you_mean(name, known))
        return plugins.load(point, f"the {self.kind} {name!r}")

    @property
    def _group(self) -> str:
        return f"weftline.{self.kind}s"

    def names(self, *, domain: str | None = None, tag: str | None = None) -> list[str]:
        """Sorted names, of a domain or with a tag; installed packages do not tell theirs before they are imported."""
        own = [
            found.name
            for found in self._known.values()
            if domain in {None, found.domain or getattr(found.thing, "domain", "")}
            and (tag is None or tag in found.tags or tag in getattr(found.thing, "tags", ()))
        ]
        if domain is None and tag is None:
            from weftline.ports import plugins  # which reads the metadata of what is installed

            own += plugins.offered(self._group)
        return sorted(set(own))

    def __contains__(self, name: str) -> bool:
        """Whether something has a name, here or in an installed package."""
        from weftline.ports import plugins  # which reads the metadata of what is installed

        return name in self._known or name in plugins.offered(self._group)

    def __len__(self) -> int:
        """How many things were registered here."""
        return len(self._known)

    def about(self, name: str) -> Registered | None:
        """What was said when something was registered; None for what only a package offers."""
        return self._known.get(name)

    def clear(self) -> None:
        """Forgets everything that was registered here."""
        self._known.clear()
        self._made.clear()


def _place_of(thing: Any) -> Place | None:
    found = getattr(thing, "place", None)
    if isinstance(found, Place):
        return found
    if isinstance(thing, FunctionNode):
        return thing.spec.place
    return place_of(thing) if callable(thing) else None


def _as_node(name: str, thing: Any) -> NodeSpec:
    if isinstance(thing, (FunctionNode, NodeSpec, Node)) or (isinstance(thing, type) and issubclass(thing, Node)):
        return spec_of(thing)
    if callable(thing):
        return node(name=name)(thing).spec
    raise TypeError(f"{thing!r} is no node")


def _as_pipeline(name: str, thing: Any) -> Pipeline:
    if isinstance(thing, FunctionNode):
        return Pipeline([thing], name=name)
    made = thing() if callable(thing) and not isinstance(thing, Pipeline) else thing
    if not isinstance(made, Pipeline):
        raise TypeError(f"{made!r} is no pipeline")
    return made


def _as_group(_: str, thing: Any) -> PipelineGroup:
    made = thing() if callable(thing) and not isinstance(thing, PipelineGroup) else thing
    if not isinstance(made, PipelineGroup):
        raise TypeError(f"{made!r} is no group")
    return made


class Registry:
    """Everything that has a name, in one process or in one test.

    Attributes:
        nodes, pipelines, groups: by kind.
    """

    def __init__(self) -> None:
        self.nodes: Shelf[NodeSpec] = Shelf("node", _as_node)
        self.pipelines: Shelf[Pipeline] = Shelf("pipeline", _as_pipeline)
        self.groups: Shelf[PipelineGroup] = Shelf("group", _as_group)

    def find(self, kind: Literal["pipeline", "group"], name: str) -> Pipeline | PipelineGroup:
        """What a step of a group names.

        Raises:
            NotRegisteredError: nothing has the name.
            WrongRegistrationError: what has it is something else.
        """
        return self.pipelines.get(name) if kind == "pipeline" else self.groups.get(name)

    def clear(self) -> None:
        """Forgets everything."""
        for shelf in (self.nodes, self.pipelines, self.groups):
            shelf.clear()


#: What the functions below speak of: modules that register something do so when they are imported.
REGISTRY = Registry()


def register_node(name: str, thing: Any = None, /, *, domain: str = "", tags: Iterable[str] = ()) -> Any:
    """Gives a node a name for manifests; also as a decorator. A function becomes a node with its defaults."""
    return _register(REGISTRY.nodes, name, thing, domain, tags, _caller())


def register_pipeline(name: str, thing: Any = None, /, *, domain: str = "", tags: Iterable[str] = ()) -> Any:
    """Gives a pipeline a name for groups; also as a decorator: of a node, or of a function that makes the pipeline."""
    return _register(REGISTRY.pipelines, name, thing, domain, tags, _caller())


def register_group(name: str, thing: Any = None, /, *, domain: str = "", tags: Iterable[str] = ()) -> Any:
    """Gives a group a name for workflows; also as a decorator of a function that makes it."""
    return _register(REGISTRY.groups, name, thing, domain, tags, _caller())


def _register(shelf: Shelf[Any], name: str, thing: Any, domain: str, tags: Iterable[str], place: Place) -> Any:
    if thing is None:
        return lambda found: _register(shelf, name, found, domain, tags, place)
    shelf.add(name, thing, domain=domain, tags=tags, place=place)
    return thing


def _caller() -> Place:
    """The line that calls the function that asks."""
    frame = inspect.currentframe()
    for _ in range(2):
        frame = None if frame is None else frame.f_back
    return Place("unknown") if frame is None else Place(frame.f_code.co_filename, frame.f_lineno)


# --- asking ---


def get_node(name: str) -> NodeSpec:
    """The node of a name.

    Raises:
        NotRegisteredError: nothing has it; so for `get_pipeline` and `get_group`.
        WrongRegistrationError: what has it is something else.
    """
    return REGISTRY.nodes.get(name)


def get_pipeline(name: str) -> Pipeline:
    """The pipeline of a name; see `get_node` for the errors."""
    return REGISTRY.pipelines.get(name)


def get_group(name: str) -> PipelineGroup:
    """The group or workflow of a name; see `get_node` for the errors."""
    return REGISTRY.groups.get(name)


def group_exists(name: str) -> bool:
    """Whether a group or workflow has a name."""
    return name in REGISTRY.groups


def list_nodes(*, domain: str | None = None, tag: str | None = None) -> list[str]:
    """Sorted names, of a domain or with a tag; without either, those of installed packages too. So for the others."""
    return REGISTRY.nodes.names(domain=domain, tag=tag)


def list_pipelines(*, domain: str | None = None, tag: str | None = None) -> list[str]:
    """Sorted names of pipelines; see `list_nodes`."""
    return REGISTRY.pipelines.names(domain=domain, tag=tag)


def list_groups(*, domain: str | None = None, tag: str | None = None) -> list[str]:
    """Sorted names of groups and workflows; see `list_nodes`. A group's own domain and tags count as well."""
    return REGISTRY.groups.names(domain=domain, tag=tag)


def clear_nodes() -> None:
    """Forgets the nodes that were registered; what installed packages offer stays."""
    REGISTRY.nodes.clear()


def clear_pipelines() -> None:
    """Forgets the pipelines that were registered."""
    REGISTRY.pipelines.clear()


def clear_groups() -> None:
    """Forgets the groups and workflows that were registered."""
    REGISTRY.groups.clear()


def clear_registry() -> None:
    """Forgets all that was registered."""
    REGISTRY.clear()


def registry_stats() -> dict[str, int]:
    """How much was registered: `{"nodes": 3, "pipelines": 2, "groups": 1}`."""
    return {"nodes": len(REGISTRY.nodes), "pipelines": len(REGISTRY.pipelines), "groups": len(REGISTRY.groups)}
