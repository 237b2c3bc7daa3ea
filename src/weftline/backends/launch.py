"""How worker processes start: with which Python, and what they are told of the program whose calls they run."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

from weftline.backends import program
from weftline.digest.origin import is_installed

#: Variables that would lead another Python to the libraries of this one.
_OF_THIS_PYTHON = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")


class Launch(NamedTuple):
    """What it takes to start a worker.

    Attributes:
        python: the command that runs its Python.
        environment: its variables.
        setup: the first thing that it is sent: `path` for its imports, whether that `adds` to its own, and `sources`, the
            modules that no name leads to.
    """

    python: Sequence[str]
    environment: dict[str, str]
    setup: dict[str, Any]


def as_here() -> Launch:
    """In the Python of this process, which finds what this process finds."""
    path = os.pathsep.join(path for path in sys.path if path)
    setup = {"path": sys.path, "adds": False, "sources": program.sources()}
    return Launch(_command(sys.executable), {**os.environ, "PYTHONPATH": path}, setup)


def with_python(executable: str) -> Launch:
    """In another Python of this machine, which has libraries of its own and finds the modules of this program."""
    environment = {name: value for name, value in os.environ.items() if name not in _OF_THIS_PYTHON}
    setup = {"path": project_path(), "adds": True, "sources": program.sources()}
    return Launch(_command(executable), environment, setup)


def _command(executable: str) -> Sequence[str]:
    """A Python that leaves out asserts as this process does: keys say whether calls run without them."""
    return [executable, f"-{'O' * sys.flags.optimize}"] if sys.flags.optimize else [executable]


def project_path() -> list[str]:
    """The folders of this process's import path that belong to the project: neither Python's own nor those of libraries."""
    entries = [os.path.abspath(entry or ".") for entry in sys.path]  # noqa: PTH100 - an empty entry is the current folder
    return [entry for entry in dict.fromkeys(entries) if not is_installed(f"{entry}{os.sep}x") and not _is_archive(entry)]


def _is_archive(entry: str) -> bool:
    """Whether it is the archive in which Python looks for its standard library."""
    return entry.endswith(f"python{sys.version_info.major}{sys.version_info.minor}.zip")
