"""What the cache keeps: entries (a key and what it made) and the stored values that they name."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from weftline.codec.content import Content

#: The codec of a list or tuple whose items are entries of their own; the content is `l` or `t` and the items' digests.
ITEMS = "items"


#: The codecs of a temporary output whose content was freed: its digest alone is left, of a list the items' digests.
FREED, FREED_ITEMS = "freed", "items-freed"
#: Codecs whose content is the items' digests.
LISTED = frozenset({ITEMS, FREED_ITEMS})


_NOTHING = hashlib.sha256(b"").digest()


class Stored(NamedTuple):
    """One stored value.

    Attributes:
        digest: of the value; equal values have equal digests, whatever bytes hold them.
        codec: how the bytes are to be read.
        object: sha256 of the bytes, which is where they are found.
        size: bytes.
        content: the bytes, where they were at hand; None if they must be loaded.
    """

    digest: bytes
    codec: str
    object: bytes
    size: int
    content: Content | None = None


class Entry(NamedTuple):
    """One result.

    Attributes:
        key: digest of all that decided it.
        recipe: digest of what decided it besides the inputs.
        outputs: in the order in which the node provides them.
        made_at: seconds since the epoch.
        took_s: how long the call took.
        made_by: run and node, for people.
    """

    key: bytes
    recipe: bytes
    outputs: tuple[Stored, ...]
    made_at: float
    took_s: float
    made_by: str = ""


def is_freed(entry: Entry) -> bool:
    """Whether a content of an entry was freed: it tells digests, and gives no values."""
    return any(stored.codec in {FREED, FREED_ITEMS} for stored in entry.outputs)


def freed(entry: Entry) -> Entry:
    """An entry as it is left when its contents are freed; lists of items keep the digests of those."""
    outputs = tuple(
        found._replace(codec=FREED_ITEMS) if found.codec in LISTED else Stored(found.digest, FREED, _NOTHING, 0, b"")
        for found in entry.outputs
    )
    return entry._replace(outputs=outputs)


class Held(NamedTuple):
    """What a store says of an entry that it has.

    Attributes:
        entry: the entry; its outputs without contents.
        pinned: whether it may not be removed to make room.
    """

    entry: Entry
    pinned: bool
