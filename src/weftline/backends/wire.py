"""Messages between a process and its worker: whole or not at all, over a socket that the parent never waits for."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable
from enum import IntEnum

_HEAD = struct.Struct("!BQ")
_CHUNK = 64 * 1024
#: Up to this size a message is copied behind its head, which costs less than sending it apart.
_SMALL = 64 * 1024


class Kind(IntEnum):
    """What a message is.

    The parent sends `SETUP` once, `NODE` once for each node, then `CALL`. The worker answers each call with a `REPORT`;
    if a node came with the call, it sends `BEGUN` before, when everything is loaded.
    """

    SETUP = 0
    NODE = 1
    CALL = 2
    BEGUN = 3
    REPORT = 4


class Wire:
    """One end of the socket; the parent's is set not to block.

    Args:
        end: the socket; the wire closes it.
    """

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._out: list[memoryview] = []
        self._in = bytearray()

    def fileno(self) -> int:
        """For selectors."""
        return self._end.fileno()

    def send(self, messages: Iterable[tuple[Kind, bytes]]) -> bool:
        """Sends messages, as far as it goes without waiting; the rest goes with `flush`.

        Returns:
            Whether all is gone.

        Raises:
            OSError: nobody is there any more.
        """
        for kind, content in messages:
            head = _HEAD.pack(kind, len(content))
            self._out += map(memoryview, [head + content] if len(content) < _SMALL else [head, content])
        return self.flush()

    def flush(self) -> bool:
        """Sends what is left; True when all is gone.

        Raises:
            OSError: nobody is there any more.
        """
        out = self._out
        while out:
            try:
                sent = self._end.send(out[0])
            except BlockingIOError:
                return False
            if sent == len(out[0]):
                del out[0]
            else:
                out[0] = out[0][sent:]
        return True

    def receive(self) -> tuple[int, bytes] | None:
        """The next message; None if it has not come whole yet.

        Raises:
            EOFError: the other end is closed.
            OSError: it is gone.
        """
        got = self._in
        while True:
            if len(got) >= _HEAD.size:
                kind, size = _HEAD.unpack_from(got)
                end = _HEAD.size + size
                if len(got) >= end:
                    content = bytes(memoryview(got)[_HEAD.size : end])
                    del got[:end]
                    return kind, content
            try:
                piece = self._end.recv(_CHUNK)
            except BlockingIOError:
                return None
            if not piece:
                raise EOFError
            got += piece

    def close(self) -> None:
        """Closes the socket."""
        self._end.close()
