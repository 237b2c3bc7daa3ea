"""Blobs in an object store: `s3://` for S3 and what speaks its protocol, `gs://` for Google's, `az://` for Azure's.

Theory of operation. A blob is an object, which such stores put in its place whole. Changes under a condition are puts that the
server refuses when something is there, or when it is not the version that was read. Whether a server keeps to that is tried
once, before anything is built on it: some accept the condition and ignore it. Nothing can be taken away under a condition, so
an empty object is left instead.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import AzureStore, GCSStore, S3Store

from weftline.codec import Content, Pieces, whole
from weftline.errors import BadCacheUrlError, StoreRefusedError, StoreUnreachableError, StoreUnusableError
from weftline.ports.blobs import Blob, Blobs

S = TypeVar("S")
T = TypeVar("T")

#: Requests of one batch at the same time.
_AT_ONCE = 32
#: How long a request and the making of a connection may take; no request is made again after `_PATIENCE_S`.
_TIMES = {"timeout": "60s", "connect_timeout": "5s"}
_PATIENCE_S = 20.0
_TRIES = 6
#: Larger contents are written one after the other and in parts, at least of the size that S3 wants of all but the last,
#: and at most 10,000 (https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html).
_LARGE_BYTES = 1 << 20
_PART_BYTES, _PARTS, _PARTS_AT_ONCE = 5 << 20, 9_000, 4
#: Larger contents are read in ranges of this size, into memory that is there once.
_RANGE_BYTES, _RANGES_AT_ONCE = 8 << 20, 8
#: What is younger is not written again to make it new, in seconds; a cache regards as new what is younger than an hour.
_YOUNG_S = 1800.0
#: Names in one request to remove them, and in one answer to a list.
_BATCH = 1000

_STORES: dict[str, Callable[..., Any]] = {"s3": S3Store, "gs": GCSStore, "az": AzureStore}
_CREDENTIALS = {
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_ENDPOINT_URL for a server of your own",
    "gs": "set GOOGLE_SERVICE_ACCOUNT to the file of a key that may use the bucket",
    "az": "set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
}

#: Set in a child that was forked off: the threads of the library are not there, and whoever asked it would wait for ever.
_forked = threading.Event()
os.register_at_fork(after_in_child=_forked.set)


def opened(url: str) -> Blobs:
    """The blobs that a URL names: `s3://BUCKET/PREFIX`; address and credentials come from the environment.

    Raises:
        BadCacheUrlError: that is not how it is written.
        StoreRefusedError: the environment says something that cannot be.
    """
    parts = urlsplit(url)
    scheme, bucket, prefix = parts.scheme, parts.netloc, unquote(parts.path.strip("/"))
    if not bucket or "@" in url or ":" in bucket or parts.fragment or "//" in prefix:
        advice = f"write {scheme}://BUCKET/PREFIX; {_CREDENTIALS[scheme]}"
        shown = re.sub(r"(?<=//).*@", "***@", url)
        raise BadCacheUrlError(url=shown, detail="it has no bucket, or more than a bucket and a prefix", advice=advice)
    place = f"{scheme}://{bucket}" + (f"/{prefix}" if prefix else "")

    def made(tries: int) -> Any:
        backoff = {"init_backoff": timedelta(seconds=0.1), "max_backoff": timedelta(seconds=2), "base": 2}
        retry = {"max_retries": tries - 1, "retry_timeout": timedelta(seconds=_PATIENCE_S), "backoff": backoff}
        return _STORES[scheme](bucket, prefix=prefix or None, config=_TIMES, retry_config=retry)

    try:
        return ObjectBlobs(made(_TRIES), made(1), place)
    except (BaseError, ValueError) as error:
        raise StoreRefusedError(path=place, detail=_first_line(error), advice=_CREDENTIALS[scheme]) from None


class ObjectBlobs:
    """Fits `weftline.ports.blobs.Blobs`; may be used by threads, but not by a child that was forked off.

    Args:
        store: reaches the store, and asks again what may be asked again.
        once: the same, and asks once.
        place: names the store, for messages; without secrets.
    """

    def __init__(self, store: Any, once: Any, place: str) -> None:
        self.place = place
        self._store = store
        self._once = once
        self._probing = threading.Lock()
        self._is_probed = False

    def read(self, names: Sequence[str]) -> Mapping[str, bytes | memoryview]:
        """Those that are there; large ones in ranges."""
        found: dict[str, bytes | memoryview] = {}
        for name, (content, meta) in self._each(self._got, names):
            whole_of_it = self._in_ranges(name, meta) if content is None and meta is not None else content
            if whole_of_it is not None:
                found[name] = whole_of_it
        return found

    def _got(self, name: str) -> tuple[bytes | None, Any]:
        """A content, unless it is large, and what the store says of it."""
        try:
            with self._telling():
                found = obstore.get(self._store, name)
                return (None if found.meta["size"] > _RANGE_BYTES else found.bytes().to_bytes()), found.meta
        except FileNotFoundError:
            return None, None

    def _in_ranges(self, name: str, meta: Any) -> memoryview | None:
        content = bytearray(meta["size"])

        def fill(start: int) -> bool:
            end = min(start + _RANGE_BYTES, len(content))
            try:
                with self._telling():
                    found = obstore.get(self._store, name, options={"range": (start, end), "if_match": meta["e_tag"]})
                    content[start:end] = memoryview(found.bytes())
            except (FileNotFoundError, PreconditionError):
                return False  # another one was put in its place meanwhile
            return True

        ranges = self._each(fill, range(0, len(content), _RANGE_BYTES), at_once=_RANGES_AT_ONCE)
        return memoryview(content).toreadonly() if all(is_there for _, is_there in ranges) else None

    def sizes(self, names: Sequence[str]) -> Mapping[str, int]:
        """The sizes of those that are there."""
        return {name: meta["size"] for name, meta in self._each(self._head, names) if meta is not None}

    def _head(self, name: str) -> Any:
        try:
            with self._telling():
                return obstore.head(self._store, name)
        except FileNotFoundError:
            return None

    def write(self, blobs: Sequence[tuple[str, Content]]) -> None:
        """Writes small ones at the same time, and large ones in parts."""
        self._each(self._put, [blob for blob in blobs if len(blob[1]) <= _LARGE_BYTES])
        self._each(self._put_large, [blob for blob in blobs if len(blob[1]) > _LARGE_BYTES], at_once=1)

    def _put(self, blob: tuple[str, Content]) -> None:
        name, content = blob
        with self._telling():
            obstore.put(self._store, name, whole(content), use_multipart=False)

    def _put_large(self, blob: tuple[str, Content]) -> None:
        name, content = blob
        size = max(_PART_BYTES, len(content) // _PARTS)
        source = _views(content, size) if isinstance(content, Pieces) else content
        with self._telling():
            obstore.put(self._store, name, source, chunk_size=size, max_concurrency=_PARTS_AT_ONCE)

    def keep(self, blobs: Sequence[tuple[str, Content]]) -> None:
        """Writes what is not there, and what is not young any more: an object gets a new time by being written."""
        there = {name: meta for name, meta in self._each(self._head, [name for name, _ in blobs]) if meta is not None}
        now = self._now() if there else 0.0
        young = {
            name
            for name, content in blobs
            if name in there
            and there[name]["size"] == len(content)
            and now - there[name]["last_modified"].timestamp() < _YOUNG_S
        }
        self.write([blob for blob in blobs if blob[0] not in young])

    def list(self, prefix: str) -> Iterator[Blob]:
        """Objects below a name."""
        now = self._now()
        with self._telling():
            stream = obstore.list(self._store, prefix or None, chunk_size=_BATCH)
        while True:
            ((_, found),) = self._each(self._next, [stream])
            if found is None:
                return
            for meta in found:
                yield Blob(meta["path"], meta["size"], now - meta["last_modified"].timestamp())

    def _next(self, stream: Any) -> Any:
        with self._telling():
            return next(stream, None)

    def remove(self, names: Collection[str]) -> None:
        """Removes many in one request where the store can do that."""
        left = list(names)
        self._each(self._delete, [left[start : start + _BATCH] for start in range(0, len(left), _BATCH)])

    def _delete(self, names: Sequence[str]) -> None:
        try:
            with self._telling():
                obstore.delete(self._store, list(names))
        except FileNotFoundError:  # some stores mind that one is not there, and may have left the others
            for name in names if len(names) > 1 else ():
                self._delete([name])

    def close(self) -> None:
        """The library closes connections that nobody uses."""

    # --- changes under a condition ---

    def swap(self, changes: Sequence[tuple[str, bytes | None, bytes | None]]) -> set[str]:
        """Puts that are refused unless the name is free, or still has the version that was read."""
        if changes:
            self._probe()
        return {name for (name, _, _), is_changed in self._each(self._changed, changes) if is_changed}

    def _changed(self, change: tuple[str, bytes | None, bytes | None]) -> bool:
        name, old, new = change
        wait_s = 0.1
        for left in reversed(range(_TRIES)):
            try:
                return self._change_once(name, old, new)
            except StoreUnusableError as error:
                if not error.transient or not left:
                    raise
            time.sleep(wait_s)
            wait_s *= 2
            if self._got(name)[0] == (new or b""):  # it was heard, and the answer got lost
                return True
        raise AssertionError("the last try returns or raises")

    def _change_once(self, name: str, old: bytes | None, new: bytes | None) -> bool:
        if old is None:
            return self._put_if(name, new or b"", "create")
        content, meta = self._got(name)
        if meta is None or content != old:
            return False
        if old or new is not None:
            return self._put_if(name, new or b"", _version(meta))
        # An empty one that nobody has used for long is taken away. What is put there first looks like the lease of somebody
        # who shows no sign of life: nobody takes it over before it is gone.
        if not self._put_if(name, os.urandom(8).hex().encode(), _version(meta)):
            return False
        self._delete([name])
        return True

    def _put_if(self, name: str, content: bytes, mode: Any) -> bool:
        try:
            with self._telling():
                obstore.put(self._once, name, content, mode=mode, use_multipart=False)
        except (AlreadyExistsError, PreconditionError, FileNotFoundError):
            return False
        return True

    def _probe(self) -> None:
        """Finds out, once, whether the store refuses what it has to refuse.

        Raises:
            StoreRefusedError: it does not, so that two would have what one may have.
        """
        with self._probing:
            if self._is_probed:
                return
            name = f".probe.{os.urandom(8).hex()}"
            try:
                is_kept = self._put_if(name, b"1", "create") and not self._put_if(name, b"2", "create")
                _, meta = self._got(name)
                is_kept = is_kept and meta is not None and self._put_if(name, b"3", _version(meta))
                is_kept = is_kept and not self._put_if(name, b"4", _version(meta))
            finally:
                with contextlib.suppress(StoreUnusableError):
                    self._delete([name])
            if not is_kept:
                detail = "it does not keep to conditions on a put (If-None-Match, If-Match), so nobody could hold a lease there"
                raise StoreRefusedError(path=self.place, detail=detail, advice="use a store that does, or shared: or redis:")
            self._is_probed = True

    # --- asking ---

    def _each(self, do: Callable[[S], T], things: Iterable[S], at_once: int = _AT_ONCE) -> Sequence[tuple[S, T]]:
        """Does it with each, many at once, in threads of their own: so signals are heard, and nobody waits in a queue."""
        if _forked.is_set():
            detail = "its client does not work in a process that was forked off another one that has loaded it"
            raise StoreRefusedError(path=self.place, detail=detail, advice="start processes with multiprocessing's 'spawn'")
        wanted = list(things)
        if not wanted:
            return []
        pool = ThreadPoolExecutor(min(at_once, len(wanted)), thread_name_prefix="weftline-objects")
        try:
            return list(zip(wanted, pool.map(do, wanted), strict=True))
        finally:
            pool.shutdown(cancel_futures=True)

    def _now(self) -> float:
        """The time by the clock of the store."""
        name = f".clock.{os.urandom(8).hex()}"
        try:
            self._each(self._put, [(name, b"")])
            ((_, meta),) = self._each(self._head, [name])
            self._each(self._delete, [[name]])
        except StoreUnusableError:  # nothing may be written: no age decides anything then
            meta = None
        return time.time() if meta is None else float(meta["last_modified"].timestamp())

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        """Says of which place an error is; absent objects, and conditions that do not hold, are for the caller."""
        try:
            yield
        except (AlreadyExistsError, PreconditionError):
            raise
        except FileNotFoundError as error:
            if re.search("<Code>(NoSuchBucket|ContainerNotFound)</Code>|bucket does not exist", str(error)):
                raise _meaning(error, self.place) from None
            raise
        except (BaseError, OSError, ValueError) as error:
            raise _meaning(error, self.place) from None  # its text may show what was sent


def _meaning(error: Exception, place: str) -> StoreUnusableError:
    """What an error of the library is to us: only what is known to be no secret is taken from its text."""
    text = str(error)
    credentials = _CREDENTIALS[place.partition(":")[0]]
    status = re.search(r"status code: (\d{3})(?: [A-Z][A-Za-z ]*)?", text)
    if "169.254.169.254" in text or "metadata.google.internal" in text:
        return StoreRefusedError(path=place, detail="there are no credentials in the environment", advice=credentials)
    if status is not None:
        code = re.search(r"<Code>(\w+)</Code>", text)
        detail = f"the server answers {status[0].removeprefix('status code: ')}" + (f", {code[1]}" if code else "")
        if int(status[1]) in {408, 409, 429} or int(status[1]) >= 500:
            return StoreUnreachableError(path=place, detail=detail)
        advice = "make the bucket, or name another one" if status[1] == "404" else credentials
        return StoreRefusedError(path=place, detail=detail, advice=advice)
    if "BadScheme" in text:
        advice = "set AWS_ALLOW_HTTP=true if nobody else can read that network, or use https:"
        return StoreRefusedError(path=place, detail="its address begins with http:", advice=advice)
    if "error sending request" in text or "HTTP error" in text:
        causes = ("Connection refused", "dns error", "certificate", "TimedOut", "timed out", "Connection reset")
        found = next((cause for cause in causes if cause in text), "no answer")
        return StoreUnreachableError(
            path=place, detail={"TimedOut": "timed out", "dns error": "no such host"}.get(found, found)
        )
    return StoreRefusedError(path=place, detail=_first_line(error), advice=credentials)


def _first_line(error: Exception) -> str:
    return re.sub(r"\?\S*", "", str(error).partition("\n")[0])[:200]


def _version(meta: Any) -> dict[str, str]:
    return {name: meta[name] for name in ("e_tag", "version") if meta[name]}


def _views(content: Pieces, size: int) -> Iterator[memoryview]:
    for part in content.parts:
        view = memoryview(part).cast("B")
        for start in range(0, len(view), size):
            yield view[start : start + size]
