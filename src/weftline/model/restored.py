"""Many results that were restored at once, as the body of one event: a row for each would be most of the journal."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

_KEY_BYTES = 32


def packed(keys: Mapping[int, bytes]) -> dict[str, Any]:
    """The body of the event.

    Args:
        keys: cache key by item, the items in order.

    Returns:
        `items` as ranges, `0-9999,10002`; `keys` one after the other, in base64; `count`.
    """
    return {"count": len(keys), "items": _ranges(list(keys)), "keys": base64.b64encode(b"".join(keys.values())).decode()}


def unpacked(body: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """Item and key in hex of each result."""
    text = base64.b64decode(body["keys"]).hex()
    at = 0
    for part in body["items"].split(","):
        first, _, last = part.partition("-")
        for item in range(int(first), int(last or first) + 1):
            yield item, text[at : at + 2 * _KEY_BYTES]
            at += 2 * _KEY_BYTES


def _ranges(items: list[int]) -> str:
    if items[-1] - items[0] == len(items) - 1:
        return f"{items[0]}-{items[-1]}"
    starts = [items[0], *(after for before, after in pairwise(items) if after != before + 1)]
    ends = [*(before for before, after in pairwise(items) if after != before + 1), items[-1]]
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in zip(starts, ends, strict=True))
