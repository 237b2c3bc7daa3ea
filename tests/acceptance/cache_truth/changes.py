"""What an edit can do to a project: to its files, to its surroundings, and to the command line."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

#: A file is this much younger after an edit: Python looks at whole seconds when it decides whether compiled code is still good.
LATER_S = 2
#: What runs leave in the folder of a project. It is no source.
LEFTOVERS = ("__pycache__", ".weftline", "ran.txt", "looked.txt")


@dataclass
class Project:
    """A project on disk, and how it is run.

    Attributes:
        folder: where its files are.
        environment: variables that are set when it runs; `{folder}` in a value stands for the folder.
        params: given on the command line.
        options: further words of the command line.
    """

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    params: dict[str, int | str] = field(default_factory=dict)
    options: tuple[str, ...] = ()

    def copy(self, folder: Path) -> Project:
        """The same project elsewhere, with everything that it keeps; the ages of the files stay."""
        shutil.copytree(self.folder, folder)
        return Project(folder, dict(self.environment), dict(self.params), self.options)

    def files(self) -> Iterator[str]:
        """The sources and the data, relative to the folder."""
        for path in sorted(self.folder.rglob("*")):
            name = path.relative_to(self.folder)
            if path.is_file() and not set(LEFTOVERS) & set(name.parts):
                yield name.as_posix()

    def read(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")

    def write(self, name: str, text: str) -> None:
        """Writes a file, younger than it was and than all that was written before."""
        path = self.folder / name
        youngest = max((self.folder / other).stat().st_mtime for other in self.files())
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        later = max(youngest, path.stat().st_mtime) + LATER_S
        os.utime(path, (later, later))

    def surroundings(self) -> dict[str, str]:
        return {name: value.replace("{folder}", str(self.folder)) for name, value in self.environment.items()}


class Change(Protocol):
    """One thing that somebody does to a project."""

    def apply(self, project: Project) -> None: ...


@dataclass(frozen=True)
class Edit:
    """A text that stands in a file once is replaced."""

    file: str
    old: str
    new: str

    def apply(self, project: Project) -> None:
        text = project.read(self.file)
        assert text.count(self.old) == 1, f"{self.old!r} stands {text.count(self.old)} times in {self.file}"
        project.write(self.file, text.replace(self.old, self.new))


@dataclass(frozen=True)
class Write:
    """A file is added, or written anew."""

    file: str
    text: str

    def apply(self, project: Project) -> None:
        project.write(self.file, self.text)


@dataclass(frozen=True)
class Append:
    """A text is added at the end of a file."""

    file: str
    text: str

    def apply(self, project: Project) -> None:
        project.write(self.file, project.read(self.file) + self.text)


@dataclass(frozen=True)
class Move:
    """A text is taken out of one file and added at the end of another, which may be the same."""

    file: str
    text: str
    to: str

    def apply(self, project: Project) -> None:
        Edit(self.file, self.text, "").apply(project)
        is_there = (project.folder / self.to).exists()
        Append(self.to, "\n\n" + self.text).apply(project) if is_there else project.write(self.to, self.text)


@dataclass(frozen=True)
class Rename:
    """A file or a folder gets another name; its content and its age stay."""

    file: str
    to: str

    def apply(self, project: Project) -> None:
        (project.folder / self.file).rename(project.folder / self.to)


@dataclass(frozen=True)
class Remove:
    """A file is removed."""

    file: str

    def apply(self, project: Project) -> None:
        (project.folder / self.file).unlink()


@dataclass(frozen=True)
class Touch:
    """A file becomes younger and stays as it is."""

    file: str

    def apply(self, project: Project) -> None:
        project.write(self.file, project.read(self.file))


@dataclass(frozen=True)
class LineEnds:
    """The lines of a file end as they do on Windows."""

    file: str

    def apply(self, project: Project) -> None:
        project.write(self.file, project.read(self.file).replace("\n", "\r\n"))


@dataclass(frozen=True)
class Variable:
    """An environment variable has another value."""

    name: str
    value: str

    def apply(self, project: Project) -> None:
        project.environment[self.name] = self.value


@dataclass(frozen=True)
class Param:
    """A parameter is given on the command line."""

    name: str
    value: int | str

    def apply(self, project: Project) -> None:
        project.params[self.name] = self.value


@dataclass(frozen=True)
class Options:
    """Other words on the command line."""

    words: tuple[str, ...]

    def apply(self, project: Project) -> None:
        project.options = self.words


@dataclass(frozen=True)
class MoveProject:
    """The folder of the project, with what it keeps, gets another name."""

    to: str

    def apply(self, project: Project) -> None:
        project.folder = project.folder.rename(project.folder.with_name(self.to))


def undo(before: Project, now: Project) -> None:
    """Makes a project what it was, as somebody would who writes the old text again: the files are younger than ever."""
    old = {name: before.read(name) for name in before.files()}
    for name in set(now.files()) - set(old):
        (now.folder / name).unlink()
    for name, text in old.items():
        path = now.folder / name
        if not path.exists() or now.read(name) != text:
            now.write(name, text)
    now.environment, now.params, now.options = dict(before.environment), dict(before.params), before.options
