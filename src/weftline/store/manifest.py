r"""An entry as one byte string: a seal over the rest, a line of JSON, and the contents that are small enough to lie with it.

```text
sha256 of what follows, in hex \n
{"schema": "weftline.entry/1", "key": ..., "outputs": [{..., "here": 12}, ...]} \n
the contents, one after the other
```
"""

from __future__ import annotations

import hashlib
import json

from weftline.codec import whole
from weftline.model.entry import Entry, Stored

SCHEMA = "weftline.entry/1"
#: Contents up to this size lie with their entry.
INLINE_BYTES = 32 << 10
_SEAL = 64


def packed(entry: Entry) -> bytes:
    """An entry whose outputs carry their contents, as bytes."""
    contents = [
        whole(stored.content) if stored.content is not None and stored.size <= INLINE_BYTES else None
        for stored in entry.outputs
    ]
    fields = {
        "schema": SCHEMA,
        "key": entry.key.hex(),
        "recipe": entry.recipe.hex(),
        "made_at": entry.made_at,
        "took_s": entry.took_s,
        "made_by": entry.made_by,
        "outputs": [
            {
                "digest": stored.digest.hex(),
                "codec": stored.codec,
                "object": stored.object.hex(),
                "size": stored.size,
                "here": None if content is None else len(content),
            }
            for stored, content in zip(entry.outputs, contents, strict=True)
        ],
    }
    body = json.dumps(fields).encode() + b"\n" + b"".join(content for content in contents if content is not None)
    return hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def unpacked(content: bytes | memoryview) -> Entry:
    """The entry again; small contents come with its outputs.

    Raises:
        ValueError: it is not what `packed` made.
    """
    content = bytes(content)
    body = content[_SEAL + 1 :]
    if hashlib.sha256(body).hexdigest().encode() + b"\n" != content[: _SEAL + 1]:
        raise ValueError("its seal does not fit")
    text, _, rest = body.partition(b"\n")
    fields = json.loads(text)
    if fields["schema"] != SCHEMA:
        raise ValueError(f"it is of the schema {fields['schema']}, which this version of weftline does not read")
    outputs, start = [], 0
    for found in fields["outputs"]:
        here = None
        if found["here"] is not None:
            here = rest[start : start + found["here"]]
            start += found["here"]
        outputs.append(
            Stored(bytes.fromhex(found["digest"]), found["codec"], bytes.fromhex(found["object"]), found["size"], here)
        )
    made = fields["made_at"], fields["took_s"], fields["made_by"]
    return Entry(bytes.fromhex(fields["key"]), bytes.fromhex(fields["recipe"]), tuple(outputs), *made)
