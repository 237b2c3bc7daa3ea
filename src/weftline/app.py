"""The one place where parts are chosen and joined; the methods of a pipeline are one-line uses of it."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sys
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Literal, TypeVar

from weftline import settings
from weftline.author.pipeline import Pipeline as AuthoredPipeline
from weftline.backends.capture import Capture
from weftline.backends.inline import InlineBackend
from weftline.backends.threads import ThreadBackend
from weftline.clock import Clock, SystemClock
from weftline.errors import (
    NotResumableError,
    RunBusyError,
    UnknownBackendError,
    UnknownRunError,
    UnknownSelectionError,
    WeftlineError,
    did_you_mean,
)
from weftline.model.ids import WHOLE, run_id
from weftline.model.node import NO_BODY, NodeSpec, Output
from weftline.model.params import Text
from weftline.model.plan import Plan
from weftline.model.run import RunRecord
from weftline.model.transitions import RunStatus
from weftline.observe.bus import Bus
from weftline.observe.log import LogFolder
from weftline.plan import planner
from weftline.plan.explain import Explanation, explain
from weftline.ports.backend import Backend
from weftline.ports.cache import Cache
from weftline.ports.ledger import Ledger
from weftline.ports.sink import Sink
from weftline.ports.values import Values
from weftline.run.engine import Engine, Past, Surroundings
from weftline.run.result import RunResult
from weftline.run.resume import past_of
from weftline.version import __version__

#: Stands for "as the settings say".
_AS_SET: Any = type("AsSet", (), {"__repr__": lambda _: "<as set>"})()
OnFailure = Literal["stop", "continue"]
T = TypeVar("T")
#: Runs that are looked through for a stored output.
_LOOKED_THROUGH = 50


@dataclass(frozen=True, slots=True)
class Request:
    """What a user asks for, on the command line or in a call.

    Attributes:
        params: parameters by name or `node.name`.
        given: values of keys from outside.
        targets: a selection; empty for everything.
        force: nodes to run even if their result is there.
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
    backend: str | None = None
    workers: int | None = None
    on_failure: OnFailure = "stop"
    cache: bool = True
    checked: bool | None = None


class Home:
    """A folder with a ledger, a cache and logs; each opened when first used. Without a path, everything is forgotten.

    Args:
        path: the folder; made when something is first kept. None to keep nothing.
        known: settings of the process.
        clock: the source of time.
    """

    def __init__(self, path: Path | None, known: settings.Settings | None = None, clock: Clock | None = None) -> None:
        self.path = path
        self.settings = known or settings.Settings.read()
        self.clock = clock or SystemClock()
        self.values = Values()
        self._cache: Cache | None = None
        self._ledger: Ledger | None = None

    @property
    def cache(self) -> Cache | None:
        """Where results are kept."""
        if self._cache is None and self.path is not None:
            from weftline.store.files import FileCache

            self._cache = FileCache(self.path / "cache")
        return self._cache

    @property
    def ledger(self) -> Ledger | None:
        """Where journals are kept."""
        if self._ledger is None and self.path is not None:
            from weftline.store.sqlite import SqliteLedger

            self._ledger = SqliteLedger(self.path / "ledger.db")
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

    def wish(self, request: Request) -> planner.Wish:
        """A request as the planner understands it."""
        backend = self.backend(request)
        return planner.Wish(request.params, request.given, request.targets, request.force, backend.name, backend.capabilities)

    def close(self) -> None:
        """Closes what was opened."""
        for opened in (self._cache, self._ledger):
            if opened is not None:
                opened.close()
        self._cache = self._ledger = None


def _processes(slots: int) -> Backend:
    from weftline.backends.processes import ProcessBackend

    return ProcessBackend(slots)


# --- the verbs ----------------------------------------------------------------------------------------------------


def load(target: str) -> Pipeline:
    """The pipeline of a target; see `weftline.author.load`."""
    from weftline.author.load import load as find

    found = find(target)
    if isinstance(found, Pipeline):
        return found
    made = Pipeline(found.nodes, name=found.name, inputs=found.inputs)
    made.target = found.target
    return made


def check(pipeline: AuthoredPipeline, home: Home, request: Request) -> tuple[list[WeftlineError], list[WeftlineError]]:
    """All findings, and the notes beside them."""
    return planner.check(pipeline.graph, home.wish(request))


def plan(pipeline: AuthoredPipeline, home: Home, request: Request) -> Plan:
    """What would happen, and why.

    Raises:
        InvalidPipelineError: it carries all findings.
    """
    cache = home.cache if request.cache else None
    return planner.make(pipeline.graph, home.wish(request), cache, home.ledger, home.values)


def why(pipeline: AuthoredPipeline, home: Home, request: Request, node: str) -> Explanation:
    """Everything that decides a node, beside what it was last time.

    Raises:
        UnknownSelectionError: there is no such node.
        InvalidPipelineError: the pipeline cannot be planned.
    """
    if node not in pipeline.graph.index:
        raise UnknownSelectionError(word=node, hint=did_you_mean(node, pipeline.graph.index))
    ledger = home.ledger
    last = ledger.last_times(pipeline.graph.name, [node]) if ledger is not None else {}
    return explain(plan(pipeline, home, request), node, last.get(node))


def run(
    pipeline: AuthoredPipeline,
    home: Home,
    request: Request,
    sinks: Sequence[Sink] = (),
    *,
    planned: Plan | None = None,
    echo: bool = False,
) -> RunResult:
    """Plans and runs.

    Args:
        pipeline: what to run.
        home: where its results and journal are.
        request: what is asked for.
        sinks: who is told of events.
        planned: the plan, if it was made already.
        echo: show what calls print, besides keeping it.

    Raises:
        InvalidPipelineError: it carries all findings; nothing has run.
    """
    made = planned or plan(pipeline, home, request)
    run = run_id(home.clock.now(), os.urandom(3))
    return _execute(made, run, home, request, sinks, None, _opening(made, request), echo=echo)


def resume(
    run: str,
    home: Home,
    pipeline: AuthoredPipeline | None = None,
    request: Request | None = None,
    sinks: Sequence[Sink] = (),
    *,
    echo: bool = False,
) -> RunResult:
    """Goes on with a run whose process died, or that failed or was cancelled: what succeeded is kept.

    Args:
        run: its id; empty for the newest.
        home: where its journal is.
        pipeline: the pipeline; None to load it by the target that the journal names.
        request: as it was asked for; None to take it from the journal.
        sinks: who is told of events.
        echo: show what calls print, besides keeping it.

    Raises:
        UnknownRunError: the home has no such run.
        NotResumableError: it is complete, or was started by a program that gave it values which the journal cannot hold.
        RunBusyError: another process works on it.
    """
    record = find_run(run, home)
    opening = record.opening
    if record.status is RunStatus.COMPLETED:
        advice = f"start a new one: weftline run {opening.get('target') or '...'}"
        raise NotResumableError(run=record.run, detail="it is complete", advice=advice)
    if pipeline is None or request is None:
        if not opening.get("target") or not opening.get("repeatable"):
            advice = "resume it there: pipeline.resume(run, ...) with the same parameters and given values"
            raise NotResumableError(run=record.run, detail="it was started by a program", advice=advice)
        pipeline = pipeline or load(opening["target"])
        request = request or _request_of(opening)
    made = plan(pipeline, home, request)
    return _execute(made, record.run, home, request, sinks, past_of(record), _opening(made, request), echo=echo)


def find_run(run: str, home: Home) -> RunRecord:
    """A run, folded from its journal; the newest for an empty id; a unique beginning of an id is enough.

    Raises:
        UnknownRunError: there is none.
    """
    ledger = home.ledger
    known = [] if ledger is None else [found.run for found in ledger.runs(10_000 if run else 1)]
    found = [name for name in known if name.startswith(run)]
    if ledger is None or not found or (run and len(found) > 1 and run not in found):
        raise UnknownRunError(run=run or "(newest)", home=str(home.path), hint=did_you_mean(run, known))
    return RunRecord.fold(found[0], ledger.events(found[0]))


def newest_output(home: Home, node: str, kind: type[T]) -> T | None:
    """What the node of that name provided in the newest run that has it stored; None if there is no such run.

    Args:
        home: where to look.
        node: the node's name; what it provides first counts.
        kind: the type of that.
    """
    ledger, cache = home.ledger, home.cache
    if ledger is None or cache is None:
        return None
    output = Output.of(node, kind)
    spec = NodeSpec(node, NO_BODY, (), (output,))
    for summary in ledger.runs(_LOOKED_THROUGH):
        record = RunRecord.fold(summary.run, ledger.events(summary.run)).nodes.get(node)
        call = None if record is None else record.calls.get(WHOLE)
        if call is None or call.key is None:
            continue
        entry = cache.find([bytes.fromhex(call.key)]).get(bytes.fromhex(call.key))
        if entry is not None and entry.outputs:
            stored = entry.outputs[0]
            content = stored.content or cache.load(stored, entry.key)
            value = home.values.decode(content, stored, spec, output)
            if isinstance(value, kind):
                return value
    return None


def _execute(
    made: Plan,
    run: str,
    home: Home,
    request: Request,
    sinks: Sequence[Sink],
    past: Past | None,
    opening: Mapping[str, Any],
    *,
    echo: bool,
) -> RunResult:
    is_checked = home.settings.checked if request.checked is None else request.checked
    capture = None if home.path is None else Capture(echo=echo)
    bus = [Bus(sinks)] if sinks else []
    with _claimed(run, home), contextlib.closing(home.backend(request, capture)) as backend:
        around = Surroundings(
            backend=backend,
            values=home.values,
            clock=home.clock,
            entropy=random.random,
            cache=home.cache if request.cache else None,
            ledger=home.ledger,
            sinks=bus,
            logs=home.logs,
            checked=is_checked,
        )
        engine = Engine(made, run, around, opening=opening, on_failure=request.on_failure, past=past)
        with _interruptible(engine):
            status = engine.run()
    for sink in bus:
        sink.close()
    result = RunResult(engine, status)
    if around.cache is not None:
        result.notes += around.cache.damage()
    return result


def _opening(made: Plan, request: Request) -> dict[str, Any]:
    """What the journal keeps of a request, so that the run can be resumed by its id alone."""
    plain = (str, int, float, bool, type(None))
    repeatable = not request.given and all(isinstance(value, plain) for value in request.params.values())
    return {
        "pipeline": made.graph.name,
        "target": made.graph.target,
        "cwd": str(Path.cwd()),
        "params": {name: value if isinstance(value, plain) else repr(value) for name, value in request.params.items()},
        "typed": [name for name, value in request.params.items() if not isinstance(value, Text)],
        "given": sorted(request.given),
        "repeatable": repeatable,
        "targets": list(request.targets),
        "force": list(request.force),
        "backend": made.backend,
        "workers": request.workers,
        "on_failure": request.on_failure,
        "cache": request.cache,
        "nodes": len(made.steps),
        "weftline": __version__,
        "python": ".".join(map(str, sys.version_info[:3])),
    }


def _request_of(opening: Mapping[str, Any]) -> Request:
    typed = set(opening["typed"])
    params = {name: value if name in typed else Text(value) for name, value in opening["params"].items()}
    return Request(
        params=params,
        targets=opening["targets"],
        backend=opening["backend"],
        workers=opening["workers"],
        on_failure=opening["on_failure"],
        cache=opening["cache"],
    )


@contextlib.contextmanager
def _claimed(run: str, home: Home) -> Iterator[None]:
    """Keeps other processes off a run; takes over from one that is dead."""
    ledger = home.ledger
    if ledger is None:
        yield
        return
    from weftline.store.holder import may_be_alive, this_process

    holder = this_process()
    other = ledger.claim(run, holder)
    if other is not None and not may_be_alive(other):
        ledger.release(run)
        other = ledger.claim(run, holder)
    if other is not None:
        raise RunBusyError(run=run, holder=other)
    try:
        yield
    finally:
        ledger.release(run)


@contextlib.contextmanager
def _interruptible(engine: Engine) -> Iterator[None]:
    """Ctrl-C once lets running calls finish, twice stops them; only where this thread may handle signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    times = 0

    def interrupted(number: int, frame: FrameType | None) -> None:
        nonlocal times
        del number, frame
        times += 1
        engine.cancel(kill=times > 1)
        if times > 1:
            raise KeyboardInterrupt  # reaches a call that runs in this very thread; the engine never lets it pass further

    before = {number: signal.signal(number, interrupted) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# --- the pipeline as users have it --------------------------------------------------------------------------------


class Pipeline(AuthoredPipeline):
    """Nodes joined by the keys that they share; validates, plans and runs itself.

    Args:
        nodes: decorated functions, instances of `Node`, or classes that need no arguments.
        name: of the pipeline; runs of one name know of each other.
        inputs: keys that every run must be given, with their types.

    Example:
        >>> from weftline import Pipeline, node
        >>> @node(provides="total")
        ... def total(numbers: list[int]) -> int:
        ...     return sum(numbers)
        >>> Pipeline([total]).run(given={"numbers": [1, 2, 3]}, home=None)["total"]
        6
    """

    @classmethod
    def load(cls, target: str) -> Pipeline:
        """The pipeline of a file (`flow.py`, `flow.py:name`), of a module, or of a name that an installed package ships.

        Raises:
            TargetNotFoundError: nothing is there, or no pipeline is in it.
        """
        return load(target)

    def validate(self, *, given: Sequence[str] = ()) -> list[WeftlineError]:
        """All findings; empty when the pipeline is sound.

        Args:
            given: keys that runs will be given.
        """
        from weftline.plan.validate import findings

        return findings(self.graph, given)

    def plan(self, *, home: str | Path | None = _AS_SET, **asked: Any) -> Plan:
        """What would happen, and why; nothing runs. For the arguments see `run`.

        Raises:
            InvalidPipelineError: it carries all findings.
        """
        with contextlib.closing(_home(home)) as opened:
            return plan(self, opened, Request(**_plain(asked)))

    def run(self, *, home: str | Path | None = _AS_SET, sinks: Sequence[Sink] = (), **asked: Any) -> RunResult:
        """Runs what has to be run, and restores the rest.

        Args:
            home: folder of ledger, cache and logs; None to keep nothing and compute everything.
            sinks: who is told of events.
            **asked: `params` (by `name` or `node.name`), `given` (values by key), `targets` (a selection), `force` (nodes),
                `backend` (`threads`, `processes`, `inline`), `workers`, `on_failure` (`stop`, `continue`), `cache`,
                `checked`; see `weftline.app.Request`.

        Returns:
            The result, also of a run that failed: see its `status` and `failures`.

        Raises:
            InvalidPipelineError: it carries all findings; nothing has run.
            KeyboardInterrupt: the run was interrupted; it is recorded and can be resumed.
        """
        opened = _home(home)
        try:
            return _kept(run(self, opened, Request(**_plain(asked)), sinks, echo=True), opened)
        except BaseException:
            opened.close()
            raise

    def resume(
        self, run: str = "", *, home: str | Path | None = _AS_SET, sinks: Sequence[Sink] = (), **asked: Any
    ) -> RunResult:
        """Goes on with a run of this pipeline, the newest by default; for the arguments see `run`."""
        opened = _home(home)
        try:
            return _kept(resume(run, opened, self, Request(**_plain(asked)), sinks, echo=True), opened)
        except BaseException:
            opened.close()
            raise

    def why(self, node: str, *, home: str | Path | None = _AS_SET, **asked: Any) -> Explanation:
        """Everything that decides a node's result, beside what it was last time; print it."""
        with contextlib.closing(_home(home)) as opened:
            return why(self, opened, Request(**_plain(asked)), node)


def _home(home: str | Path | None) -> Home:
    known = settings.Settings.read()
    if home is _AS_SET:
        return Home(known.home, known)
    return Home(None if home is None else Path(home), known)


def _plain(asked: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in asked.items() if value is not None}


def _kept(result: RunResult, home: Home) -> RunResult:
    """The result, with its home open for as long as somebody may ask it for values."""
    weakref.finalize(result, home.close)
    if result.status == RunStatus.CANCELLED:
        raise KeyboardInterrupt(f"run {result.run} was interrupted; pipeline.resume() goes on with it")
    return result
