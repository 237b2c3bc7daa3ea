"""Values between memory and store: digests, bytes and back, read-only views; with what plugins know of other libraries."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from weftline import digest
from weftline.codec import Artifact, Codec, Encoded, Pieces, Shelf, reaches_artifact, sha256_of
from weftline.errors import NoArtifactError, NoContentError, Place, UndigestableError
from weftline.model.entry import ITEMS, Stored
from weftline.model.node import NodeSpec, Output
from weftline.ports.plugins import InstalledValues

#: Types whose values hold no others.
_PLAIN = frozenset({type(None), bool, int, float, str, bytes})
#: Types whose values cannot be changed, or that are passed on as they are.
_AS_THEY_ARE = frozenset({type(None), bool, int, float, str, bytes, tuple, list, dict, set, frozenset})


class Values:
    """Digests and codecs for everything that nodes hand to each other.

    Args:
        shelf: where files and folders lie that come out of a store; None where nothing is stored.
    """

    def __init__(self, shelf: Shelf | None = None) -> None:
        self.foreign = InstalledValues()
        self._shelf = shelf
        self._reaching: dict[int, tuple[Output, bool]] = {}
        self._codecs: dict[tuple[object, str], tuple[Output, Codec]] = {}

    def digest(self, value: Any, path: str = "value") -> bytes:
        """The digest of a value.

        Raises:
            UndigestableError: a part of it has no stable digest.
        """
        return digest.of(value, self.foreign.digester, path=path)

    def outside_digest(self, value: Any, path: str) -> bytes:
        """The digest of a value from outside the pipeline: a path in it counts by the content that it leads to.

        Raises:
            UndigestableError: a part of it has no stable digest.
            NoContentError: a path leads nowhere, or to what cannot be read.
        """
        try:
            return digest.of(value, self._with_contents, path=path)
        except OSError as error:
            raise no_content(error, path) from error

    def _with_contents(self, kind: type, /) -> Callable[[Any], bytes] | None:
        return digest.of_path if issubclass(kind, Path) else self.foreign.digester(kind)

    def has_items(self, value: Any) -> bool:
        """Whether a node may run over a value: a sequence that is no text."""
        return isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray, memoryview))

    def digests(self, items: Iterable[Any], path: str) -> list[bytes]:
        """The digests of the items of a sequence.

        Raises:
            UndigestableError: an item has no stable digest.
        """
        of, digester = digest.of, self.foreign.digester
        return [of(item, digester, path=path) for item in items]

    def outside_digests(self, items: Iterable[Any], path: str) -> list[bytes]:
        """The digests of the items of a sequence from outside the pipeline; see `outside_digest`."""
        return [self.outside_digest(item, path) for item in items]

    def encode(self, value: Any, node: NodeSpec, output: Output) -> Stored:
        """A value as it is stored, with its digest.

        Raises:
            UnencodableError: no codec is known for a part of it.
            NoArtifactError: a file or folder in it cannot be read.
        """
        path = f"{output.key!r} of node {node.name!r}"
        try:
            return self._encoded(value, node, output, path)
        except OSError as error:
            detail = error.strerror or str(error)
            raise NoArtifactError(what_it_is=path, path=str(error.filename), detail=detail, place=node.place) from error

    def _encoded(self, value: Any, node: NodeSpec, output: Output, path: str) -> Stored:
        encoded = self._codec(node, output).encode(value, path=path)
        assert not isinstance(encoded.content, memoryview), "which only a store gives"
        stored = sha256_of(encoded.content)
        try:
            own = self._digest_from(value, encoded, stored) or self.digest(value, path)
        except UndigestableError as error:
            if isinstance(error.__cause__, OSError) and (isinstance(value, Artifact) or self._may_hold_artifacts(output)):
                raise error.__cause__ from None  # somebody writes to a file since it was read for its content
            if encoded.codec != "pickle":
                raise
            own = digest.of_parts(b"pickle", stored)  # the node trusts pickle; the bytes stand for the value
        return Stored(own, encoded.codec, stored, len(encoded.content), encoded.content)

    def _digest_from(self, value: Any, encoded: Encoded, content: bytes) -> bytes | None:
        """The digest of a value by way of that of its content, where another library can tell."""
        foreign = self.foreign.for_type(type(value))
        if foreign is None or foreign.name != encoded.codec:
            return None
        if isinstance(encoded.content, Pieces) and encoded.content.identity is not None:
            return digest.of_foreign(encoded.content.identity())
        identity = foreign.digest_from(value, content)
        return None if identity is None else digest.of_foreign(identity)

    def decode(self, content: bytes | memoryview, stored: Stored, node: NodeSpec, output: Output) -> Any:
        """A stored value again; arrays come back read-only.

        Raises:
            ValueError: the content is not what the codec wrote.
        """
        return self._codec(node, output).decode(Encoded(stored.codec, content), stored.object)

    def _codec(self, node: NodeSpec, output: Output) -> Codec:
        kind = output.kind
        memo = (kind if type(kind) is type and kind in _PLAIN else id(output), node.codec)
        found = self._codecs.get(memo)
        if found is None:
            is_trusting = node.codec == "pickle"
            found = self._codecs[memo] = (output, Codec(kind, self.foreign, trusted_pickle=is_trusting, shelf=self._shelf))
        return found[1]

    def hold_artifacts(self, values: Sequence[Any], node: NodeSpec) -> bool:
        """Whether there are files or folders among the outputs of a node, or may be in them."""
        return any(
            type(value) not in _PLAIN and (isinstance(value, Artifact) or self._may_hold_artifacts(output))
            for value, output in zip(values, node.outputs, strict=True)
        )

    def _may_hold_artifacts(self, output: Output) -> bool:
        memo = id(output)
        if memo not in self._reaching:
            self._reaching[memo] = (output, reaches_artifact(output.kind))
        return self._reaching[memo][1]

    def freeze(self, value: Any) -> Any:
        """A value as one reader may have it: arrays as read-only views, frames as shared copies, all else as it is."""
        kind = type(value)
        if kind in _AS_THEY_ARE:
            return value
        foreign = self.foreign.for_type(kind)
        return value if foreign is None else foreign.freeze(value)


def no_content(error: OSError, user: str, place: Place | None = None) -> NoContentError:
    """What it means that a path leads nowhere, or to what cannot be read.

    Args:
        error: what happened.
        user: whose path it is, as told to people.
        place: where that is declared.
    """
    detail = "it does not exist" if isinstance(error, FileNotFoundError) else error.strerror or str(error)
    return NoContentError(user=user, path=str(error.filename), detail=detail, cwd=str(Path.cwd()), place=place)


def stored_items(digests: Sequence[bytes], kind: type) -> Stored:
    """How a list or a tuple is stored whose items are entries of their own."""
    content = (b"t" if kind is tuple else b"l") + b"".join(digests)
    return Stored(digest.of_items(digests), ITEMS, hashlib.sha256(content).digest(), len(content), content)


def digests_in(content: bytes | memoryview) -> list[bytes]:
    """The items' digests from the content that `stored_items` made."""
    size = digest.DIGEST_BYTES
    return [bytes(content[start : start + size]) for start in range(1, len(content), size)]


def container_in(content: bytes | memoryview) -> type[list[Any]] | type[tuple[Any, ...]]:
    """What the items were in, from the content that `stored_items` made."""
    return tuple if content[:1] == b"t" else list
