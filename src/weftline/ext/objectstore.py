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
        return ObjectBlobs(_Bucket(made(_TRIES), made(1), place))
    except (BaseError, ValueError) as error:
        raise StoreRefusedError(path=place, detail=_first_line(error), advice=_CREDENTIALS[scheme]) from None


class _Bucket:
    """One request after the other, or many at once; errors are told as ours.

    Args:
        store: reaches the store, and asks again what may be asked again.
        once: the same, and asks once.
        place: names the store, for messages; without secrets.
    """

    def __init__(self, store: Any, once: Any, place: str) -> None:
        self.place = place
        self._store = store
        self._once = once

    def each(self, do: Callable[[S], T], things: Iterable[S], at_once: int = _AT_ONCE) -> Sequence[tuple[S, T]]:
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

    def get(self, name: str) -> tuple[bytes | None, Any]:
        """A content, unless it is large, and what the store says of it; two times None if it is not there."""
        try:
            with self._telling():
                found = obstore.get(self._store, name)
                return (None if found.meta["size"] > _RANGE_BYTES else found.bytes().to_bytes()), found.meta
        except FileNotFoundError:
            return None, None

    def get_range(self, name: str, meta: Any, start: int, into: memoryview) -> bool:
        """Fills memory with a part of an object; False if that is not the one that was seen any more."""
        options: Any = {"range": (start, start + len(into)), "if_match": meta["e_tag"]}
        try:
            with self._telling():
                into[:] = memoryview(obstore.get(self._store, name, options=options).bytes())
        except (FileNotFoundError, PreconditionError):
            return False
        return True

    def head(self, name: str) -> Any:
        """What the store says of an object; None if it is not there."""
        try:
            with self._telling():
                return obstore.head(self._store, name)
        except FileNotFoundError:
            return None

    def put(self, blob: tuple[str, Content]) -> None:
        """Writes a small object."""
        name, content = blob
        with self._telling():
            obstore.put(self._store, name, whole(content), use_multipart=False)

    def put_large(self, blob: tuple[str, Content]) -> None:
        """Writes an object in parts, a few of which are in memory once more."""
        name, content = blob
        size = max(_PART_BYTES, len(content) // _PARTS)
        source = _views(content, size) if isinstance(content, Pieces) else content
        with self._telling():
            obstore.put(self._store, name, source, chunk_size=size, max_concurrency=_PARTS_AT_ONCE)

    def put_if(self, name: str, content: bytes, mode: Any) -> bool:
        """Writes a small object under a condition, and says whether that held."""
        try:
            with self._telling():
                obstore.put(self._once, name, content, mode=mode, use_multipart=False)
        except (AlreadyExistsError, PreconditionError, FileNotFoundError):
            return False
        return True

    def delete(self, names: Sequence[str]) -> None:
        """Removes objects, in one request where the store can do that."""
        try:
            with self._telling():
                obstore.delete(self._store, list(names))
        except FileNotFoundError:  # some stores mind that one is not there, and may have left the others
            for name in names if len(names) > 1 else ():
                self.delete([name])

    def listed(self, prefix: str) -> Iterator[Any]:
        """What the store says of objects below a name."""
        with self._telling():
            pages = obstore.list(self._store, prefix or None, chunk_size=_BATCH)
        while True:
            ((_, page),) = self.each(self._next, [pages])
            if page is None:
                return
            yield from page

    def _next(self, pages: Any) -> Any:
        with self._telling():
            return next(pages, None)

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


class ObjectBlobs:
    """Fits `weftline.ports.blobs.Blobs`; may be used by threads, but not by a child that was forked off.

    Args:
        bucket: makes the requests.
    """

    def __init__(self, bucket: _Bucket) -> None:
        self.place = bucket.place
        self._bucket = bucket
        self._probing = threading.Lock()
        self._is_probed = False

    def read(self, names: Sequence[str]) -> Mapping[str, bytes | memoryview]:
        """Those that are there; large ones in ranges."""
        found: dict[str, bytes | memoryview] = {}
        for name, (content, meta) in self._bucket.each(self._bucket.get, names):
            whole_of_it = self._in_ranges(name, meta) if content is None and meta is not None else content
            if whole_of_it is not None:
                found[name] = whole_of_it
        return found

    def _in_ranges(self, name: str, meta: Any) -> memoryview | None:
        content = memoryview(bytearray(meta["size"]))

        def fill(start: int) -> bool:
            return self._bucket.get_range(name, meta, start, content[start : start + _RANGE_BYTES])

        ranges = self._bucket.each(fill, range(0, len(content), _RANGE_BYTES), at_once=_RANGES_AT_ONCE)
        return content.toreadonly() if all(is_there for _, is_there in ranges) else None

    def sizes(self, names: Sequence[str]) -> Mapping[str, int]:
        """The sizes of those that are there."""
        return {name: meta["size"] for name, meta in self._bucket.each(self._bucket.head, names) if meta is not None}

    def write(self, blobs: Sequence[tuple[str, Content]]) -> None:
        """Writes small ones at the same time, and large ones in parts."""
        self._bucket.each(self._bucket.put, [blob for blob in blobs if len(blob[1]) <= _LARGE_BYTES])
        self._bucket.each(self._bucket.put_large, [blob for blob in blobs if len(blob[1]) > _LARGE_BYTES], at_once=1)

    def keep(self, blobs: Sequence[tuple[str, Content]]) -> None:
        """Writes what is not there, and what is not young any more: an object gets a new time by being written."""
        found = self._bucket.each(self._bucket.head, [name for name, _ in blobs])
        there = {name: meta for name, meta in found if meta is not None}
        now = self._now() if there else 0.0
        stays = {name: meta["size"] for name, meta in there.items() if now - _time(meta) < _YOUNG_S}
        self.write([(name, content) for name, content in blobs if stays.get(name) != len(content)])

    def list(self, prefix: str) -> Iterator[Blob]:
        """Objects below a name."""
        now = self._now()
        for meta in self._bucket.listed(prefix):
            yield Blob(meta["path"], meta["size"], now - _time(meta))

    def remove(self, names: Collection[str]) -> None:
        """Removes many in one request where the store can do that."""
        left = list(names)
        self._bucket.each(self._bucket.delete, [left[start : start + _BATCH] for start in range(0, len(left), _BATCH)])

    def close(self) -> None:
        """The library closes connections that nobody uses."""

    def swap(self, changes: Sequence[tuple[str, bytes | None, bytes | None]]) -> set[str]:
        """Puts that are refused unless the name is free, or still has the version that was read."""
        if changes and not self._is_probed:
            self._bucket.each(self._probe, [f".probe.{os.urandom(8).hex()}"])
        return {name for (name, _, _), is_changed in self._bucket.each(self._changed, changes) if is_changed}

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
            if self._bucket.get(name)[0] == (new or b""):  # it was heard, and the answer got lost
                return True
        raise AssertionError("the last try returns or raises")

    def _change_once(self, name: str, old: bytes | None, new: bytes | None) -> bool:
        if old is None:
            return self._bucket.put_if(name, new or b"", "create")
        content, meta = self._bucket.get(name)
        if meta is None or content != old:
            return False
        if old or new is not None:
            return self._bucket.put_if(name, new or b"", _version(meta))
        # An empty one that nobody has used for long is taken away. What is put there first looks like the lease of somebody
        # who shows no sign of life: nobody takes it over before it is gone.
        if not self._bucket.put_if(name, os.urandom(8).hex().encode(), _version(meta)):
            return False
        self._bucket.delete([name])
        return True

    def _probe(self, name: str) -> None:
        """Finds out, once, whether the store refuses what it has to refuse.

        Raises:
            StoreRefusedError: it does not, so that two would have what one may have.
        """
        with self._probing:
            if self._is_probed:
                return
            bucket = self._bucket
            try:
                is_kept = bucket.put_if(name, b"1", "create") and not bucket.put_if(name, b"2", "create")
                _, meta = bucket.get(name)
                is_kept = is_kept and meta is not None and bucket.put_if(name, b"3", _version(meta))
                is_kept = is_kept and not bucket.put_if(name, b"4", _version(meta))
            finally:
                with contextlib.suppress(StoreUnusableError):
                    bucket.delete([name])
            if not is_kept:
                detail = "it does not keep to conditions on a put (If-None-Match, If-Match), so nobody could hold a lease there"
                raise StoreRefusedError(path=self.place, detail=detail, advice="use a store that does, or shared: or redis:")
            self._is_probed = True

    def _now(self) -> float:
        """The time by the clock of the store."""

        def told(name: str) -> Any:
            self._bucket.put((name, b""))
            meta = self._bucket.head(name)
            self._bucket.delete([name])
            return meta

        try:
            ((_, meta),) = self._bucket.each(told, [f".clock.{os.urandom(8).hex()}"])
        except StoreUnusableError:  # nothing may be written: no age decides anything then
            meta = None
        return time.time() if meta is None else _time(meta)


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


def _time(meta: Any) -> float:
    return float(meta["last_modified"].timestamp())


def _views(content: Pieces, size: int) -> Iterator[memoryview]:
    for part in content.parts:
        view = memoryview(part).cast("B")
        for start in range(0, len(view), size):
            yield view[start : start + size]
