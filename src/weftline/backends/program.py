"""The main program and the files of pipelines in worker processes, which import them again to find what they define."""

from __future__ import annotations

import importlib.util
import sys
from typing import NamedTuple

from weftline.digest.origin import main_file
from weftline.errors import UnguardedProgramError

#: The name under which a worker imports the main program, so that what stands below its guard does not run again.
_AGAIN = "__mp_main__"


class Source(NamedTuple):
    """A module that its name alone does not lead to.

    Attributes:
        name: of the module.
        file: with its code.
        package: that its relative imports start from; None for none.
    """

    name: str
    file: str
    package: str | None


class _State:
    """Whether this process is importing its parent's program."""

    loads: str | None = None


def sources() -> list[Source]:
    """The modules of this process that a worker cannot import by name: the main program, and files loaded as pipelines."""
    found = []
    file = main_file()
    if file is not None:
        sys.modules.setdefault(_AGAIN, sys.modules["__main__"])  # what workers send is of the module by that name
        spec = sys.modules["__main__"].__spec__
        found.append(Source("__main__", file, None if spec is None else spec.parent))
    for name, module in list(sys.modules.items()):
        if name.startswith("weftline_target_") and module.__file__ is not None:
            found.append(Source(name, module.__file__, None))
    return found


def load(source: Source) -> None:
    """Imports one of the parent's modules; whatever it raises is raised.

    Raises:
        UnguardedProgramError: it runs a pipeline at its top level.
    """
    if source.name != "__main__" and source.name in sys.modules:
        return
    name = _AGAIN if source.name == "__main__" else source.name
    spec = importlib.util.spec_from_file_location(name, source.file)
    assert spec is not None, "the parent names files with Python code only"
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    if source.package is not None:
        module.__spec__, module.__package__ = None, source.package
    sys.modules[name] = sys.modules[source.name] = module
    _State.loads = source.file
    try:
        spec.loader.exec_module(module)
    finally:
        _State.loads = None


def refuse_while_loading() -> None:
    """Refuses to run a pipeline while a worker imports the program that runs it.

    Raises:
        UnguardedProgramError: that is what happens.
    """
    if _State.loads is not None:
        raise UnguardedProgramError(file=_State.loads)
