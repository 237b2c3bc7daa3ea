"""Where a module comes from: the project (followed), a library (its version counts), or the machinery of weftline itself."""

from __future__ import annotations

import functools
import importlib.util
import os
import sys
import sysconfig
from typing import Literal, NamedTuple

#: Packages of weftline that hold what users run; the rest is machinery, which the key's schema version stands for.
_CONTENT = ("weftline.documents", "weftline.ext")


class Origin(NamedTuple):
    """The answer: the kind, and the distribution whose version counts (`python` for the standard library)."""

    kind: Literal["project", "library", "machinery"]
    distribution: str


def origin_of(module: str, own: str) -> Origin:
    """Where a module comes from.

    Args:
        module: its full name.
        own: the top-level package of the code being read: that package is followed even when it is installed.
    """
    top = module.partition(".")[0]
    if not top:  # code that was executed without saying where
        return Origin("project", "")
    if top == "weftline" and not module.startswith(_CONTENT):
        return Origin("machinery", "weftline")
    if top == own or module in {"__main__", "__mp_main__"}:
        return Origin("project", top)
    return _origin_of_top(top)


@functools.lru_cache(maxsize=4096)
def _origin_of_top(top: str) -> Origin:
    if top in sys.builtin_module_names:
        return Origin("library", "python")
    file = _file_of(top)
    if top in sys.stdlib_module_names and (file is None or _is_of_python(file)):
        return Origin("library", "python")  # else a module of the project that has the name of one of Python's
    distribution = None if file is not None and not is_installed(file) else _distribution_of(top)
    if distribution is None and (file is None or not is_installed(file)):
        return Origin("project", top)  # also what was made at run time: nobody else answers for it
    return Origin("library", distribution or top)


def _file_of(top: str) -> str | None:
    module = sys.modules.get(top)
    file = getattr(module, "__file__", None)
    if file is not None:
        return str(file)
    if module is not None:
        return next(iter(getattr(module, "__path__", ())), None)
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    return spec.origin or next(iter(spec.submodule_search_locations or ()), None)


def main_file() -> str | None:
    """The file of the program that runs, or None if other processes cannot import it: a shell, a notebook, a tool."""
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    file = getattr(main, "__file__", None)
    is_tool = spec is not None and (spec.name == "__main__" or spec.name.endswith(".__main__"))
    return os.path.abspath(file) if file is not None and file.endswith(".py") and not is_tool else None  # noqa: PTH100


def _is_of_python(file: str) -> bool:
    """Whether a file belongs to the standard library, in a folder or in an archive."""
    return file in {"frozen", "built-in"} or is_installed(file) or os.path.realpath(file).startswith(_archive())


@functools.lru_cache(maxsize=1)
def _library_folders() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    return tuple({os.path.realpath(paths[name]) + os.sep for name in ("stdlib", "platstdlib", "purelib", "platlib")})


@functools.lru_cache(maxsize=1)
def _archive() -> str:
    version = f"{sys.version_info.major}{sys.version_info.minor}"
    return os.path.join(os.path.realpath(sys.base_prefix), sys.platlibdir, f"python{version}.zip") + os.sep  # noqa: PTH118


def is_installed(file: str) -> bool:
    """Whether a file belongs to Python or to an installed distribution, rather than to the project."""
    real = os.path.realpath(file)
    return real.startswith(_library_folders()) or f"{os.sep}site-packages{os.sep}" in real


@functools.lru_cache(maxsize=1024)
def _distribution_of(top: str) -> str | None:
    """The distribution that installed a top-level package; most carry its name, which saves reading all of them."""
    import importlib.metadata

    for name in (top, top.replace("_", "-")):
        try:
            return str(importlib.metadata.distribution(name).metadata["Name"])
        except importlib.metadata.PackageNotFoundError:
            continue
    found = importlib.metadata.packages_distributions().get(top)
    return found[0] if found else None


@functools.lru_cache(maxsize=1024)
def version_of(distribution: str) -> str:
    """The installed version, `3.11` for Python itself, or `?` for something that no distribution owns."""
    if distribution == "python":
        optimised = f" -{'O' * sys.flags.optimize}" if sys.flags.optimize else ""  # asserts are left out
        return f"{sys.version_info[0]}.{sys.version_info[1]}{optimised}"
    import importlib.metadata

    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "?"
