"""What earlier runs have provided, as values."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from weftline.app.home import Home
from weftline.codec import whole
from weftline.model.ids import WHOLE
from weftline.model.node import NO_BODY, NodeSpec, Output
from weftline.model.run import RunRecord

T = TypeVar("T")
#: Runs that are looked through.
_LOOKED_THROUGH = 50


def newest_output(home: Home, node: str, kind: type[T]) -> tuple[T, Path] | None:
    """What the node of that name provided in the newest run that has it stored, and the folder in which that was started.

    Args:
        home: where to look.
        node: the node's name; what it provides first counts.
        kind: the type of that.

    Returns:
        The value, and the folder that relative paths in it start from; None if there is no such run.
    """
    if not home.has_journals:
        return None
    ledger, cache = home.ledger, home.cache
    assert ledger is not None
    assert cache is not None
    output = Output.of(node, kind)
    spec = NodeSpec(node, NO_BODY, (), (output,))
    for summary in ledger.runs(_LOOKED_THROUGH):
        record = RunRecord.fold(summary.run, ledger.events(summary.run))
        call = record.nodes[node].calls.get(WHOLE) if node in record.nodes else None
        if call is None or call.key is None:
            continue
        entry = cache.find([bytes.fromhex(call.key)]).get(bytes.fromhex(call.key))
        if entry is not None and entry.outputs:
            stored = entry.outputs[0]
            content = cache.load(stored, entry.key) if stored.content is None else whole(stored.content)
            value = home.values.decode(content, stored, spec, output)
            if isinstance(value, kind):
                return value, Path(record.opening["cwd"])
    return None
