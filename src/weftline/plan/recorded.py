"""What an earlier run made, in place of what the nodes that are left out would give today."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from weftline.errors import GoneResultError, InvalidPipelineError, NoRecordError, WeftlineError
from weftline.model.entry import Entry, is_freed
from weftline.model.graph import Graph
from weftline.model.ids import WHOLE, call_label
from weftline.plan.predict import Forecast
from weftline.ports.cache import Cache


@dataclass(frozen=True, slots=True)
class Recorded:
    """A run, as far as others read its outputs.

    Attributes:
        run: its id.
        results: the cache keys of its calls, by node name and item; of nodes that have an output.
        runs: in which run these were made or taken, where that is another one whose outputs this one read.
    """

    run: str
    results: Mapping[str, Mapping[int, bytes]] = field(default_factory=dict)
    runs: Mapping[str, str] = field(default_factory=dict)


def taken_from(recorded: Recorded, graph: Graph, selected: frozenset[int], cache: Cache) -> dict[int, Forecast]:
    """The forecasts of the nodes that are left out and whose outputs the selected ones read.

    Raises:
        InvalidPipelineError: the run does not have such an output, or the cache has it no more; it carries all findings.
    """
    readers = {source: (number, key) for source, number, key in graph.edges() if number in selected and source not in selected}
    names = {number: graph.nodes[number].name for number in readers}
    keys = [key for name in names.values() for key in recorded.results.get(name, {}).values()]
    entries = cache.find(keys)
    errors: list[WeftlineError] = []
    found: dict[int, Forecast] = {}
    for number, (reader, key) in readers.items():
        problems = list(_problems(recorded, graph, number, entries))
        if _fits(recorded, graph, number):
            errors += problems
        else:
            node, advice = graph.nodes[reader], f"name a run that has it: weftline status {recorded.run}"
            errors.append(
                NoRecordError(
                    node=node.name, key=key, run=recorded.run, producer=names[number], advice=advice, place=node.place
                )
            )
        if not errors:
            made = [entries[key] for key in recorded.results[names[number]].values()]
            keys_made: list[bytes | None] = [entry.key for entry in made]
            found[number] = Forecast(
                keys=keys_made,
                has_key=graph.nodes[number].over is None,
                entries=dict(enumerate(made)),
                taken_from=recorded.runs.get(names[number], recorded.run),
            )
    if errors:
        raise InvalidPipelineError(pipeline=graph.name, findings=tuple(errors))
    return found


def _fits(recorded: Recorded, graph: Graph, number: int) -> bool:
    """Whether the run has a result of the node, and one of the same form: of items, or of the node as a whole."""
    node = graph.nodes[number]
    results = recorded.results.get(node.name)
    return results is not None and (node.over is not None or set(results) == {WHOLE}) and not (node.over and WHOLE in results)


def _problems(recorded: Recorded, graph: Graph, number: int, entries: Mapping[bytes, Entry]) -> Iterator[WeftlineError]:
    """Why what the run has cannot be read."""
    node = graph.nodes[number]
    for item, key in recorded.results.get(node.name, {}).items():
        entry = entries.get(key)
        if entry is None or is_freed(entry) or len(entry.outputs) != len(node.outputs):
            advice = "leave --inputs-from out, so that it is made anew, or name a run that made it since: weftline runs"
            label = call_label(node.name, item)
            yield GoneResultError(label=label, run=recorded.run, key=key.hex(), advice=advice, place=node.place)
