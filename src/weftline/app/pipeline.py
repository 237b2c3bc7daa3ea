"""The pipeline as users have it: it validates, plans and runs itself; each method is one use of a verb."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weftline.author.pipeline import Pipeline as AuthoredPipeline
from weftline.errors import WeftlineError

if TYPE_CHECKING:  # what plans and runs is imported when a pipeline is planned or run
    from weftline.app.home import Home, Request
    from weftline.app.saved import AskedPlan
    from weftline.model.letter import DeadLetter
    from weftline.model.plan import Plan
    from weftline.plan.compare import Comparison
    from weftline.plan.explain import Explanation
    from weftline.ports.sink import Sink
    from weftline.run.result import RunResult

#: Stands for "as the settings say".
_AS_SET: Any = type("AsSet", (), {"__repr__": lambda _: "<as set>"})()


def load(target: str) -> Pipeline:
    """The pipeline of a target; see `weftline.author.load`."""
    from weftline.author.load import load as find
    from weftline.settings import Settings

    known = Settings.read()
    found = find(target, known.modules_named, known.groups_path)
    if isinstance(found, Pipeline):
        return found
    made = Pipeline.of(found)
    made.target = found.target
    return made


class Pipeline(AuthoredPipeline):
    """Nodes joined by the keys that they share; validates, plans and runs itself.

    Args:
        nodes: decorated functions, instances of `Node`, or classes that need no arguments.
        name: of the pipeline; runs of one name know of each other.
        inputs: keys that every run must be given, with their types.
        fields: small values that runs have and that others may set, by name: a type, or more of it.

    Example:
        >>> from weftline import Pipeline, node
        >>> @node(provides="total")
        ... def total(numbers: list[int]) -> int:
        ...     return sum(numbers)
        >>> Pipeline([total]).run(given={"numbers": [1, 2, 3]}, home=None)["total"]
        6
    """

    @classmethod
    def of(cls, found: AuthoredPipeline) -> Pipeline:
        """A pipeline, or a group, as what plans and runs itself."""
        made = cls((), name=found.name, inputs=found.inputs, fields=found.fields)
        made.stand_for(found)
        return made

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
        from weftline.model.graph import BATCH
        from weftline.plan.validate import findings

        return findings(self.graph_for({BATCH: "any"}), given)

    def plan(self, *, home: str | Path | None = _AS_SET, **asked: Any) -> AskedPlan:
        """What would happen, and why; nothing runs; print it, or save it. For the arguments see `run`.

        Raises:
            InvalidPipelineError: it carries all findings.
        """
        from weftline.app import verbs
        from weftline.app.saved import AskedPlan

        request = _request(asked)
        with contextlib.closing(_home(home)) as opened:
            return AskedPlan.of(verbs.plan(self, opened, request), request=request)

    def run(
        self,
        *,
        home: str | Path | None = _AS_SET,
        sinks: Sequence[Sink] = (),
        plan: str | Path | None = None,
        **asked: Any,
    ) -> RunResult:
        """Runs what has to be run, and restores the rest.

        Args:
            home: folder of ledger, cache and logs; None to keep nothing and compute everything.
            sinks: who is told of events.
            plan: a file that `plan(...).save(file)` or `weftline plan -o` wrote; it says what is asked for, and the run starts
                only if it still holds.
            **asked: `params` (by `name` or `node.name`), `given` (values by key), `targets` (a selection), `force` (nodes),
                `refresh`, `backend` (`threads`, `processes`, `inline`, the name of an installed one, an address, an
                `Environment`, or a backend object), `workers`,
                `on_failure` (`stop`, `continue`), `deadline_s`, `retry_budget`, `gpus` (ids, such as `"0,1"`), `resources`
                (amounts by name), `fields` (values by name), `cache`, `checked`, `inputs_from` (a run); see
                `weftline.app.Request`.

        Returns:
            The result, also of a run that failed: see its `status` and `failures`.

        Raises:
            InvalidPipelineError: it carries all findings; nothing has run.
            StalePlanError: the plan does not hold any more; nothing has run.
            PlanFileError: the file is no plan that can be run.
            KeyboardInterrupt: the run was interrupted; it is recorded and can be resumed.
        """
        from weftline.app import verbs

        opened = _home(home)
        try:
            request, planned = (_request(asked), None) if plan is None else self._planned(Path(plan), opened, asked)
            return _kept(verbs.run(self, opened, request, sinks, planned=planned, echo=True), opened)
        except BaseException:  # raised again
            opened.close()
            raise

    def _planned(self, path: Path, home: Home, asked: Mapping[str, Any]) -> tuple[Request, Plan]:
        from weftline.app import saved

        found = saved.read(path)
        request = saved.asked_again(found, asked)
        return request, saved.plan_again(found, self, home, request)

    def resume(
        self,
        run: str = "",
        *,
        again: str | Sequence[str] = (),
        home: str | Path | None = _AS_SET,
        sinks: Sequence[Sink] = (),
        **asked: Any,
    ) -> RunResult:
        """Goes on with a run of this pipeline.

        Args:
            run: its id, or the beginning of it; by default the newest that can be resumed.
            again: nodes that are made again with everything behind them; what else succeeded is kept.
            home: see `run`, as for what follows.
            sinks: who is told of events.
            **asked: what is asked for.

        Raises:
            UnknownRunError: there is no such run.
            UnknownNodeError: there is no such node.
            NotResumableError: it is complete.
            RunBusyError: another process works on it.
        """
        from weftline.app import verbs

        names = (again,) if isinstance(again, str) else again
        opened = _home(home)
        try:
            return _kept(verbs.resume(run, opened, self, _request(asked), sinks, again=names, echo=True), opened)
        except BaseException:  # raised again
            opened.close()
            raise

    def dead_letters(
        self, *, run: str = "", node: str = "", settled: bool = False, home: str | Path | None = _AS_SET
    ) -> list[DeadLetter]:
        """The calls in a home that failed for good and have no result since, those of the newest run first.

        Args:
            run: of this run alone; the beginning of its id is enough.
            node: of this node alone.
            settled: also those that have a result meanwhile, or were dropped.
            home: where the runs are.
        """
        from weftline.app import letters

        with contextlib.closing(_home(home)) as opened:
            return letters.letters(opened, run=run, node=node, settled=settled)

    def replay(
        self,
        letters: Sequence[DeadLetter],
        *,
        home: str | Path | None = _AS_SET,
        sinks: Sequence[Sink] = (),
        **asked: Any,
    ) -> list[RunResult]:
        """Makes failed calls again, in the runs that they belong to, then what is behind them.

        Args:
            letters: which; see `dead_letters`.
            home: where the runs are.
            sinks: who is told of events.
            **asked: what the runs were asked for, where they were given values that their journal cannot hold; see `run`.

        Returns:
            A result for each run.

        Raises:
            InvalidPipelineError: it carries all findings, such as results that are gone; nothing has run.
            NotResumableError: a run did not come to its end, kept no results, or was given values that the journal cannot hold.
            RunBusyError: another process works on a run.
        """
        from weftline.app import letters as dead

        results = []
        for own in dead.by_run(letters).values():
            opened = _home(home)
            try:
                request = _request(asked) if asked else None
                results.append(_kept(dead.replay(own, opened, self, request, sinks, echo=True), opened))
            except BaseException:  # raised again
                opened.close()
                raise
        return results

    def set_fields(self, run: str, values: Mapping[str, Any], *, why: str = "", home: str | Path | None = _AS_SET) -> int:
        """Sets fields of a run, whoever works on it; gives how many have changed. If one of them is wrong, none is set.

        Args:
            run: its id, or the beginning of it.
            values: by field; None takes a value away.
            why: for those who look at it later.
            home: where the run is.

        Raises:
            UnknownRunError: there is no such run.
            UnknownFieldError: it has no such field.
            UnfitFieldError: a field cannot hold that.
        """
        from weftline.app import fields

        with contextlib.closing(_home(home)) as opened:
            return fields.set_fields(opened, run, values, why=why)[1]

    def compare(self, run: str, other: str = "", *, home: str | Path | None = _AS_SET) -> Comparison:
        """What is different between two runs: for each node what decided its result, and what became of it.

        Args:
            run: one of them; the beginning of its id is enough.
            other: the other one; the newest by default.
            home: where they are.
        """
        from weftline.app import verbs

        with contextlib.closing(_home(home)) as opened:
            return verbs.compared(run, other, opened)

    def why(self, node: str, *, home: str | Path | None = _AS_SET, **asked: Any) -> Explanation:
        """Everything that decides a node's result, beside what it was last time; print it."""
        from weftline.app import verbs

        with contextlib.closing(_home(home)) as opened:
            return verbs.why(self, opened, _request(asked), node)


def _home(home: str | Path | None) -> Home:
    from weftline.app.home import Home
    from weftline.settings import Settings

    known = Settings.read()
    if home is _AS_SET:
        return Home(known.home, known)
    return Home(None if home is None else Path(home), known)


def _request(asked: Mapping[str, Any]) -> Request:
    """What was asked for; None means: not asked."""
    from weftline.app.home import Request

    return Request(**{name: value for name, value in asked.items() if value is not None})


def _kept(result: RunResult, home: Home) -> RunResult:
    """The result, with its home open for as long as somebody may ask it for values."""
    weakref.finalize(result, home.close)
    if result.status == "cancelled":
        raise KeyboardInterrupt(f"run {result.run} was interrupted; pipeline.resume() goes on with it")
    return result
