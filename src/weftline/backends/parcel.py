"""How calls and reports travel between a process and its workers: pickled, each able to fail on its own.

Pickling runs the code of the values, so it may raise anything; whatever it raises concerns the one call whose value it is.
"""

from __future__ import annotations

import pickle
from dataclasses import replace

from weftline.backends.sameness import Symbols
from weftline.errors import Place, UnsendableError
from weftline.model.call import Call, Failure, Report
from weftline.model.node import Body, NodeSpec

_PROTOCOL = 5


class ShippedNode(NodeSpec):
    """What of a node a worker needs."""

    def __init__(self, name: str, body: Body, place: Place | None) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "body", body)
        object.__setattr__(self, "place", place)


def pack_call(call: Call, symbols: Symbols | None = None) -> bytes:
    """A call for a worker.

    Args:
        call: what to run.
        symbols: of the node's code, as this process has it.

    Raises:
        UnsendableError: an input cannot be pickled.
    """
    node = call.node
    try:
        content = (call.handle, node.name, node.body, node.place, call.inputs, call.params, symbols)
        return pickle.dumps(content, _PROTOCOL)
    except Exception as error:  # see the module
        raise _unsendable(call, "an input", error) from error


def unpack_call(content: bytes) -> tuple[Call, Symbols | None]:
    """What `pack_call` packed; importing the modules of its node and its values may raise anything."""
    handle, name, body, place, inputs, params, symbols = pickle.loads(content)  # noqa: S301 - from our parent, over a private socket
    return Call(handle, ShippedNode(name, body, place), inputs, params), symbols


def pack_report(report: Report, call: Call | None) -> bytes:
    """A report for the parent; one whose outputs cannot be pickled becomes a failure."""
    try:
        return pickle.dumps(report, _PROTOCOL)
    except Exception as error:  # noqa: BLE001 - see the module
        assert call is not None, "a report without outputs can be pickled"
        return pickle.dumps(_failed(report, call, error), _PROTOCOL)


def unpack_report(content: bytes, call: Call) -> Report:
    """The report that `pack_report` packed; one whose outputs cannot be restored becomes a failure."""
    try:
        report: Report = pickle.loads(content)  # noqa: S301 - from our own worker, over a private socket
    except Exception as error:  # noqa: BLE001 - see the module
        return _failed(Report(call.handle, None), call, error)
    return report


def _failed(report: Report, call: Call, error: Exception) -> Report:
    if report.failure is not None:  # the error object of a failed call: what is told of it suffices
        return report._replace(failure=replace(report.failure, finding=None))
    return report._replace(outputs=None, failure=Failure.of(_unsendable(call, "the result", error)))


def _unsendable(call: Call, part: str, error: Exception) -> UnsendableError:
    detail = f"{type(error).__name__}: {error}"
    return UnsendableError(part=part, node=call.node.name, detail=detail, place=call.node.place)
