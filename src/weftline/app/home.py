"""What a user asks for, and the home that it is asked of: where results and journals are, and where calls run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from weftline import settings
from weftline.app.stores import Store, open_store
from weftline.backends.capture import Capture
from weftline.backends.inline import InlineBackend
from weftline.backends.threads import ThreadBackend
from weftline.clock import Clock, SystemClock
from weftline.codec import advice_for, is_storable
from weftline.errors import BadArgumentError, UnknownBackendError, did_you_mean
from weftline.observe.log import LogFolder
from weftline.plan.wish import Wish
from weftline.ports.backend import Backend
from weftline.ports.cache import Cache, Staging
from weftline.ports.leases import Leases
from weftline.ports.ledger import Ledger
from weftline.ports.values import Values
from weftline.store.artifacts import ArtifactFolder

if TYPE_CHECKING:
    from weftline.store.sqlite import SqliteLedger

OnFailure = Literal["stop", "continue"]


@dataclass(frozen=True, slots=True)
class Request:
    """What a user asks for, on the command line or in a call.

    Attributes:
        params: parameters by name or `node.name`.
        given: values of keys from outside.
        targets: a selection; empty for everything.
        force: nodes to run even if their result is there.
        refresh: whether everything that is selected runs, so that all results are made anew.
        backend: where calls run; None for the setting.
        workers: calls at the same time; None for the setting.
        on_failure: whether a failure stops the run, or only what depends on it.
        cache: whether results are looked up and kept.
        checked: whether inputs are compared before and after each call; None for the setting.
    """

    params: Mapping[str, Any] = field(default_factory=dict)
    given: Mapping[str, Any] = field(default_factory=dict)
    targets: Sequence[str] = ()
    force: Sequence[str] = ()
    refresh: bool = False
    backend: str | None = None
    workers: int | None = None
    on_failure: OnFailure = "stop"
    cache: bool = True
    checked: bool | None = None

    def __post_init__(self) -> None:
        for name in ("targets", "force"):
            words = getattr(self, name)
            if isinstance(words, str):
                object.__setattr__(self, name, (words,))
        if self.on_failure not in get_args(OnFailure):
            argument = f"on_failure={self.on_failure!r}"
            raise BadArgumentError(argument=argument, detail="no such choice", advice="use 'stop' or 'continue'")


class Home:
    """A folder with a ledger, a cache and logs; each opened when first used. Without a path, everything is forgotten.

    Args:
        path: the folder; made when something is first kept. None to keep nothing.
        known: settings of the process.
        clock: the source of time.
    """

    def __init__(self, path: Path | None, known: settings.Settings | None = None, clock: Clock | None = None) -> None:
        self.shown = "" if path is None else str(path)
        self.path = None if path is None else path.absolute()  # a node may change the working directory
        self.settings = known or settings.Settings.read()
        self.clock = clock or SystemClock()
        self.artifacts = None if self.path is None else ArtifactFolder(self.path / "artifacts", self._located)
        self.values = Values(self.artifacts)
        self._opened: Store | None = None
        self._ledger: SqliteLedger | None = None

    @property
    def exists(self) -> bool:
        """Whether anything was ever kept here; what only reads does not make a home."""
        return self.path is not None and self.path.exists()

    @property
    def has_results(self) -> bool:
        """Whether there may be results: here, or in a cache elsewhere."""
        return self.exists or (self.path is not None and bool(self.settings.cache))

    @property
    def cache(self) -> Cache | None:
        """Where results are kept."""
        return None if self.path is None else self._store(self.path).cache

    @property
    def leases(self) -> Leases | None:
        """Who computes what, among those that share the cache."""
        return None if self.path is None else self._store(self.path).leases

    def _located(self, digest: bytes) -> Path | None:
        return None if self.cache is None else self.cache.located(digest)

    def _store(self, path: Path) -> Store:
        if self._opened is None:
            self._opened = open_store(self.settings.cache, path / "cache", self.clock, lambda: self._journals(path).staged)
        return self._opened

    @property
    def staging(self) -> Staging | None:
        """What leaves small results to the ledger; None where the cache keeps them itself."""
        return None if self.path is None else self._store(self.path).staging

    @property
    def ledger(self) -> Ledger | None:
        """Where journals are kept."""
        return None if self.path is None else self._journals(self.path)

    def _journals(self, path: Path) -> SqliteLedger:
        if self._ledger is None:
            from weftline.store.sqlite import SqliteLedger

            self._ledger = SqliteLedger(path / "ledger.db")
        return self._ledger

    @property
    def logs(self) -> LogFolder | None:
        """Where the output of calls is kept."""
        return None if self.path is None else LogFolder(self.path / "logs")

    def backend(self, request: Request, capture: Capture | None = None) -> Backend:
        """The backend that a request names.

        Raises:
            UnknownBackendError: there is none of that name.
        """
        name = request.backend or self.settings.backend
        slots = request.workers or self.settings.slots
        makers: dict[str, Callable[[], Backend]] = {
            "inline": lambda: InlineBackend(slots, capture),
            "threads": lambda: ThreadBackend(slots, capture),
            "processes": lambda: _processes(slots),
        }
        if name not in makers:
            raise UnknownBackendError(name=name, known=", ".join(makers), hint=did_you_mean(name, makers))
        return makers[name]()

    def wish(self, request: Request) -> Wish:
        """A request as the planner understands it."""
        backend = self.backend(request)
        keeps = request.cache and self.path is not None
        return Wish(
            params=request.params,
            given=request.given,
            targets=request.targets,
            force=request.force,
            refresh=request.refresh,
            now=self.clock.now(),
            backend=backend.name,
            capabilities=backend.capabilities,
            storable=(lambda kind: is_storable(kind, self.values.foreign)) if keeps else None,
            advice=lambda kind: advice_for(kind, self.values.foreign),
        )

    def close(self) -> None:
        """Closes what was opened."""
        for opened in (self._opened, self._ledger):
            if opened is not None:
                opened.close()
        self._opened = self._ledger = None


def _processes(slots: int) -> Backend:
    from weftline.backends.processes import ProcessBackend

    return ProcessBackend(slots)
