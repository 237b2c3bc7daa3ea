"""Opens the cache that a URL names, with the leases that belong to it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, parse_qs, urlsplit

from weftline.clock import Clock
from weftline.errors import BadCacheUrlError, StoreUnusableError, UnknownCacheError, did_you_mean
from weftline.ports import plugins
from weftline.ports.blobs import Blobs
from weftline.ports.cache import Staging, TendedCache
from weftline.ports.leases import Leases

if TYPE_CHECKING:
    from weftline.store.staged import Staged

_OPTIONS = ("trusted", "dead_after_s")
_GROUP = "weftline.blobs"
#: What the index of every version has.
_TABLES = frozenset({"results", "recipes"})


@dataclass(frozen=True, slots=True)
class Store:
    """A cache, and who computes what for it.

    Attributes:
        cache: where results are.
        leases: who computes what.
        staging: the same cache, if it leaves small results to a ledger.
    """

    cache: TendedCache
    leases: Leases
    staging: Staging | None = None

    def close(self) -> None:
        """Gives leases back, and frees files and connections."""
        with contextlib.closing(self.cache):
            self.leases.close()


def open_store(url: str, folder: Path, clock: Clock, staged: Callable[[], Staged | None] | None = None) -> Store:
    """The store that a URL names.

    Args:
        url: `shared:FOLDER`, `sqlite:FILE`, or a scheme that an installed package offers; empty for files in a folder.
        folder: that folder; leases of what one machine alone reaches are there as well.
        clock: for leases.
        staged: opens the ledger of the same home, which takes small results along; None to keep them without one.

    Raises:
        UnknownCacheError: nobody knows the scheme.
        BadCacheUrlError: the URL does not fit its scheme.
        MissingExtraError: what it needs is not installed.
        StoreUnusableError: the place cannot be used.
    """
    if not url:
        from weftline.store.files import FileCache
        from weftline.store.joined import JoinedCache
        from weftline.store.locks import FileLeases

        leases = FileLeases(folder / "leases")
        taken_along = None if staged is None else staged()
        if taken_along is None:
            return Store(FileCache(folder), leases)
        joined = JoinedCache(folder, taken_along)
        return Store(joined, leases, joined)
    url, secret = without_secrets(url), url
    try:
        parts = urlsplit(secret)
    except ValueError:  # such as a bracket without the other
        raise BadCacheUrlError(url=url, detail="it cannot be taken apart", advice="write SCHEME://HOST/PATH") from None
    options = _Options(url, parts)
    if parts.scheme == "sqlite":
        from weftline.store.files import SingleFileCache
        from weftline.store.locks import FileLeases

        file = _path(url, parts)
        _refuse_other_file(url, file)
        return Store(SingleFileCache(file), FileLeases(file.with_name(f"{file.name}-leases")))
    from weftline.store.leases import DEAD_AFTER_S, BlobLeases
    from weftline.store.shared import SharedCache

    blobs: Blobs
    if parts.scheme == "shared":
        from weftline.store.folder import FolderBlobs

        blobs = FolderBlobs(_path(url, parts))
        is_trusted = options.truth("trusted", blobs.is_private)
    else:
        blobs = _offered(url, parts)
        is_trusted = options.truth("trusted", bool)
    return Store(SharedCache(blobs, is_trusted), BlobLeases(blobs, options.number("dead_after_s", DEAD_AFTER_S), clock))


def _offered(url: str, parts: SplitResult) -> Blobs:
    offered = plugins.offered(_GROUP)
    if parts.scheme not in offered:
        known = ", ".join(sorted({"shared", "sqlite", *offered}))
        raise UnknownCacheError(url=url, known=known, hint=did_you_mean(parts.scheme, ["shared", "sqlite", *offered]))
    opener: Callable[[str], Blobs] = plugins.load(offered[parts.scheme], f"a cache at {parts.scheme}:")
    return opener(parts._replace(query="").geturl())


def without_secrets(url: str) -> str:
    """A URL as it may be shown: nothing of a user and a password, also if they are not written as they should be."""
    return re.sub(r"(?<=//).*@", "***@", url)


def _path(url: str, parts: SplitResult) -> Path:
    """The path in a URL: `shared:team`, `shared:/team`, `shared:///team`."""
    if parts.netloc or not parts.path:
        raise BadCacheUrlError(
            url=url, detail="there is no path in it", advice=f"write {parts.scheme}:/path or {parts.scheme}:path"
        )
    return Path(parts.path).expanduser().absolute()


def _refuse_other_file(url: str, file: Path) -> None:
    """A broken cache is put aside and begun anew, which must not happen to a file of somebody else's.

    Raises:
        BadCacheUrlError: there is one.
        StoreUnusableError: it cannot be read.
    """
    from weftline.store.database import tables

    try:
        found = tables(file)
    except OSError as error:
        raise StoreUnusableError(path=str(file), detail=error.strerror or str(error)) from error
    if found is None or (found and not found >= _TABLES):
        raise BadCacheUrlError(
            url=url, detail="there is a file of another kind", advice="name a file that is not there yet, or move this one away"
        )


class _Options:
    """What comes after the question mark."""

    def __init__(self, url: str, parts: SplitResult) -> None:
        self._url = url
        self._given = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        unknown = next((name for name in self._given if name not in _OPTIONS), None)
        if unknown is not None:
            hint = did_you_mean(unknown, _OPTIONS)
            raise BadCacheUrlError(
                url=url, detail=f"no option is called {unknown!r}", advice=f"use {' or '.join(_OPTIONS)}", hint=hint
            )

    def truth(self, name: str, otherwise: Callable[[], bool]) -> Callable[[], bool]:
        """Whether something holds; asked when it is wanted."""
        text = self._given.get(name)
        if text is None:
            return otherwise
        if text.lower() not in {"1", "yes", "true", "0", "no", "false"}:
            raise BadCacheUrlError(
                url=self._url, detail=f"{name}={text} is no truth value", advice=f"write {name}=yes or {name}=no"
            )
        return lambda: text.lower() in {"1", "yes", "true"}

    def number(self, name: str, otherwise: float) -> float:
        """Seconds."""
        try:
            found = float(self._given.get(name, otherwise))
        except ValueError:
            found = 0.0
        if not 0.1 <= found <= 86_400:
            raise BadCacheUrlError(
                url=self._url, detail=f"{name}={self._given[name]} is no number from 0.1 to 86400", advice="give seconds"
            )
        return found
