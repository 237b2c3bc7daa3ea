"""Where a provider works: in this process, or at a backend, to which any thread may send single calls."""

from __future__ import annotations

import itertools
import sys
import threading
import weakref
from typing import TYPE_CHECKING, Any

from weftline.errors import ProviderFailedError
from weftline.model.call import Call, Handle, Report
from weftline.model.environment import Environment
from weftline.model.ids import WHOLE
from weftline.model.node import NodeSpec

if TYPE_CHECKING:  # in this process, no backend is needed
    from weftline.ports.backend import Backend

#: How long one of several callers looks for reports before another has its turn, in seconds.
_LOOK_S = 0.01


class Spot:
    """A backend that is opened when it is first needed, and closed with the provider; or this process.

    Args:
        backend: a name or an address, an environment, or a backend that somebody else closes; empty for this process.
        workers: calls at the same time.

    Attributes:
        specs: what a backend takes for each method, with the object that it was made for.
    """

    def __init__(self, backend: str | Environment | Backend = "", workers: int = 1) -> None:
        self._name = backend
        self.specs: dict[str, tuple[bytes, NodeSpec]] = {}
        self._workers = workers
        self._turn = threading.Lock()
        self._reports: dict[Handle, Report] = {}
        self._numbers = itertools.count()
        self._backend: Backend | None = None
        self._environment = ""
        if isinstance(backend, Environment):
            self._environment = str(backend)
        elif isinstance(backend, str):
            self._environment = _environment_of(backend) if backend else ""
        else:
            self._backend, self._environment = backend, backend.capabilities.environment

    @property
    def is_here(self) -> bool:
        """Whether that is this process, without further ado."""
        return self._name == ""

    def __weftline_digest__(self) -> str:
        """What of the place decides results."""
        return self._environment

    def __reduce__(self) -> tuple[Any, ...]:
        """Travels as its address; whoever needs it there, opens it anew."""
        if not isinstance(self._name, (str, Environment)):
            raise TypeError("a provider at a backend that is open here cannot leave this process; give the backend's address")
        return Spot, (self._name, self._workers)

    def run(self, node: NodeSpec, inputs: dict[str, Any]) -> Any:
        """One call, to its end.

        Raises:
            ProviderFailedError: it failed; the cause is told.
        """
        handle = (next(self._numbers), WHOLE, 1)
        backend = self._opened()
        with self._turn:
            backend.submit(Call(handle, node, inputs, {}))
        try:
            report = self._report(backend, handle)
        except BaseException:  # such as Ctrl-C: nobody waits for it any more
            with self._turn:
                backend.cancel(handle, kill=True)
            raise
        sys.stdout.write(report.log)  # it belongs to what the caller prints
        failure = report.failure
        if failure is not None:
            if failure.finding is not None:
                raise failure.finding
            cause = f"{failure.kind}: {failure.message}"
            error = ProviderFailedError(method=node.name, backend=backend.name, cause=cause, place=failure.place)
            error.__dict__["transient"] = failure.transient  # as the cause is
            raise error
        assert report.outputs is not None
        return report.outputs[0]

    def _report(self, backend: Backend, handle: Handle) -> Report:
        """Waits for one report; those of others that come meanwhile are kept for them."""
        while True:
            with self._turn:
                if handle not in self._reports:
                    self._reports |= {report.handle: report for report in backend.poll(_LOOK_S)}
                if handle in self._reports:
                    return self._reports.pop(handle)

    def _opened(self) -> Backend:
        with self._turn:
            if self._backend is None:
                from weftline.app.places import Place, open_backend
                from weftline.settings import Settings

                self._backend = open_backend(self._name, Place(Settings.read().home.absolute(), self._workers))
                weakref.finalize(self, self._backend.close)
            return self._backend


def _environment_of(address: str) -> str:
    from weftline.app.places import declared_environment

    found = declared_environment(address)
    return "" if found is None else str(found)
