"""Groups and workflows by name: those that were registered, and those that the files of a folder declare, as they are now.

A catalog may live as long as a daemon. There is no thread: whoever asks has the folder and its files looked at, if the last
look is long enough ago. A file that is not valid any more stays what it was, and says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from weftline.author.compose import GroupPipeline
from weftline.author.group import PipelineGroup
from weftline.author.manifest.load import POLICIES, Loaded, load_text, load_texts, pipeline_in
from weftline.author.manifest.watched import EVERY_S, WatchedFolder
from weftline.author.pipeline import Pipeline
from weftline.author.registry import REGISTRY, Registry
from weftline.clock import Clock, SystemClock
from weftline.errors import (
    InvalidManifestError,
    NameTakenError,
    NotRegisteredError,
    WeftlineError,
    did_you_mean,
    listing,
)
from weftline.model.topology import ManifestText


class Entry(NamedTuple):
    """A group that has a name.

    Attributes:
        of: what its steps are: `pipeline`, or for a workflow `group`.
        steps: how many it has.
        origin: `file`, `registered`, or `package` for one of an installed package.
        place: where it is declared; empty where nobody knows.
    """

    name: str
    of: Literal["pipeline", "group"]
    domain: str
    version: int | str
    tags: tuple[str, ...]
    description: str
    steps: int
    origin: Literal["file", "registered", "package"]
    place: str


class Catalog:
    """Names of groups, and what they mean now.

    Args:
        folder: whose manifests are known by name; None for none. It need not be there.
        registry: what else has a name.
        clock: the time, for looking again.
        every_s: seconds between two looks.
    """

    def __init__(
        self, folder: Path | None, registry: Registry = REGISTRY, clock: Clock | None = None, every_s: float = EVERY_S
    ) -> None:
        self._folder = folder
        self._registry = registry
        self._files = WatchedFolder(folder, self._read, clock or SystemClock(), every_s)
        self._made: dict[str, tuple[tuple[ManifestText, ...], Pipeline]] = {}

    def entries(self, *, of: str = "", domain: str | None = None, tag: str | None = None) -> list[Entry]:
        """All groups, by name.

        Args:
            of: `pipeline` for groups alone, `group` for workflows alone.
            domain: of this domain alone.
            tag: with this tag alone.
        """
        found = {entry.name: entry for entry in (*self._registered(), *self._declared())}
        return [
            found[name]
            for name in sorted(found)
            if of in {"", found[name].of} and domain in {None, found[name].domain} and (tag is None or tag in found[name].tags)
        ]

    def findings(self) -> list[WeftlineError]:
        """What is wrong with the files as they are now, and which names mean two things."""
        found = [finding for seen in self._files.current() for finding in seen.findings]
        names: dict[str, PipelineGroup] = {}
        for loaded in self._sound():
            for name, group in loaded.groups.items():
                other = names.setdefault(name, group)
                found += [_clash(group, other)] if other is not group else []
        found += [
            _clash(names[name], self._registry.groups.get(name)) for name in self._registry.groups.names() if name in names
        ]
        return found

    def get(self, name: str) -> Pipeline:
        """The group or workflow of a name, as it is now; the same object until a file has changed.

        Raises:
            NotRegisteredError: nothing has the name.
            NameTakenError: two groups have it.
            InvalidManifestError: a file that may declare it is not valid, and never was.
        """
        holders = [loaded for loaded in self._sound() if name in loaded.groups]
        groups = [loaded.groups[name] for loaded in holders]
        is_registered = name in self._registry.groups.names()
        if is_registered:
            groups.append(self._registry.groups.get(name))
        if len(groups) > 1:
            raise _clash(groups[0], groups[1])
        if is_registered:
            return GroupPipeline(groups[0], self._registry.find)
        if not holders:
            raise self._unknown(name)
        texts = self._texts_for(name)
        known = self._made.get(name)
        if known is None or known[0] != texts:
            made = pipeline_in(load_texts(texts, self._registry), Path(texts[0].file), name, self._registry)
            known = self._made[name] = texts, made
        return known[1]

    def _unknown(self, name: str) -> WeftlineError:
        broken = [finding for seen in self._files.current() for finding in seen.findings]
        if broken:  # one of these files may declare it
            return InvalidManifestError(file=str(self._folder), findings=tuple(broken))
        known = [entry.name for entry in self.entries()]
        where = "" if self._folder is None else f"; files of groups are looked for in {self._folder.absolute()}"
        return NotRegisteredError(kind="group", name=name, known=listing(known) + where, hint=did_you_mean(name, known))

    # --- what is registered ---

    def _registered(self) -> Iterator[Entry]:
        shelf = self._registry.groups
        for name in shelf.names():
            about, group = shelf.about(name), shelf.get(name)
            place = group.place if about is None else about.place or group.place
            domain = group.domain if about is None else about.domain or group.domain
            tags = {*group.tags, *(() if about is None else about.tags)}
            yield _entry(name, group, "package" if about is None else "registered", str(place or ""), domain, sorted(tags))

    # --- what files declare ---

    def _declared(self) -> Iterator[Entry]:
        for loaded in self._sound():
            for name, group in loaded.groups.items():
                yield _entry(name, group, "file", str(group.place or ""), group.domain, group.tags)

    def _read(self, text: str, file: str) -> tuple[Loaded, Sequence[WeftlineError]]:
        return load_text(text, file, self._registry)

    def _sound(self) -> Iterator[Loaded]:
        for seen in self._files.current():
            if seen.document is not None:
                yield seen.document

    def _texts_for(self, name: str) -> tuple[ManifestText, ...]:
        """The texts that declare a group and what it names, as far as files of the folder do; and the folder's policies."""
        groups = {each: loaded for loaded in self._sound() for each in loaded.groups}
        pipelines = {each: loaded for loaded in self._sound() for each in loaded.pipelines}
        found: dict[ManifestText, None] = {}
        stack, seen = [name], set()
        while stack:
            group = groups[(at := stack.pop())].groups[at]
            seen.add(at)
            found.update(dict.fromkeys(groups[at].texts))
            inner = {step.runs for step in group.steps if isinstance(step.runs, str)}
            known = groups if group.of == "group" else pipelines
            found.update(dict.fromkeys(text for each in sorted(inner) if each in known for text in known[each].texts))
            if group.of == "group":
                stack += [each for each in inner if each in groups and each not in seen]
        policies = next((loaded.texts for loaded in self._sound() if Path(loaded.texts[0].file).name == POLICIES), ())
        return tuple(dict.fromkeys([*found, *policies]))


def _entry(
    name: str,
    group: PipelineGroup,
    origin: Literal["file", "registered", "package"],
    place: str,
    domain: str,
    tags: Sequence[str],
) -> Entry:
    return Entry(name, group.of, domain, group.version, tuple(tags), group.description, len(group.steps), origin, place)


def _clash(group: PipelineGroup, other: PipelineGroup) -> NameTakenError:
    return NameTakenError(kind="group", name=group.name, other=str(other.place or "unknown"), place=group.place)
