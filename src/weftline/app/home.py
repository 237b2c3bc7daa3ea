"""What a user asks for, and the home that it is asked of: where results and journals are, and where calls run."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from weftline import settings
from weftline.app.ledgers import open_journals
from weftline.app.places import Place, lent, open_backend
from weftline.app.stores import Store, open_store
from weftline.backends.capture import Capture
from weftline.backends.devices import devices
from weftline.clock import Clock, SystemClock
from weftline.codec import advice_for, is_storable
from weftline.errors import BadArgumentError
from weftline.model.environment import Environment
from weftline.model.gate import Gate, Scalar, Verdict, initial, latest
from weftline.model.graph import Graph, Grouped
from weftline.model.guard import Guard
from weftline.model.params import read_fields
from weftline.model.run import RunRecord
from weftline.observe.log import LogFolder
from weftline.plan.wish import Wish
from weftline.ports.backend import Backend
from weftline.ports.cache import Staging, TendedCache
from weftline.ports.fields import Fields
from weftline.ports.leases import Leases
from weftline.ports.ledger import History, Journals, Ledger
from weftline.ports.values import Values
from weftline.run.limits import Limits
from weftline.store.artifacts import ArtifactFolder

if TYPE_CHECKING:
    from weftline.store.staged import Staged

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
        backend: where calls run: a name, an address, an environment, or an object, which the run closes at its end; None for
            the setting.
        workers: calls at the same time; None for the setting.
        on_failure: whether a failure stops the run, or only what depends on it; None for what a group says, or `stop`.
        deadline_s: how long the run may take, in seconds.
        retry_budget: attempts besides the first of each call that the run may make; None for any number.
        gpus: ids of devices with commas between them, empty for none; None for those that there are.
        resources: how much there is of what nodes name in `Resources(tags=...)`.
        cache: whether results are looked up and kept.
        checked: whether inputs are compared before and after each call; None for the setting.
        gates: names of gates that are open from the start.
        guard: how many runs of equal keys go on at the same time, besides what a group says; None for any number.
        trigger: who asks: a command, a program, or a schedule.
        fields: values of fields of the run, until somebody sets others.
        inputs_from: a run whose outputs are read in place of those of nodes that are left out, and whose parameters hold where
            no others are given; empty for what is stored now.
    """

    params: Mapping[str, Any] = field(default_factory=dict)
    given: Mapping[str, Any] = field(default_factory=dict)
    targets: Sequence[str] = ()
    force: Sequence[str] = ()
    refresh: bool = False
    backend: str | Environment | Backend | None = None
    workers: int | None = None
    on_failure: OnFailure | None = None
    deadline_s: float | None = None
    retry_budget: int | None = None
    gpus: str | None = None
    resources: Mapping[str, float] = field(default_factory=dict)
    cache: bool = True
    checked: bool | None = None
    gates: Sequence[str] = ()
    trigger: Literal["cli", "api", "scheduler"] = "api"
    fields: Mapping[str, Scalar] = field(default_factory=dict)
    inputs_from: str = ""
    guard: Guard | None = None

    def __post_init__(self) -> None:
        for name in ("targets", "force", "gates"):
            words = getattr(self, name)
            if isinstance(words, str):
                object.__setattr__(self, name, (words,))
        object.__setattr__(self, "gates", tuple(self.gates))
        kept: Any = self.guard
        if isinstance(kept, Mapping):  # as a journal has it
            object.__setattr__(self, "guard", Guard(**kept))
        if isinstance(self.backend, Environment):  # told by its address, so that a journal can keep it
            object.__setattr__(self, "backend", self.backend.address)
        if self.on_failure not in {None, *get_args(OnFailure)}:
            argument = f"on_failure={self.on_failure!r}"
            raise BadArgumentError(argument=argument, detail="no such choice", advice="use 'stop' or 'continue'")
        if self.deadline_s is not None and self.deadline_s <= 0:
            argument = f"deadline_s={self.deadline_s}"
            raise BadArgumentError(argument=argument, detail="no time at all", advice="use seconds above 0")
        if self.retry_budget is not None and self.retry_budget < 0:
            argument = f"retry_budget={self.retry_budget}"
            raise BadArgumentError(argument=argument, detail="less than none", advice="use a number from 0")

    def limits(self, group: Grouped | None) -> Limits:
        """Where the run ends, whatever there is left to do; what is not asked for is as the group says."""
        on_failure = self.on_failure or ("stop" if group is None else group.on_failure)
        deadline_s = group.deadline_s if self.deadline_s is None and group is not None else self.deadline_s
        return Limits(on_failure, deadline_s, self.retry_budget)


class Home:
    """A folder with a ledger, a cache and logs; each opened when first used. Without a path, everything is forgotten.

    Args:
        path: the folder; made when something is first kept. None to keep nothing.
        known: settings of the process.
        clock: the source of time.
        entropy: gives so many random bytes, for ids.
    """

    def __init__(
        self,
        path: Path | None,
        known: settings.Settings | None = None,
        clock: Clock | None = None,
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.shown = "" if path is None else str(path)
        self.path = None if path is None else path.absolute()  # a node may change the working directory
        self.settings = known or settings.Settings.read()
        self.clock = clock or SystemClock()
        self.entropy = entropy
        self.artifacts = None if self.path is None else ArtifactFolder(self.path / "artifacts", self._located)
        self.values = Values(self.artifacts)
        self._opened: Store | None = None
        self._journals: Journals | None = None

    @property
    def exists(self) -> bool:
        """Whether anything was ever kept here; what only reads does not make a home."""
        return self.path is not None and self.path.exists()

    @property
    def has_results(self) -> bool:
        """Whether there may be results: here, or in a cache elsewhere."""
        return self.exists or (self.path is not None and bool(self.settings.cache))

    @property
    def has_journals(self) -> bool:
        """Whether there may be journals: here, or in a ledger elsewhere."""
        return self.exists or (self.path is not None and bool(self.settings.ledger))

    @property
    def cache(self) -> TendedCache | None:
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
            self._opened = open_store(self.settings.cache, path / "cache", self.clock, self._staged)
        return self._opened

    @property
    def staging(self) -> Staging | None:
        """What leaves small results to the ledger; None where the cache keeps them itself."""
        return None if self.path is None else self._store(self.path).staging

    @property
    def ledger(self) -> Ledger | None:
        """Where journals are kept."""
        return self.journals

    @property
    def fields(self) -> Fields | None:
        """Where fields of runs are set."""
        return self.journals

    @property
    def history(self) -> History | None:
        """What earlier runs tell of the next one; None where nothing was ever kept."""
        return self.journals if self.has_journals else None

    @property
    def journals(self) -> Journals | None:
        """Where journals are kept, and what stands beside them."""
        if self._journals is None and self.path is not None:
            self._journals = open_journals(self.settings.ledger, self.path / "ledger.db")
        return self._journals

    def _staged(self) -> Staged | None:
        """Where the home's own ledger takes small results along; None where journals are kept elsewhere."""
        if self.settings.ledger:
            return None
        from weftline.store.sqlite import SqliteLedger

        journals = self.journals
        return journals.staged if isinstance(journals, SqliteLedger) else None

    @property
    def logs(self) -> LogFolder | None:
        """Where the output of calls is kept."""
        return None if self.path is None else LogFolder(self.path / "logs")

    def backend(self, request: Request, graph: Graph, capture: Capture | None = None) -> Backend:
        """The backend that a request names, with what calls of the graph share there.

        Raises:
            UnknownBackendError: there is none of that name.
            MissingExtraError: what it needs is not installed.
            BadArgumentError: its address does not fit, it is no backend, or it says itself what is asked for.
            ServerUnreachableError: no server is at the address.
            ServerRefusedError: it cannot be used.
        """
        asked, known = self._asked(request), self.settings
        shared = {} if graph.group is None else graph.group.shared
        folder = self.path or known.home.absolute()
        backend = open_backend(
            asked, Place(folder, request.workers or known.workers or None, known.slots, capture, known, self.clock)
        )
        if not isinstance(asked, str):
            refused = {"workers": request.workers, "gpus": request.gpus, "resources": request.resources or None}
            return lent(backend, shared, refused)
        able = backend.capabilities
        needs_gpu = graph.remembered("needs_gpu", lambda: any(node.resources.gpu for node in graph.nodes))
        takes_ours = able.sets_env and not able.is_remote and not able.devices
        if request.gpus is not None and able.devices:
            backend.close()
            advice = "leave it out; these are the devices of the backend: " + ", ".join(device.id for device in able.devices)
            raise BadArgumentError(argument=f"gpus={request.gpus!r}", detail=f"{asked!r} knows its own", advice=advice)
        found = devices(request.gpus) if needs_gpu and takes_ours else able.devices
        named = {**able.named, **shared, **request.resources}
        backend.capabilities = replace(able, devices=found, named=named)
        return backend

    def _asked(self, request: Request) -> str | Environment | Backend:
        return self.settings.backend if request.backend is None else request.backend

    def wish(self, request: Request, graph: Graph, record: RunRecord | None = None) -> Wish:
        """A request as the planner understands it.

        Args:
            request: what is asked for.
            graph: of what.
            record: the run that is gone on with; None for a new one.
        """
        asked, backend = self._asked(request), self.backend(request, graph)
        if isinstance(asked, str):  # opened only to be asked what it can do
            backend.close()
        keeps = request.cache and self.path is not None
        return Wish(
            params=request.params,
            given=request.given,
            targets=request.targets,
            force=request.force,
            refresh=request.refresh,
            now=self.clock.now(),
            fields=read_fields(request.fields, graph.fields),
            look=self._gatekeeper(request, graph, record),
            backend=asked if isinstance(asked, str) else backend.name,
            capabilities=backend.capabilities,
            storable=(lambda kind: is_storable(kind, self.values.foreign)) if keeps else None,
            advice=lambda kind: advice_for(kind, self.values.foreign),
        )

    def _gatekeeper(self, request: Request, graph: Graph, record: RunRecord | None) -> Callable[[Gate], Verdict]:
        """Says whether a gate is open for a run, as it is now."""
        held = initial(graph.fields, read_fields(request.fields, graph.fields))
        reached = {} if record is None else {gate: body["held"] for gate, (_, body) in record.reached.items()}
        if record is not None and self.fields is not None:
            held = latest(held, self.fields.fields(record.run))

        def look(gate: Gate) -> Verdict:
            if gate.name in request.gates:
                return Verdict(True, "it was opened before")
            return gate.look(held, reached.get(gate.name))

        return look

    def close(self) -> None:
        """Closes what was opened."""
        for opened in (self._opened, self._journals):
            if opened is not None:
                opened.close()
        self._opened = self._journals = None
