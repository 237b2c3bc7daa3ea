"""Small projects, written to a folder of their own and imported afresh, so that two states of one project can be compared."""

import importlib
import itertools
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest

from weftline.digest import Closure, CodeReader
from weftline.ports.plugins import InstalledValues


class Projects:
    """Writes and imports projects. Their module names stay the same, since names are part of what code says."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = itertools.count()

    def write(self, files: Mapping[str, str]) -> Path:
        """A new folder with these files; texts may be indented."""
        folder = self._folder / f"state{next(self._count)}"
        for name, text in files.items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(textwrap.dedent(text), "utf-8")
        return folder

    @contextmanager
    def imported(self, folder: Path, root: str = "bakery_flow") -> Iterator[ModuleType]:
        """The module `root` of a folder; inside, its imports work, and afterwards nothing of it is left."""
        tops = {path.stem for path in folder.iterdir()}
        sys.path.insert(0, str(folder))
        importlib.invalidate_caches()
        try:
            yield importlib.import_module(root)
        finally:
            sys.path.remove(str(folder))
            for name in [name for name in sys.modules if name.partition(".")[0] in tops]:
                del sys.modules[name]

    def read(self, files: Mapping[str, str] | str, root: str = "node") -> Closure:
        """The closure of `root` in `bakery_flow.py`, which is the whole project where `files` is a text."""
        files = {"bakery_flow.py": files} if isinstance(files, str) else files
        with self.imported(self.write(files)) as module:
            return CodeReader(InstalledValues().digester).read(getattr(module, root))

    def tells_apart(self, files: Mapping[str, str] | str, old: str, new: str) -> bool:
        """Whether the closure differs once `old` is replaced by `new`, in the one file that has it."""
        files = {"bakery_flow.py": files} if isinstance(files, str) else files
        assert [text.count(old) for text in files.values() if old in text] == [1], f"{old!r} must stand in one place"
        edited = {name: text.replace(old, new) for name, text in files.items()}
        return self.read(files).digest != self.read(edited).digest


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Projects]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "dont_write_bytecode", True)
        yield Projects(tmp_path_factory.mktemp("projects"))


@pytest.fixture(scope="module")
def read(projects: Projects) -> Callable[..., Closure]:
    return projects.read


@pytest.fixture(scope="module")
def tells_apart(projects: Projects) -> Callable[..., bool]:
    return projects.tells_apart
