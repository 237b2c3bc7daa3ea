"""Finds the pipeline that a target means: a file, a module, or one that an installed package ships."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import itertools
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from weftline.author.manifest.source import SUFFIXES
from weftline.author.pipeline import Pipeline
from weftline.digest.origin import is_installed
from weftline.errors import (
    BadArgumentError,
    Place,
    SeveralPipelinesError,
    TargetImportError,
    TargetNotFoundError,
    WeftlineError,
    did_you_mean,
)
from weftline.ports import plugins

_SHIPPED = "weftline.pipelines"


def shipped() -> list[str]:
    """Names of the pipelines that installed packages offer."""
    return sorted(plugins.offered(_SHIPPED))


def load(target: str, modules: Sequence[str] = (), groups: Path | None = None) -> Pipeline:
    """The pipeline of a target.

    Args:
        target: `file.py`, `file.py:name`, `file.yaml`, `file.yaml:name`, `package.module`, `package.module:name`, the name
            of a shipped pipeline, or `group:name` for a group or workflow that has a name.
        modules: for a manifest, modules that register what it names.
        groups: the folder whose manifests are known by name.

    Raises:
        TargetNotFoundError: nothing is there, or no pipeline is in it.
        SeveralPipelinesError: the file holds several, and none of them is called `pipeline`.
        TargetImportError: the file raised an error while it was read.
        MissingExtraError: a shipped pipeline needs a package that is not installed.
    """
    where, _, name = target.partition(":")
    point = plugins.offered(_SHIPPED).get(target)
    if point is not None:
        found = plugins.load(point, f"the pipeline {target!r}")
    elif where == "group" and name:
        found = named_group(name, modules, groups)
    elif where.endswith(SUFFIXES):
        found = _from_manifest(where, name, modules)
    elif where.endswith(".py"):
        found = _pick(_import_file(where), where, name)
    else:
        found = _pick(_import_module(where, target), where, name)
    pipeline = found if isinstance(found, Pipeline) else found()
    if not isinstance(pipeline, Pipeline):
        raise _not_found(target, f"{name} is no pipeline and makes none")
    pipeline.target = target
    if not pipeline.is_named:
        pipeline.name = Path(where).stem if where.endswith(".py") else where.rpartition(".")[2]
    pipeline.__dict__.pop("graph", None)  # somebody may have looked at it before it had its name
    return pipeline


def _from_manifest(where: str, name: str, modules: Sequence[str]) -> Pipeline:
    from weftline.author.manifest.load import load_manifest  # which loads what reads YAML

    path = Path(where)
    if not path.is_file():
        raise _not_found(where, "there is no such file")
    import_modules(modules)
    return load_manifest(path, name)


def named_group(name: str, modules: Sequence[str], groups: Path | None) -> Pipeline:
    """The group or workflow of a name; see `weftline.author.manifest.catalog`."""
    from weftline.author.manifest.catalog import Catalog  # which loads what reads YAML

    import_modules(modules)
    return Catalog(groups).get(name)


def import_modules(modules: Sequence[str]) -> None:
    """Imports modules that register what manifests name.

    Raises:
        BadArgumentError: there is no such module.
        TargetImportError: it raised an error while it was imported.
    """
    for module in modules:
        try:
            _import_module(module, module)
        except TargetNotFoundError:
            detail, advice = f"there is no module {module!r}", f"name modules that can be imported in {Path.cwd()}"
            raise BadArgumentError(argument=f"WEFTLINE_MODULES={','.join(modules)}", detail=detail, advice=advice) from None


def _not_found(target: str, detail: str) -> TargetNotFoundError:
    known = shipped()
    return TargetNotFoundError(
        target=target, detail=detail, shipped=", ".join(known) or "none are installed", hint=did_you_mean(target, known)
    )


def _import_file(where: str) -> ModuleType:
    path = Path(where).resolve()
    if not path.is_file():
        raise _not_found(where, "there is no such file")
    name = path.stem
    known = sys.modules.get(name)
    if known is not None and getattr(known, "__file__", None) == str(path):
        return known
    if known is not None or name in sys.stdlib_module_names or not name.isidentifier():
        name = f"weftline_target_{name}"
    folder = str(path.parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    _drop_stale_bytecode(path.parent)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except WeftlineError:
        del sys.modules[name]
        raise
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise _import_error(where, error) from error
    return module


def _drop_stale_bytecode(folder: Path) -> None:
    """Removes what Python has compiled of files that were written to since.

    Python itself compares whole seconds and sizes (https://docs.python.org/3/reference/import.html#cached-bytecode-invalidation):
    of two edits in one second it may run the first.
    """
    for compiled in itertools.chain(folder.glob("__pycache__/*.pyc"), folder.glob("*/__pycache__/*.pyc")):
        source = compiled.parent.with_name(compiled.name.partition(".")[0] + ".py")
        with contextlib.suppress(OSError):  # it is not there, or not ours to remove
            if source.stat().st_mtime_ns >= compiled.stat().st_mtime_ns:
                compiled.unlink()


def _import_module(where: str, target: str) -> ModuleType:
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        return importlib.import_module(where)
    except ModuleNotFoundError as error:
        if error.name is not None and (where == error.name or where.startswith(error.name + ".")):
            raise _not_found(target, "there is no such file, module or shipped pipeline") from None
        raise _import_error(where, error) from error
    except WeftlineError:
        raise
    except (Exception, SystemExit) as error:
        raise _import_error(where, error) from error


def _import_error(where: str, error: Exception | SystemExit) -> TargetImportError:
    """The error with the line of the user's file that raised it."""
    if isinstance(error, SyntaxError) and error.filename is not None:
        place: Place | None = Place(error.filename, error.lineno, error.offset)
        return TargetImportError(target=where, kind="SyntaxError", detail=error.msg, place=place)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<frozen")]
    own = [frame for frame in frames if not is_installed(frame.filename) and frame.filename != __file__]
    place = Place(own[-1].filename, own[-1].lineno) if own else None
    detail = "the program ends itself while it is imported" if isinstance(error, SystemExit) else str(error)
    return TargetImportError(target=where, kind=type(error).__name__, detail=detail, place=place)


def _pick(module: ModuleType, where: str, name: str) -> object:
    """The pipeline of a module: the one asked for, the only one, or the one called `pipeline`."""
    found = {attribute: value for attribute, value in vars(module).items() if isinstance(value, Pipeline)}
    if name:
        if name in found:
            return found[name]
        by_own_name = [pipeline for pipeline in found.values() if pipeline.name == name]
        if by_own_name:
            return by_own_name[0]
        value = getattr(module, name, None)
        if callable(value) and not isinstance(value, type):
            return value
        hint = did_you_mean(name, found)
        detail = f"it holds no pipeline {name!r}" + (f" ({hint})" if hint else "")
        raise _not_found(f"{where}:{name}", detail)
    if len(set(map(id, found.values()))) == 1:
        return next(iter(found.values()))
    if "pipeline" in found:
        return found["pipeline"]
    if not found:
        raise _not_found(where, "it holds no Pipeline; add one: pipeline = Pipeline([...])")
    names = sorted(found)
    raise SeveralPipelinesError(target=where, names=", ".join(names), first=names[0])
