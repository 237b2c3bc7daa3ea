"""A graph: nodes joined by the keys that they share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeVar

from weftline.model.gate import FieldSpec
from weftline.model.guard import Guarded
from weftline.model.keys import is_pattern, namespace
from weftline.model.node import NodeSpec
from weftline.model.order import topological

T = TypeVar("T")


class GroupStep(NamedTuple):
    """A step of a group as it was declared.

    Attributes:
        runs: the name of the pipeline, or in a workflow of the group.
        depends_on: the steps before it, called as `Grouped.scopes` calls them.
    """

    runs: str
    depends_on: tuple[str, ...] = ()


class Grouped(NamedTuple):
    """What is known of a group besides its nodes. A parameter that is given by its bare name goes to all nodes that have it.

    Attributes:
        scopes: names of the nodes of each step.
        asked: names of parameters that the group itself has asked for, in templates and conditions.
        left_out: steps that are no part of it this time, with the reason.
        shared: how much there is of the named resources that bound its concurrency.
        on_failure: whether a failure stops it, or only what depends on it, unless the run says otherwise.
        deadline_s: how long it may take, in seconds, unless the run says otherwise; None for ever.
        steps: what was declared of each step, also of those that are left out, in their order; steps of steps come after
            those of which they are.
        of: `pipeline`, or for a workflow `group`.
        domain, version: as its author says.
        guards: how many runs of it, and of the groups in it, go on at the same time.
        defaults: parameters that it has if the run does not give others.
    """

    scopes: Mapping[str, Sequence[str]]
    asked: frozenset[str] = frozenset()
    left_out: Mapping[str, str] = MappingProxyType({})
    shared: Mapping[str, float] = MappingProxyType({})
    on_failure: Literal["stop", "continue"] = "stop"
    deadline_s: float | None = None
    steps: Mapping[str, GroupStep] = MappingProxyType({})
    of: Literal["pipeline", "group"] = "pipeline"
    domain: str = ""
    version: int = 1
    guards: tuple[Guarded, ...] = ()
    defaults: Mapping[str, Any] = MappingProxyType({})


#: The parameter by which every node of a group may ask for the id of the batch.
BATCH = "batch_id"


@dataclass(frozen=True, eq=False)
class Graph:
    """Nodes in the order of their definition, and the keys that are given from outside.

    Attributes:
        name: of the pipeline.
        nodes: the order decides ties.
        inputs: keys that a run must be given, with their types.
        target: how a user names the pipeline on the command line, for messages; empty when it has no such name.
        fields: small values that runs of it have, and that others may set.
        group: what else is known of a group; None for a pipeline of its own.
        memo: results of pure functions of this graph, so that running it again does not compute them again.
    """

    name: str
    nodes: tuple[NodeSpec, ...]
    inputs: Mapping[str, Any] = field(default_factory=dict)
    target: str = ""
    fields: Mapping[str, FieldSpec] = field(default_factory=dict)
    group: Grouped | None = None
    memo: dict[Any, Any] = field(default_factory=dict, repr=False)

    def remembered(self, what: Any, make: Callable[[], T]) -> T:
        """The result of `make`, which depends on this graph and on `what` alone; made once."""
        if what not in self.memo:
            self.memo[what] = make()
        found: T = self.memo[what]
        return found

    def with_given(self, given: Collection[str]) -> Graph:
        """The same graph for a run that is given further keys; their types are not declared, so they are unknown."""
        further = {key: Any for key in given if key not in self.inputs and key not in self.producers}
        return replace(self, inputs={**self.inputs, **further}, memo={}) if further else self

    @cached_property
    def index(self) -> dict[str, int]:
        """The number of each node by name; the first, where a name is there twice."""
        found: dict[str, int] = {}
        for number, node in enumerate(self.nodes):
            found.setdefault(node.name, number)
        return found

    @cached_property
    def producers(self) -> dict[str, int]:
        """The number of the node that provides a key; the first, where two do."""
        found: dict[str, int] = {}
        for number, node in enumerate(self.nodes):
            for output in node.outputs:
                found.setdefault(output.key, number)
        return found

    @cached_property
    def positions(self) -> dict[str, tuple[int, int]]:
        """Where each key is made: the number of the node and the place among its outputs."""
        return {
            output.key: (number, position)
            for number, node in enumerate(self.nodes)
            for position, output in enumerate(node.outputs)
        }

    @cached_property
    def _namespaces(self) -> dict[str, list[str]]:
        """All keys below each namespace, sorted."""
        found: dict[str, list[str]] = defaultdict(list)
        for key in sorted({*self.producers, *self.inputs}):
            parts = key.split(".")
            for count in range(1, len(parts)):
                found[".".join(parts[:count])].append(key)
        return found

    def keys_for(self, pattern: str) -> list[str]:
        """The keys of this graph that a key or a pattern takes, sorted."""
        if is_pattern(pattern):
            return self._namespaces.get(namespace(pattern), [])
        return [pattern] if pattern in self.producers or pattern in self.inputs else []

    def edges(self) -> Iterator[tuple[int, int, str]]:
        """Producer, consumer and key of every edge, in the order of the consumers."""
        for number, node in enumerate(self.nodes):
            for read in node.inputs:
                for key in self.keys_for(read.key):
                    if key in self.producers:
                        yield self.producers[key], number, key

    def orders(self) -> Iterator[tuple[int, int]]:
        """Each node that another one comes after, although it reads nothing of it."""
        for number, node in enumerate(self.nodes):
            for name in node.after:
                if name in self.index:
                    yield self.index[name], number

    @cached_property
    def upstream(self) -> tuple[tuple[int, ...], ...]:
        """For each node the numbers of those whose keys it reads, or that it comes after, each once, ascending."""
        producers, index = self.producers, self.index
        found = []
        for node in self.nodes:
            numbers = {index[name] for name in node.after if name in index} if node.after else set()
            for read in node.inputs:
                keys = self.keys_for(read.key) if read.optional else (read.key,)
                numbers.update(producers[key] for key in keys if key in producers)
            found.append(tuple(sorted(numbers)))
        return tuple(found)

    @cached_property
    def downstream(self) -> tuple[tuple[int, ...], ...]:
        """For each node the numbers of those that read its keys, ascending."""
        found: list[list[int]] = [[] for _ in self.nodes]
        for number, sources in enumerate(self.upstream):
            for source in sources:
                found[source].append(number)
        return tuple(map(tuple, found))

    @staticmethod
    def reached(start: Iterable[int], edges: Sequence[Sequence[int]]) -> set[int]:
        """These nodes and all that they lead to: along `downstream` what depends on them, along `upstream` what they need."""
        found: set[int] = set()
        stack = list(start)
        while stack:
            number = stack.pop()
            if number not in found:
                found.add(number)
                stack.extend(edges[number])
        return found

    @cached_property
    def order(self) -> tuple[int, ...]:
        """Node numbers so that each comes after what it reads; nodes on or behind a circle are missing."""
        return tuple(topological(self.upstream, self.downstream, [node.priority for node in self.nodes]))

    @cached_property
    def sinks(self) -> tuple[str, ...]:
        """Keys that no node reads: what the pipeline is for, unless a run asks for others."""
        read = {found.key for node in self.nodes for found in node.inputs if not found.optional}
        read.update(key for node in self.nodes for found in node.inputs if found.optional for key in self.keys_for(found.key))
        return tuple(key for key in self.producers if key not in read)
