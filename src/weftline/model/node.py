"""A node as declared: what it needs, what it makes, what runs, and under which conditions."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from weftline.errors import Place
from weftline.model import policy, resources
from weftline.model.contract import Check, checker
from weftline.model.gate import Gate
from weftline.model.quantity import duration_s


class Input(NamedTuple):
    """One thing that the node's code reads.

    Attributes:
        name: as the code calls it: an argument of the function, or the key itself in the class form.
        key: the key, or the pattern of keys, behind it.
        kind: the declared type of one call's value: of an item, where the node runs over this key.
        optional: True for what is consumed if present; the code then gets a mapping of the keys that there are.
    """

    name: str
    key: str
    kind: Any
    optional: bool = False


class Output(NamedTuple):
    """One thing that a call makes.

    Attributes:
        key: where it goes.
        kind: the declared type of one call's value; the key holds a list of these where the node runs over items.
        check: tells whether a value conforms to that type.
    """

    key: str
    kind: Any
    check: Check

    @classmethod
    def of(cls, key: str, kind: Any) -> Output:
        """An output with the check that its type means."""
        return cls(key, kind, checker(kind))

    def __reduce__(self) -> tuple[Any, ...]:
        """Travels between processes as what it is made of; a check is a closure, which cannot."""
        return Output.of, (self.key, self.kind)


#: Where a bound value comes from: the declaration, a group's defaults, the run, a step of a group.
Origin = Literal["default", "group", "run", "step"]


class Parameter(NamedTuple):
    """A value that is bound when the plan is made.

    Attributes:
        kind: its declared type.
        default: its value when nobody gives one; `REQUIRED` if there must be one.
        origin: where that comes from; `step` is above what a run is given by the bare name.
    """

    kind: Any
    default: Any
    origin: Origin = "default"


#: The default of a parameter that has none.
REQUIRED: Any = type("Required", (), {"__repr__": lambda _: "REQUIRED", "__slots__": ()})()


class Body(Protocol):
    """What runs in one call."""

    def run(self, inputs: dict[str, Any], params: Mapping[str, Any]) -> tuple[Any, ...]:
        """Computes the outputs, in the order of `NodeSpec.outputs`; each has passed its check.

        Args:
            inputs: a value, or a mapping of values for an optional input, by `Input.name`.
            params: bound parameters by name.
        """
        ...

    @property
    def root(self) -> object:
        """The function or object whose code closure is part of the key."""
        ...

    @property
    def left_out(self) -> frozenset[str]:
        """Arguments or attributes that are no part of the code: parameters, and what only declares."""
        ...


class _NoBody:
    """Stands where a node is only described, to read what it stored."""

    root = None
    left_out: frozenset[str] = frozenset()

    def run(self, inputs: dict[str, Any], params: Mapping[str, Any]) -> tuple[Any, ...]:
        raise NotImplementedError


NO_BODY: Body = _NoBody()


class Receipted(Protocol):
    """Something outside the store that a node changes: an index, a table, a service."""

    def confirms(self, receipt: Any) -> bool:
        """Whether the target still is as the receipt says; a cheap question, asked while planning."""
        ...


def is_confirmed(target: Receipted, receipt: Any) -> bool:
    """Whether a target says that it is as its receipt says; one that cannot answer does not say so."""
    try:
        return bool(target.confirms(receipt))
    except Exception:  # noqa: BLE001 - a service may fail in any way; all of them mean that the work must be done again
        return False


@dataclass(frozen=True, slots=True, eq=False)
class NodeSpec:
    """A node's whole declaration.

    Attributes:
        name: unique in a graph; never part of a cache key.
        body: what runs.
        inputs: what the code reads, in the order of declaration.
        outputs: what it makes, in order.
        parameters: by name.
        over: the key whose items are worked on one by one, or None.
        on_item_error: `fail` ends the node with the first failed item, `skip` leaves failed items out of the result.
        min_success: with `skip`, the share of the items that must succeed.
        after: names of nodes that must have their result before, although nothing of it is read.
        gate: what has to be so before it runs; None for nothing.
        priority: among ready nodes, higher starts first.
        version: part of the cache key, for what code does not show.
        cache: False for results that are never taken from the cache.
        expires_after: how long a stored result may be taken, in seconds or as text such as `12h` or `30d`; None for ever.
        temp: whether its outputs are freed when everything that reads them is done.
        codec: `pickle` to store values of any type in a trusted store.
        depends: further things that decide the result: paths, objects, environment variables.
        effect: makes the target that the node changes, given the bound parameters by name.
        place: where it is defined.
        scope: what its keys have before them in a group, with the dot; its code does not know of it.
    """

    name: str
    body: Body
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    over: str | None = None
    on_item_error: Literal["fail", "skip"] = "fail"
    min_success: float = 0.0
    after: tuple[str, ...] = ()
    gate: Gate | None = None
    priority: int = 0
    resources: resources.Resources = resources.DEFAULT
    policy: policy.Policy = policy.DEFAULT
    version: str | None = None
    tags: frozenset[str] = frozenset()
    cache: bool = True
    expires_after: float | str | None = None
    temp: bool = False
    codec: Literal["auto", "pickle"] = "auto"
    depends: tuple[Any, ...] = ()
    effect: Callable[..., Receipted] | None = None
    place: Place | None = None
    scope: str = ""

    @property
    def expires_s(self) -> float:
        """How old a stored result may be, in seconds."""
        limit = self.expires_after
        return math.inf if limit is None else duration_s(limit) if isinstance(limit, str) else limit

    @property
    def required(self) -> tuple[str, ...]:
        """Keys that must be there."""
        return tuple(found.key for found in self.inputs if not found.optional)

    @property
    def consumed(self) -> tuple[str, ...]:
        """Keys and patterns that are used if present."""
        return tuple(found.key for found in self.inputs if found.optional)

    @property
    def over_name(self) -> str | None:
        """The name of the input that the node runs over."""
        return next((found.name for found in self.inputs if found.key == self.over and not found.optional), None)

    @property
    def provided(self) -> tuple[str, ...]:
        """Keys that it makes."""
        return tuple([found.key for found in self.outputs])

    def kind_of_output(self, output: Output) -> Any:
        """The type that the key holds: a list where the node runs over items."""
        return output.kind if self.over is None else list[output.kind]  # type: ignore[name-defined]  # made at run time

    def target(self, params: Mapping[str, Any]) -> Receipted:
        """The target of a node with an effect; its maker is given those parameters that it has arguments for."""
        assert self.effect is not None
        wanted = inspect.signature(self.effect).parameters
        takes_all = any(found.kind is found.VAR_KEYWORD for found in wanted.values())
        return self.effect(**{name: value for name, value in params.items() if takes_all or name in wanted})


class Variable(NamedTuple):
    """A declared dependency on an environment variable; made by `env`."""

    name: str


def env(name: str) -> Variable:
    """Declares that a node's result depends on an environment variable: `@node(depends=[env("REGION")])`."""
    return Variable(name)
