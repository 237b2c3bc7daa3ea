"""How nodes, calls and reports travel between a process and its workers: pickled, each able to fail on its own.

Pickling runs the code of the values, so it may raise anything; whatever it raises concerns the one call whose value it is.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from weftline.backends.sameness import read_symbols, refuse_other_code
from weftline.errors import Place, UnsendableError
from weftline.model.call import Call, Failure, Report
from weftline.model.ids import WHOLE
from weftline.model.node import NO_BODY, Body, NodeSpec

_PROTOCOL = 5
#: The handle in what a worker sends; the parent knows which call it has given it.
_UNNAMED = (0, WHOLE, 0)


class ShippedNode(NodeSpec):
    """What of a node a worker needs."""

    def __init__(self, name: str, body: Body, place: Place | None) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "body", body)
        object.__setattr__(self, "place", place)


class NodePacker:
    """Packs nodes with the symbols of their code as this process has it, each once.

    Args:
        is_whole: whether workers have to have the same Python with the same libraries, and no environment of their own.
    """

    def __init__(self, *, is_whole: bool = True) -> None:
        self._is_whole = is_whole
        self._packed: dict[int, tuple[NodeSpec, bytes]] = {}

    def pack(self, node: NodeSpec) -> bytes:
        """A node for workers.

        Raises:
            UnsendableError: something that it holds cannot be pickled.
        """
        found = self._packed.get(id(node))
        if found is None:
            try:
                symbols = read_symbols(node.body, is_whole=self._is_whole)
                content = pickle.dumps((node.name, node.body, node.place, symbols), _PROTOCOL)
            except Exception as error:  # see the module
                raise _unsendable(node, "the node", error) from error
            found = self._packed[id(node)] = node, content
        return found[1]


class Parcel(NamedTuple):
    """A call that was packed by one process and is handed on by another, which looks at nothing in it.

    Attributes:
        node: what `NodePacker` packed.
        values: inputs and parameters.
    """

    node: bytes
    values: bytes

    @classmethod
    def of(cls, call: Call, packer: NodePacker) -> Parcel:
        """Packs a call.

        Raises:
            UnsendableError: something of it cannot be pickled.
        """
        node = packer.pack(call.node)
        try:
            return cls(node, pickle.dumps((call.inputs, call.params), _PROTOCOL))
        except Exception as error:  # see the module
            raise _unsendable(call.node, "an input", error) from error

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self.node) + len(self.values)


class RelayedNode(ShippedNode):
    """A node of another process, still packed; the name and the place are for messages."""

    def __init__(self, name: str, place: Place | None, content: bytes) -> None:
        super().__init__(name, NO_BODY, place)
        object.__setattr__(self, "content", content)


class RelayPacker(NodePacker):
    """Hands packed nodes on."""

    def pack(self, node: NodeSpec) -> bytes:
        """What the other process packed."""
        content: bytes = node.content  # type: ignore[attr-defined]  # these are relayed nodes
        return content


class RelayedValues(dict[str, Any]):
    """Inputs or parameters that are still packed, and become what they are where they are unpacked.

    Args:
        values: of a parcel.
        at: which of the two.
    """

    def __init__(self, values: bytes, at: int) -> None:
        super().__init__()
        self._values = values
        self._at = at

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpacked, (self._values, self._at)


def _unpacked(values: bytes, at: int) -> Any:
    return pickle.loads(values)[at]  # noqa: S301 - from whoever the parent takes calls from


class Nodes:
    """The nodes that a worker has been sent, in their order."""

    def __init__(self) -> None:
        self._packed: list[bytes] = []
        self._nodes: dict[int, NodeSpec] = {}

    def add(self, content: bytes) -> None:
        """Takes what `NodePacker` packed."""
        self._packed.append(content)

    def call(self, content: bytes) -> Call:
        """What `pack_call` packed; importing the modules of its node and its values may raise anything.

        Raises:
            OtherCodeError: the node's code is not what the parent has.
            OtherVersionsError: what it uses is not.
        """
        inputs: dict[str, Any]
        params: Mapping[str, Any]
        number, inputs, params, grace_s = pickle.loads(content)  # noqa: S301 - from our parent, over a private socket
        node = self._nodes.get(number)
        if node is None:
            name, body, place, symbols = pickle.loads(self._packed[number])  # noqa: S301 - the same
            refuse_other_code(name, body, symbols)
            node = self._nodes[number] = ShippedNode(name, body, place)
        return Call(_UNNAMED, node, inputs, params, grace_s=grace_s)


def pack_call(call: Call, number: int) -> bytes:
    """A call for a worker.

    Args:
        call: what to run.
        number: of its node, among those that the worker has been sent.

    Raises:
        UnsendableError: an input cannot be pickled.
    """
    try:
        return pickle.dumps((number, call.inputs, call.params, call.grace_s), _PROTOCOL)
    except Exception as error:  # see the module
        raise _unsendable(call.node, "an input", error) from error


def pack_failure(error: BaseException) -> bytes:
    """The report on a call that could not even be unpacked."""
    report = Report(_UNNAMED, None, Failure.of(error))
    try:
        return pickle.dumps(tuple(report), _PROTOCOL)
    except Exception:  # noqa: BLE001 - see the module
        assert report.failure is not None
        return pickle.dumps(tuple(report._replace(failure=replace(report.failure, finding=None))), _PROTOCOL)


def pack_report(report: Report, node: NodeSpec) -> bytes:
    """A report for the parent; one whose outputs cannot be pickled becomes a failure."""
    try:
        return pickle.dumps(tuple(report), _PROTOCOL)
    except Exception as error:  # noqa: BLE001 - see the module
        return pickle.dumps(tuple(_failed(report, node, error)), _PROTOCOL)


def unpack_report(content: bytes, call: Call) -> Report:
    """The report that `pack_report` packed; one whose outputs cannot be restored becomes a failure."""
    try:
        report = Report(*pickle.loads(content))  # noqa: S301 - from our own worker, over a private socket
    except Exception as error:  # noqa: BLE001 - see the module
        report = _failed(Report(call.handle, None), call.node, error)
    return report._replace(handle=call.handle)


def _failed(report: Report, node: NodeSpec, error: Exception) -> Report:
    if report.failure is not None:  # the error object of a failed call: what is told of it suffices
        return report._replace(failure=replace(report.failure, finding=None))
    return report._replace(outputs=None, failure=Failure.of(_unsendable(node, "the result", error)))


def _unsendable(node: NodeSpec, part: str, error: Exception) -> UnsendableError:
    return UnsendableError(part=part, node=node.name, detail=f"{type(error).__name__}: {error}", place=node.place)
