"""The schedules that the files of a folder declare, as they are now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from weftline.clock import Clock
from weftline.errors import ManifestError, UnknownScheduleError, WeftlineError, did_you_mean, listing
from weftline.model.schedule import Schedule

if TYPE_CHECKING:  # what reads YAML is loaded when a folder is read
    from weftline.author.manifest.load import Loaded
    from weftline.author.manifest.watched import WatchedFolder


class Declared(NamedTuple):
    """What is declared.

    Attributes:
        schedules: by name.
        findings: what is wrong with the files; of one that was sound before, what it said then holds.
        folder: where they are.
    """

    schedules: Mapping[str, Schedule]
    findings: tuple[WeftlineError, ...]
    folder: str = ""


class Folder:
    """A folder of manifests.

    Args:
        path: the folder; it need not be there.
        clock: how long ago a file was looked at.
        every_s: seconds between two looks at a file.
    """

    def __init__(self, path: Path, clock: Clock, every_s: float = 0.5) -> None:
        self._path = path
        self._clock = clock
        self._every_s = every_s
        self._files: WatchedFolder[Loaded] | None = None

    def current(self) -> Declared:
        """The newest sound reading of each file."""
        if self._files is None:
            from weftline.author.manifest.load import load_text
            from weftline.author.manifest.watched import WatchedFolder

            self._files = WatchedFolder(self._path, load_text, self._clock, self._every_s)
        seen = self._files.current()
        findings = [finding for each in seen for finding in each.findings]
        documents = [each.document for each in seen if each.document is not None]
        schedules: dict[str, Schedule] = {}
        files = _files_by_name(documents)
        for document in documents:
            for name, schedule in document.schedules.items():
                if name in schedules:
                    detail = f"another Schedule is called {name!r}: {schedules[name].place}"
                    findings.append(ManifestError(detail=detail, advice="rename one of the two", place=schedule.place))
                else:
                    file = files.get(schedule.target)
                    schedules[name] = schedule if file is None else replace(schedule, target=f"{file}:{schedule.target}")
        return Declared(schedules, tuple(findings), str(self._path.absolute()))

    def find(self, name: str) -> Schedule:
        """A schedule by its name.

        Raises:
            UnknownScheduleError: there is none.
        """
        known, findings, _ = self.current()
        if name not in known:
            broken = sorted({finding.place.file for finding in findings if finding.place is not None})
            state = f"; what {listing(broken)} declares is not known, since it is not valid" if broken else ""
            advice = f"name one of: {listing(sorted(known))}; WEFTLINE_SCHEDULES says which folder they are in"
            advice += "; see what is wrong with the file: weftline schedule ls" if broken else ""
            hint = did_you_mean(name, known)
            raise UnknownScheduleError(name=name, folder=str(self._path), state=state, advice=advice, hint=hint)
        return known[name]


def _files_by_name(documents: list[Loaded]) -> dict[str, str]:
    """In which file each pipeline, group and workflow is declared."""
    found: dict[str, str] = {}
    for document in documents:
        groups = {name: group.place.file for name, group in document.groups.items() if group.place is not None}
        found = {name: located.file for name, (_, located) in document.pipelines.items()} | groups | found
    return found


def only_schedules(target: str, clock: Clock) -> dict[str, Schedule]:
    """The schedules of a file that declares nothing else; none for any other target, and of a file that is not valid."""
    from weftline.author.manifest.load import load_files
    from weftline.author.manifest.source import SUFFIXES

    path = Path(target)
    if path.suffix not in SUFFIXES or not path.is_file():
        return {}
    loaded = load_files([path])
    if loaded.findings or loaded.pipelines or loaded.groups:
        return {}
    beside = Folder(path.parent, clock).current().schedules
    return {name: beside.get(name, schedule) for name, schedule in loaded.schedules.items()}
