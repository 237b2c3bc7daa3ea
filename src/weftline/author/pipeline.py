"""A pipeline as an author writes it: a list of nodes; made into a graph on demand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, Literal

from weftline.author.node import spec_of
from weftline.errors import WeftlineError
from weftline.model.gate import FieldSpec
from weftline.model.graph import Graph
from weftline.model.node import Input, NodeSpec
from weftline.model.topology import Topology


class Pipeline:
    """Nodes joined by the keys that they share.

    The order of the list decides ties; what a node needs decides the rest.

    Args:
        nodes: decorated functions, instances of `Node`, or classes that need no arguments.
        name: of the pipeline; runs of one name know of each other. A pipeline in a file is called like the file if it has
            no name of its own.
        inputs: keys that every run must be given, with their types.
        fields: small values that runs have and that others may set, by name: a type, or more of it.

    Attributes:
        notes: remarks about the file that declares it.
        topology: what that file says, and others that it was made of; None for one of a program.
    """

    #: What its steps are, if it is a group: `pipeline`, or for a workflow `group`.
    group_of: Literal["pipeline", "group"] | None = None

    def __init__(
        self,
        nodes: Iterable[object],
        *,
        name: str | None = None,
        inputs: Mapping[str, Any] | None = None,
        fields: Mapping[str, FieldSpec | type] | None = None,
    ) -> None:
        self.is_named = name is not None
        self.name = name or "pipeline"
        self._nodes = tuple(nodes)
        self.inputs = dict(inputs or {})
        self.fields = {
            field: found if isinstance(found, FieldSpec) else FieldSpec(found) for field, found in (fields or {}).items()
        }
        self.target = ""
        self._source: Pipeline | None = None
        self.notes: tuple[WeftlineError, ...] = ()
        self.topology: Topology | None = None

    @property
    def nodes(self) -> tuple[object, ...]:
        """What it was made of."""
        return self._nodes if self._source is None else self._source.nodes

    def stand_for(self, other: Pipeline) -> None:
        """From now on this is what another one is, whose class need not be known."""
        self._source = other
        self.group_of, self.notes, self.topology = other.group_of, other.notes, other.topology

    def __repr__(self) -> str:
        return f"<pipeline {self.name}: {len(self.nodes)} node{'s' * (len(self.nodes) != 1)}>"

    @cached_property
    def graph(self) -> Graph:
        """The graph that the nodes mean.

        Raises:
            NotANodeError: something in the list is no node.
            InvalidPipelineError: it is a group that cannot be composed.
        """
        if self._source is not None:
            return self._source.graph
        specs = [spec_of(found) for found in self.nodes]
        provided = {output.key for spec in specs for output in spec.outputs} | set(self.inputs)
        nodes = tuple(_with_keys_for(spec, provided) for spec in specs)
        return Graph(self.name, nodes, self.inputs, self.target, self.fields)

    def graph_for(self, params: Mapping[str, Any]) -> Graph:
        """The graph of a run with these parameters."""
        return self.graph if self._source is None else self._source.graph_for(params)


def _with_keys_for(spec: NodeSpec, provided: set[str]) -> NodeSpec:
    """An argument with a default that some node provides is a key, not a parameter."""
    names = [name for name in spec.parameters if name in provided]
    if not names:
        return spec
    inputs = (*spec.inputs, *(Input(name, name, spec.parameters[name].kind) for name in names))
    parameters = {name: found for name, found in spec.parameters.items() if name not in names}
    return replace(spec, inputs=inputs, parameters=parameters)
