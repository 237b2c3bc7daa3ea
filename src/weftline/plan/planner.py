"""Makes plans: the findings if there are any, else a decision with its reason for every node."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial

from weftline.errors import InvalidPipelineError, UnavailableInputError, WeftlineError
from weftline.model.estimate import effort
from weftline.model.fingerprint import Change, changes
from weftline.model.graph import Graph
from weftline.model.node import NodeSpec
from weftline.model.params import Bound
from weftline.model.plan import Decision, Items, Plan, Reason, ReasonCode, Step
from weftline.model.quantity import shown_age
from weftline.plan.gates import behind_gates
from weftline.plan.predict import Forecast, Predictor
from weftline.plan.recorded import taken_from
from weftline.plan.temporary import revive
from weftline.plan.wish import Wish, checked
from weftline.ports.cache import Cache
from weftline.ports.ledger import History, LastTime
from weftline.ports.values import Values


def make(graph: Graph, wish: Wish, cache: Cache | None, history: History | None, values: Values) -> Plan:
    """The plan for a graph.

    Args:
        graph: what to plan.
        wish: what the user asks for.
        cache: where results are; None to compute everything.
        history: what happened before; None when nobody remembers.
        values: digests and codecs.

    Raises:
        InvalidPipelineError: it carries all findings.
    """
    graph, bound, selected, goals, errors, notes = checked(graph, wish)
    if errors:
        raise InvalidPipelineError(pipeline=graph.name, findings=tuple(errors))
    if cache is None:
        left_out = _left_out(graph, selected)
        if left_out:
            raise InvalidPipelineError(pipeline=graph.name, findings=tuple(left_out))
        is_plain = not wish.params and not wish.targets
        steps = (
            graph.remembered("steps", lambda: _uncached_steps(graph, bound.params, selected))
            if is_plain
            else _uncached_steps(graph, bound.params, selected)
        )
        if history is not None:
            steps = _with_efforts(graph, steps, history, _slots(wish))
        steps = behind_gates(graph, steps, wish.look)
        return Plan(graph, steps, bound.given, goals, tuple(notes), wish.backend, _slots(wish))
    forced = selected if wish.refresh else frozenset(graph.index[name] for name in wish.force)
    guess = tuple if history is None else partial(history.last_keys, graph.name)
    taken = {} if wish.recorded is None else taken_from(wish.recorded, graph, selected, cache)
    predictor = Predictor(graph, bound.params, cache, values, wish.now, guess, taken, wish.capabilities.environment)
    forecasts = predictor.predict(bound.given, forced)
    explainer = _Explainer(graph, forecasts, selected, forced, wish.now)
    decisions = [explainer.decision(number) for number in range(len(graph.nodes))]
    revive(graph, decisions, forecasts, goals)
    unavailable = [*predictor.findings, *_unavailable(graph, decisions, forecasts)]
    if unavailable:
        raise InvalidPipelineError(pipeline=graph.name, findings=tuple(unavailable))
    pending = [graph.nodes[number].name for number in selected if decisions[number] is not Decision.CACHED]
    explainer.last_times = history.last_times(graph.name, pending) if history is not None and pending else {}
    steps = tuple(explainer.step(number, decisions[number], bound.params[number]) for number in graph.order)
    if history is not None and pending:
        steps = _with_efforts(graph, steps, history, _slots(wish))
    steps = behind_gates(graph, steps, wish.look)
    return Plan(graph, steps, bound.given, goals, tuple(notes), wish.backend, _slots(wish))


def _slots(wish: Wish) -> int:
    return 1 if wish.capabilities.one_by_one else wish.capabilities.slots


def _with_efforts(graph: Graph, steps: Sequence[Step], history: History, slots: int) -> tuple[Step, ...]:
    """The steps, with what those mean that run or may run, as far as the history knows."""
    pending = [step.node for step in steps if step.decision is Decision.RUN or step.decision is Decision.MAY_RUN]
    durations = history.durations(graph.name, pending)
    if not durations:
        return tuple(steps)
    found = []
    for step in steps:
        if step.node in durations:
            run, may_run = _calls(step)
            told, cpu = durations[step.node], graph.nodes[graph.index[step.node]].resources.cpu
            step = step._replace(effort=effort(told, run, cpu, slots), most=effort(told, run + may_run, cpu, slots))
        found.append(step)
    return tuple(found)


def _calls(step: Step) -> tuple[int, int]:
    """How many calls will run, and how many may; none where the list of items is not known."""
    if step.items is not None:
        return step.items.counts.get(Decision.RUN, 0), step.items.counts.get(Decision.MAY_RUN, 0)
    return (1, 0) if step.decision is Decision.RUN else (0, 1)


_NEVER = Reason(ReasonCode.NEVER_CACHED, "no cache in this run")
_HIT = Reason(ReasonCode.HIT)
_FIRST = Reason(ReasonCode.NEW, "first time here")
_NOT_SELECTED = Reason(ReasonCode.NOT_SELECTED)


def _uncached_steps(graph: Graph, params: Sequence[Mapping[str, Bound]], selected: frozenset[int]) -> tuple[Step, ...]:
    return tuple(
        Step(
            node=(node := graph.nodes[number]).name,
            decision=Decision.RUN if number in selected else Decision.SKIP,
            reason=_NEVER if number in selected else _NOT_SELECTED,
            requires=tuple(read.key for read in node.inputs),
            provides=node.provided,
            params=params[number],
            items=None if node.over is None else Items(None),
        )
        for number in graph.order
    )


def _left_out(graph: Graph, selected: frozenset[int]) -> list[WeftlineError]:
    """Inputs of selected nodes that come from others, when nothing is stored."""
    return [
        UnavailableInputError(
            node=graph.nodes[number].name, producer=graph.nodes[source].name, key=key, place=graph.nodes[number].place
        )
        for source, number, key in graph.edges()
        if number in selected and source not in selected
    ]


def _unavailable(graph: Graph, decisions: Sequence[Decision], forecasts: Sequence[Forecast]) -> list[WeftlineError]:
    """Inputs of what will run that come from a node left out and are not stored."""
    found: list[WeftlineError] = []
    if Decision.SKIP not in decisions:
        return found
    for number, decision in enumerate(decisions):
        if decision not in {Decision.RUN, Decision.MAY_RUN}:
            continue
        node = graph.nodes[number]
        for read in node.inputs:
            for key in graph.keys_for(read.key):
                producer = graph.producers.get(key)
                if producer is not None and decisions[producer] is Decision.SKIP and not forecasts[producer].is_hit:
                    source = graph.nodes[producer].name
                    found.append(UnavailableInputError(node=node.name, producer=source, key=key, place=node.place))
    return found


class _Explainer:
    """Decides and explains, node by node."""

    def __init__(
        self, graph: Graph, forecasts: Sequence[Forecast], selected: frozenset[int], forced: frozenset[int], now: float
    ) -> None:
        self._graph = graph
        self._forecasts = forecasts
        self._selected = selected
        self._forced = forced
        self._now = now
        self.last_times: Mapping[str, LastTime] = {}

    def decision(self, number: int) -> Decision:
        """What will happen to a node."""
        if number not in self._selected:
            return Decision.SKIP
        forecast = self._forecasts[number]
        if forecast.is_hit:
            return Decision.CACHED
        if self._graph.nodes[number].over is None:
            may_be_there = forecast.known_recipe and not forecast.has_key and number not in self._forced
            return Decision.MAY_RUN if may_be_there else Decision.RUN
        counts = self._counts(number)
        if Decision.RUN in counts:
            return Decision.RUN
        return Decision.MAY_RUN

    def _counts(self, number: int) -> Counter[Decision]:
        """Calls by decision; for a list that is not known yet, one call that stands for all."""
        forecast = self._forecasts[number]
        unknown = Decision.MAY_RUN if forecast.known_recipe and number not in self._forced else Decision.RUN
        if not self._graph.nodes[number].cache:
            return Counter({Decision.RUN: len(forecast.keys or (None,))})
        if forecast.keys is None:
            return Counter([unknown])
        return Counter(
            Decision.CACHED if at in forecast.entries else unknown if key is None else Decision.RUN
            for at, key in enumerate(forecast.keys)
        )

    def step(self, number: int, decision: Decision, params: Mapping[str, Bound]) -> Step:
        """The planned node."""
        node, forecast = self._graph.nodes[number], self._forecasts[number]
        if decision is Decision.CACHED and node.over is None and forecast.keys:  # most of most plans
            return Step(
                node=node.name,
                decision=decision,
                reason=_HIT,
                requires=tuple([read.key for read in node.inputs]),
                provides=node.provided,
                has_key=True,
                params=params,
                recipe=forecast.recipe,
                inputs=forecast.inputs,
                files=forecast.files,
                entry=forecast.entries[0],
            )
        last = self.last_times.get(node.name)
        if last is None and node.over is None and decision is Decision.RUN:  # most of a first plan
            return Step(
                node.name,
                decision,
                self._reason(number, decision, None, ()),
                tuple([read.key for read in node.inputs]),
                node.provided,
                forecast.has_key,
                params=params,
                recipe=forecast.recipe,
                inputs=forecast.inputs,
                files=forecast.files,
            )
        differences = () if last is None or forecast.recipe is None else tuple(changes(last.recipe, forecast.recipe))
        items = None
        if node.over is not None:
            total = None if forecast.keys is None else len(forecast.keys)
            counts = dict(self._counts(number)) if total is not None else {}
            if decision is Decision.MAY_RUN and forecast.is_freed:
                counts = {Decision.MAY_RUN: total or 0}
            items = Items(total, counts)
        usable = decision is not Decision.RUN or node.over is not None
        return Step(
            node=node.name,
            decision=decision,
            reason=self._reason(number, decision, last, differences),
            requires=tuple(read.key for read in node.inputs),
            provides=node.provided,
            has_key=forecast.has_key,
            items=items,
            params=params,
            recipe=forecast.recipe,
            changes=differences,
            inputs=forecast.inputs,
            files=forecast.files,
            entry=forecast.entries.get(0) if node.over is None and usable else None,
            entries=forecast.entries if node.over is not None else {},
            keys=forecast.keys if node.over is not None else None,
            last_s=_about(last, items),
        )

    def _reason(self, number: int, decision: Decision, last: LastTime | None, differences: Sequence[Change]) -> Reason:
        node, forecast = self._graph.nodes[number], self._forecasts[number]
        if decision is Decision.SKIP:
            run = forecast.taken_from
            return Reason(ReasonCode.NOT_SELECTED, f"its output is that of run {run}") if run else _NOT_SELECTED
        if decision is Decision.CACHED:
            return Reason(ReasonCode.HIT, "" if forecast.keys else "no items")
        if number in self._forced:
            return Reason(ReasonCode.FORCED)
        if not node.cache:
            return Reason(ReasonCode.NEVER_CACHED, "cache=False")
        if forecast.unconfirmed:
            return Reason(ReasonCode.MISSING_OUTPUT, "its target is not as the receipt says")
        if forecast.expired:
            ages = shown_age(self._now - forecast.expired), shown_age(node.expires_s)
            return Reason(ReasonCode.EXPIRED, f"made {ages[0]} ago, expires after {ages[1]}")
        if forecast.was_freed:
            return _freed_reason(decision, forecast.freed_for)
        if decision is Decision.MAY_RUN:
            return Reason(ReasonCode.UPSTREAM, self._upstream(number))
        if last is None:
            return _FIRST
        if differences:
            more = f" (and {len(differences) - 1} more)" if len(differences) > 1 else ""
            return Reason(ReasonCode(differences[0].code), differences[0].detail + more)
        return self._input_reason(node, forecast, last)

    def _upstream(self, number: int) -> str:
        graph = self._graph
        keys = {key for read in graph.nodes[number].inputs for key in graph.keys_for(read.key)}
        sources = sorted({graph.producers[key] for key in keys if key in graph.producers})
        names = [graph.nodes[source].name for source in sources if not self._forecasts[source].is_hit]
        return f"if the output of {' or '.join(names)} changes"

    def _input_reason(self, node: NodeSpec, forecast: Forecast, last: LastTime) -> Reason:
        names = {read.name: read.key for read in node.inputs}
        if node.over is not None and forecast.keys is not None:
            return _items_reason(node, forecast, last)
        changed = [
            names[name]
            for name, found in forecast.inputs.items()
            if found is not None and last.inputs.get(name) not in {None, found.hex()}
        ]
        if changed:
            return Reason(ReasonCode.INPUT, f"{', '.join(changed)} changed")
        unknown = [names[name] for name, found in forecast.inputs.items() if found is None]
        if unknown:
            return Reason(ReasonCode.INPUT, f"{', '.join(unknown)} is not known before it is made")
        if not last.finished:
            return Reason(ReasonCode.MISSING_OUTPUT, "it did not finish last time")
        return Reason(ReasonCode.MISSING_OUTPUT, "its result is not in the cache")


def _freed_reason(decision: Decision, readers: Sequence[str]) -> Reason:
    """Why a temporary output is made again, or may be."""
    if decision is Decision.MAY_RUN:
        return Reason(ReasonCode.UPSTREAM, f"it was temporary and is freed; if {' or '.join(readers)} runs")
    needed = f"; {', '.join(readers)} needs it" if readers else ""
    return Reason(ReasonCode.MISSING_OUTPUT, f"it was temporary and is freed{needed}")


def _about(last: LastTime | None, items: Items | None) -> float | None:
    """How long the calls that will run took last time."""
    if last is None or last.took_s is None:
        return None
    if items is None:
        return last.took_s
    return None if items.total is None else last.took_s * items.counts.get(Decision.RUN, 0)


def _items_reason(node: NodeSpec, forecast: Forecast, last: LastTime) -> Reason:
    """Why some calls of a node over items will run: their items are new, or their results are not there."""
    keys = forecast.keys or []
    fresh = sum(1 for at, key in enumerate(keys) if key is not None and at not in forecast.entries)
    over = forecast.inputs.get(node.over_name or "")
    if over is not None and last.inputs.get(node.over_name or "") == over.hex():
        return Reason(ReasonCode.MISSING_OUTPUT, f"{fresh} of {len(keys)} items of {node.over} have no result")
    return Reason(ReasonCode.INPUT, f"{fresh} of {len(keys)} items of {node.over} are new or changed")
