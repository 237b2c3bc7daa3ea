"""Blobs in a Redis server, or in one that speaks its protocol such as Valkey: `redis://`, and `rediss://` over TLS.

Theory of operation. A blob is a string value under `PREFIX/name`: the server's time in milliseconds, a sign, and the content;
so its age is always in step with it, and reading does not make it young. A large content lies in parts of their own. They are
written first and expire on their own, until the value that names them is put in place and makes them stay; so a writer that
dies leaves nothing behind. Every change is a script, which the server runs without anything in between; the keys of the parts
are not among those that it is told, which a cluster would want.

What is kept survives as the server is configured: with `appendonly yes` and `appendfsync always`, all that was acknowledged.
"""

from __future__ import annotations

import itertools
import os
import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from weftline.codec import Content, Pieces, whole
from weftline.errors import BadCacheUrlError, StoreRefusedError, StoreUnreachableError, StoreUnusableError
from weftline.ports.blobs import Blob, Blobs

T = TypeVar("T")

#: How long a connection may take to be made, and an answer to come, in seconds.
_CONNECT_S, _ANSWER_S = 5.0, 15.0
#: How long a server that does not answer is asked again, such as one that is being restarted, in seconds.
_PATIENCE_S = 5.0
#: Contents up to this size go through a script; larger ones are taken apart. A value may have 512 MiB.
_WHOLE_BYTES = 1 << 20
_PART_BYTES = 32 << 20
#: Parts that no blob names live so long, in seconds.
_ORPHAN_S = 3600
#: What is asked for, or written, in one go.
_BATCH, _BATCH_BYTES = 500, 4 << 20
#: Time and sign before each content.
_HEAD = re.compile(rb"[0-9]{13}[=>]")
_HEAD_BYTES = 14
_ADDRESS = "write redis://USER:PASSWORD@HOST:PORT/DATABASE/PREFIX, with %-escapes for signs such as @ / : # in the password"

#: What all scripts know. `found` gives the size of a blob, its time, and the parts of a large one; nil where nothing is. What
#: somebody else has put there has no time, and is a content as it stands: whoever reads it finds that it was altered.
_COMMON = """
local clock = redis.call('TIME')
local now = string.format('%013.0f', clock[1] * 1000 + math.floor(clock[2] / 1000))
local function found(key)
  local time, sign = string.match(redis.call('GETRANGE', key, 0, 13), '^(%d%d%d%d%d%d%d%d%d%d%d%d%d)([=>])$')
  if sign == '=' then return redis.call('STRLEN', key) - 14, time, {} end
  if not sign then
    local size = redis.call('STRLEN', key)
    return size > 0 and size or nil, nil, {}
  end
  local size, count, name = string.match(redis.call('GET', key), '^%d+>(%d+) (%d+) (.+)$')
  local parts = {}
  for number = 1, count do parts[number] = name .. ':' .. number end
  return tonumber(size), time, parts
end
local function drop(key)
  local _, _, parts = found(key)
  for _, part in ipairs(parts or {}) do redis.call('UNLINK', part) end
  return redis.call('UNLINK', key)
end
"""
_WRITE = """
local done = {}
for at, key in ipairs(KEYS) do
  local size, _, before = found(key)
  local is_large = string.sub(ARGV[at], 1, 1) == '>'
  if not (is_large and size and string.sub(redis.call('GET', key), 14) == ARGV[at]) then  -- else it was heard before
    redis.call('SET', key, now .. ARGV[at])
    for _, part in ipairs(before or {}) do redis.call('UNLINK', part) end
  end
  done[at] = 1
  local _, _, parts = found(key)
  for _, part in ipairs(parts) do
    redis.call('PERSIST', part)
    if redis.call('EXISTS', part) == 0 then done[at] = 0 end
  end
  if done[at] == 0 then drop(key) end
end
return done
"""
_RENEW = """
local done = {}
for at, key in ipairs(KEYS) do
  local size, time, parts = found(key)
  done[at] = time and size == tonumber(ARGV[at]) and 1 or 0
  for _, part in ipairs(parts or {}) do
    if redis.call('EXISTS', part) == 0 then done[at] = 0 end
  end
  if done[at] == 1 then redis.call('SETRANGE', key, 0, now) end
end
return done
"""
_LOOK = """
local seen = {}
for at, key in ipairs(KEYS) do
  local size, time = found(key)
  seen[2 * at - 1] = size or -1
  seen[2 * at] = time and now - time or 0
end
return seen
"""
_REMOVE = """
for _, key in ipairs(KEYS) do drop(key) end
"""
#: For each key what must be there and what is put there, `-` or `+` and the content. Who asks again may have been heard before.
_SWAP = """
local again, done = ARGV[1] == '1', {}
for at, key in ipairs(KEYS) do
  local old, new = ARGV[2 * at], ARGV[2 * at + 1]
  local size, time = found(key)
  local is = size and '+' .. string.sub(redis.call('GET', key), time and 15 or 1) or '-'
  done[at] = is == old and 1 or 0
  if is == old then
    if new == '-' then redis.call('UNLINK', key) else redis.call('SET', key, now .. '=' .. string.sub(new, 2)) end
  elseif again and new ~= '-' and is == new then
    done[at] = 1
  end
end
return done
"""


def opened(url: str) -> Blobs:
    """The blobs that a URL names: `redis://USER:PASSWORD@HOST:PORT/DATABASE/PREFIX`.

    All but the host may be left out: the user is the server's default one, the port 6379, the database 0, and the prefix of all
    keys `weftline`. No connection is made yet.

    Raises:
        BadCacheUrlError: that is not how it is written.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or 6379
    except ValueError:  # its text may be a piece of the password
        host, port = None, 0
    database, _, prefix = unquote(parts.path.strip("/")).partition("/") if host else ("", "", "")
    if not host or parts.fragment or not (database or "0").isdecimal():
        raise BadCacheUrlError(
            url=re.sub(r"(?<=//).*@", "***@", url), detail="it has no host, or no number as its database", advice=_ADDRESS
        )
    name = f"[{host}]" if ":" in host else host
    place = "/".join(filter(None, (f"{parts.scheme}://{name}:{port}", database or "0", prefix)))
    client = redis.Redis(
        host=host,
        port=port,
        db=int(database or 0),
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        ssl=parts.scheme == "rediss",
        protocol=2,
        socket_connect_timeout=_CONNECT_S,
        socket_timeout=_ANSWER_S,
        socket_keepalive=True,
        health_check_interval=30,
        retry=Retry(NoBackoff(), 0),  # what may be asked again, and how, is said below
    )
    return RedisBlobs(client, prefix or "weftline", place)


class _Server:
    """Asks a server, for some time if it does not answer at once."""

    def __init__(self, client: redis.Redis, place: str) -> None:
        self.place = place
        self.client: Any = client  # its methods are declared for waiting and for awaiting at once

    def values(self, keys: Sequence[str]) -> Sequence[bytes | None]:
        """What stands under keys; None for nothing."""
        found: Sequence[bytes | None] = self.ask(lambda _: self.client.mget(keys))
        return found

    def set_for_now(self, key: str, value: bytes | bytearray | memoryview) -> None:
        """Puts a value there that goes away by itself, unless somebody makes it stay."""
        self.ask(lambda _: self.client.set(key, value, ex=_ORPHAN_S))

    def scanned(self, cursor: int, pattern: str) -> tuple[int, Sequence[bytes]]:
        """The next cursor, 0 at the end, and some keys; one may come twice."""
        found: tuple[int, Sequence[bytes]] = self.ask(
            lambda _: self.client.scan(cursor, match=pattern, count=_BATCH, _type="string")
        )
        return found

    def ask(self, question: Callable[[bool], Any]) -> Any:
        """The answer; a server that is not there at first is asked for some time, which the question is told."""
        until = time.monotonic() + _PATIENCE_S
        for attempt in itertools.count():
            try:
                return question(attempt > 0)
            except redis.RedisError as error:
                meant = _meaning(error, self.place)
                if not meant.transient or time.monotonic() > until:
                    raise meant from error
            time.sleep(min(0.05 * 2**attempt, 1.0))
        raise AssertionError("count() does not end")


class RedisBlobs:
    """Fits `weftline.ports.blobs.Blobs`; may be used by threads, and by a forked child, which makes its own connections.

    Args:
        client: reaches the server, and never asks twice by itself; closed with this.
        prefix: what all keys begin with.
        place: names the server, for messages; without secrets.
    """

    def __init__(self, client: redis.Redis, prefix: str, place: str) -> None:
        self.place = place
        self._server = _Server(client, place)
        self._prefix = prefix
        scripts = (_WRITE, _RENEW, _LOOK, _REMOVE, _SWAP)
        self._write, self._renew, self._look, self._remove, self._swap = (
            client.register_script(_COMMON + script) for script in scripts
        )

    def read(self, names: Sequence[str]) -> Mapping[str, bytes | memoryview]:
        """Those that are there, many in one question."""
        found: dict[str, bytes | memoryview] = {}
        for batch in _batches(names):
            keys = [self._key(name) for name in batch]
            for name, value in zip(batch, self._server.values(keys), strict=True):
                content = self._content(self._key(name), value)
                if content is not None:
                    found[name] = content
        return found

    def _content(self, key: str, value: bytes | None) -> bytes | memoryview | None:
        """What a value stands for; None for nothing."""
        while value:
            if not _HEAD.match(value):
                return value
            if value[_HEAD_BYTES - 1 : _HEAD_BYTES] == b"=":
                return value[_HEAD_BYTES:]
            content = self._together(value[_HEAD_BYTES:])
            if content is not None:
                return content
            before, (value,) = value, self._server.values([key])
            if value == before:
                return None  # a part was evicted
        return None

    def _together(self, manifest: bytes) -> memoryview | None:
        size, count, name = manifest.decode().split(" ", 2)
        content, at = bytearray(int(size)), 0
        for number in range(1, int(count) + 1):
            (part,) = self._server.values([f"{name}:{number}"])
            if part is None or at + len(part) > len(content):
                return None
            content[at : at + len(part)] = part
            at += len(part)
        return memoryview(content).toreadonly() if at == len(content) else None

    def sizes(self, names: Sequence[str]) -> Mapping[str, int]:
        """The sizes of those that are there."""
        return {blob.name: blob.size for batch in _batches(names) for blob in self._seen(batch)}

    def _seen(self, names: Sequence[str]) -> Sequence[Blob]:
        seen = self._run(self._look, names)
        told = zip(names, seen[::2], seen[1::2], strict=True)
        return [Blob(name, size, age_ms / 1000) for name, size, age_ms in told if size >= 0]

    def write(self, blobs: Sequence[tuple[str, Content]]) -> None:
        """Writes them, many in one go."""
        names: list[str] = []
        values: list[bytes] = []
        waiting = 0
        for name, content in blobs:
            value = b"=" + whole(content) if len(content) <= _WHOLE_BYTES else self._apart(content)
            names.append(name)
            values.append(value)
            waiting += len(value)
            if len(names) == _BATCH or waiting > _BATCH_BYTES:
                self._put(names, values)
                names, values, waiting = [], [], 0
        if names:
            self._put(names, values)

    def _put(self, names: Sequence[str], values: Sequence[bytes]) -> None:
        if 0 in self._run(self._write, names, values):
            raise StoreUnreachableError(path=self.place, detail="it took too long to write a large content, or has dropped it")

    def _apart(self, content: Content) -> bytes:
        """Writes the parts of a content, and gives what stands for it."""
        name = f"{self._prefix}:parts:{os.urandom(8).hex()}"
        number = 0
        for number, part in enumerate(_parts(content), 1):
            self._server.set_for_now(f"{name}:{number}", part)
        return f">{len(content)} {number} {name}".encode()

    def keep(self, blobs: Sequence[tuple[str, Content]]) -> None:
        """Sets the time of what is there with the same size, and writes the rest."""
        for batch in _batches(blobs):
            sizes = [str(len(content)).encode() for _, content in batch]
            kept = self._run(self._renew, [name for name, _ in batch], sizes)
            self.write([blob for blob, is_kept in zip(batch, kept, strict=True) if not is_kept])

    def swap(self, changes: Sequence[tuple[str, bytes | None, bytes | None]]) -> set[str]:
        """Compares and puts in one script; who is not heard asks again, and then counts what it finds of its own as done."""
        changed: set[str] = set()
        for batch in _batches(changes):
            names = [name for name, _, _ in batch]
            contents = [_told(content) for _, *both in batch for content in both]
            done = self._run(self._swap, names, contents, tells_again=True)
            changed.update(name for name, is_done in zip(names, done, strict=True) if is_done)
        return changed

    def list(self, prefix: str) -> Iterator[Blob]:
        """Asks for all keys that begin so, some of which the server may tell twice."""
        pattern = re.sub(r"([*?\[\]\\^])", r"\\\1", self._key(prefix)) + "*"
        told: set[str] = set()
        cursor: int | None = None
        while cursor != 0:
            cursor, keys = self._server.scanned(cursor or 0, pattern)
            names = dict.fromkeys(key.decode(errors="replace")[len(self._prefix) + 1 :] for key in keys)
            for batch in _batches([name for name in names if name not in told]):
                told.update(batch)
                yield from self._seen(batch)

    def remove(self, names: Collection[str]) -> None:
        """Removes them, many in one go."""
        for batch in _batches(names):
            self._run(self._remove, batch)

    def close(self) -> None:
        """Closes the connections."""
        self._server.client.close()

    def _key(self, name: str) -> str:
        return f"{self._prefix}/{name}"

    def _run(
        self, script: Any, names: Sequence[str], values: Sequence[bytes] = (), *, tells_again: bool = False
    ) -> Sequence[int]:
        keys = [self._key(name) for name in names]
        told: Sequence[int] | None = self._server.ask(
            lambda again: script(keys, [b"%d" % again, *values] if tells_again else values)
        )
        return told or []


def _meaning(error: redis.RedisError, place: str) -> StoreUnusableError:
    """What an error of the library is to us; its text is of the server's making, and names no secrets."""
    text = " ".join(str(error).partition(", with args")[0].split())[:300]
    for sign, detail, advice in _REFUSALS:
        if re.search(sign, f"{type(error).__name__} {text}"):
            return StoreRefusedError(path=place, detail=f"{detail} ({text})", advice=advice)
    passing = (redis.ConnectionError, redis.TimeoutError, redis.exceptions.ClusterDownError)
    if isinstance(error, passing) or text.startswith(("BUSY", "TRYAGAIN", "LOADING")):
        return StoreUnreachableError(path=place, detail=text or "it does not answer")
    return StoreRefusedError(path=place, detail=text, advice="see what the server's log says; it has to be Redis 5 or newer")


_REFUSALS = [
    ("WRONGPASS|NOAUTH|Authentication|Authorization|invalid password", "it wants another password", "check the URL"),
    ("NOPERM|NoPermission", "this user may not do that", "allow it ~PREFIX* +@read +@write +@scripting +@connection +time"),
    ("OutOfMemory|OOM", "its memory is full", "raise its maxmemory, or remove results: weftline cache gc --max-size 1GB"),
    ("READONLY|ReadOnly", "it is a replica that only reads", "name the primary server"),
    ("MISCONF|NOREPLICAS", "it takes no writes at present", "see the server's log; its disk may be full"),
    (r"MOVED|\bASK |CROSSSLOT|cluster mode", "it is a cluster", "name a server that is not part of a cluster"),
]


def _told(content: bytes | None) -> bytes:
    return b"-" if content is None else b"+" + content


def _parts(content: Content) -> Iterator[bytes | bytearray | memoryview]:
    """A large content in parts of equal size, of which one at a time is in memory once more."""
    if not isinstance(content, Pieces):
        yield from (memoryview(content)[start : start + _PART_BYTES] for start in range(0, len(content), _PART_BYTES))
        return
    part = bytearray()
    for piece in content.parts:
        view = memoryview(piece).cast("B")
        while view:
            taken = _PART_BYTES - len(part)
            part += view[:taken]
            view = view[taken:]
            if len(part) == _PART_BYTES:
                yield part
                part = bytearray()
    if part:
        yield part


def _batches(things: Iterable[T]) -> Iterator[list[T]]:
    left = iter(things)
    while batch := list(itertools.islice(left, _BATCH)):
        yield batch
