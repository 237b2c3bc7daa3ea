"""Makes Python environments, each once: with uv where it is installed, else with venv and pip.

Theory of operation. An environment lies in a folder that is called after the digest of all that it is made of. It is there
when its mark is there, which is written aside and renamed as the last step. A folder without a mark is what a process left that
died; the next one removes it. An environment is made where it stays, because the programs in it name their Python by its path.
One process makes it, while others wait for the lease, which the kernel takes away from a process that ends.

The environment has weftline's own requirements and a link to the weftline that made it, so that both sides of a connection are
the same code.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import NamedTuple

from weftline.errors import EnvironmentFailedError
from weftline.model.environment import Environment
from weftline.store.aside import put
from weftline.store.locks import FileLeases
from weftline.version import __version__

_MARK = "made.json"
#: How often somebody who waits looks again, in seconds.
_LOOK_S = 0.1
#: The end of a tool's output that an error tells, in lines.
_TOLD = 15
_ASK_VERSION = "import sys; print('.'.join(map(str, sys.version_info[:3])))"
_ASK_CONTENT = (
    "import importlib.metadata as m, json, sysconfig; "
    "print(json.dumps([sysconfig.get_path('purelib'), {d.metadata['Name']: d.version for d in m.distributions()}]))"
)


class StoppedError(Exception):
    """Nobody wants the environment any more."""


class _Base(NamedTuple):
    """A Python from which environments are made."""

    executable: str
    version: str


def environment_python(environment: Environment, folder: Path, stop: threading.Event | None = None) -> str:
    """The Python of an environment, which is made if it is not there; that may take minutes.

    Args:
        environment: what is wanted.
        folder: of all environments.
        stop: is set when nobody wants it any more.

    Raises:
        EnvironmentFailedError: it cannot be made; the message has what the tool said last.
        StoppedError: nobody wants it any more.
    """
    return _Making(environment, folder, stop or threading.Event()).python()


class _Making:
    """One environment being made."""

    def __init__(self, environment: Environment, folder: Path, stop: threading.Event) -> None:
        self._environment = environment
        self._folder = folder.absolute()
        self._stop = stop

    def python(self) -> str:
        base = self._base()
        parts = (*self._environment.requirements, *base, os.path.realpath(base.executable), __version__, str(_package()))
        digest = hashlib.sha256("\0".join(parts).encode()).digest()
        place = self._folder / digest.hex()[:32]
        python = place / "bin" / "python"
        if not _is_made(place):
            leases = FileLeases(self._folder / "leases")
            with contextlib.closing(leases):
                while not leases.take([digest]):
                    if self._stop.wait(_LOOK_S):
                        raise StoppedError
                if not _is_made(place):
                    self._make(place, python, base)
        return str(python)

    def _base(self) -> _Base:
        wanted = self._environment.python
        here = _Base(sys.executable, ".".join(map(str, sys.version_info[:3])))
        if _fits(here.version, wanted):
            return here
        for folder in os.get_exec_path():
            found = _asked(str(Path(folder, f"python{'.'.join(wanted.split('.')[:2])}")))
            if found is not None and _fits(found.version, wanted):
                return found
        uv = shutil.which("uv")
        if uv is not None:
            done = subprocess.run([uv, "python", "find", wanted], capture_output=True, text=True, check=False)  # noqa: S603
            found = _asked(done.stdout.strip()) if done.returncode == 0 else None
            if found is not None:
                return found
        advice = f"install it, for example with: uv python install {wanted}"
        raise self._failed(f"there is no Python {wanted} on this machine", advice)

    def _make(self, place: Path, python: Path, base: _Base) -> None:
        if place.exists():
            shutil.rmtree(place)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            requirements = [*self._environment.requirements, *self._own_requirements()]
            uv = shutil.which("uv")
            if uv is not None:
                self._run([uv, "venv", "--python", base.executable, str(place)])
                self._run([uv, "pip", "install", "--python", str(python), *requirements])
            else:
                self._run([base.executable, "-m", "venv", str(place)])
                self._run([str(python), "-m", "pip", "install", *requirements])
            libraries, content = json.loads(self._run([str(python), "-I", "-c", _ASK_CONTENT]))
            _put_weftline(Path(libraries))
            made = {"environment": str(self._environment), "python": base.version, "installed": content}
            put(place / _MARK, json.dumps(made, indent=1, sort_keys=True).encode())
        except OSError as error:
            advice = f"look at {self._folder}, and make room there if the disk is full"
            raise self._failed(str(error), advice) from error

    def _own_requirements(self) -> list[str]:
        try:
            declared = importlib.metadata.requires("weftline") or []
        except importlib.metadata.PackageNotFoundError:
            advice = "install weftline, for example with: pip install -e PATH"
            raise self._failed("weftline itself is not installed, so that nobody knows what it needs", advice) from None
        return [each for each in declared if "extra" not in each.partition(";")[2]]

    def _run(self, command: list[str]) -> str:
        """What a tool prints; it is stopped with all that it started when nobody wants that any more."""
        with tempfile.TemporaryFile() as output:
            process = subprocess.Popen(  # noqa: S603 - the tools that make environments, with a list of arguments
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )
            try:
                while (code := _ended(process)) is None:
                    if self._stop.is_set():
                        raise StoppedError
            finally:
                if process.returncode is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
            output.seek(0)
            said = output.read().decode("utf-8", "replace").strip()
        if code != 0:
            last = "\n".join(said.splitlines()[-_TOLD:])
            shown = " ".join([Path(command[0]).name, *command[1:]])
            advice = "check the requirements, and where distributions come from; what uv and pip are told is left as it is"
            raise self._failed(f"{shown} exits with code {code} and says\n{last}", advice)
        return said

    def _failed(self, detail: str, advice: str) -> EnvironmentFailedError:
        return EnvironmentFailedError(environment=str(self._environment), detail=detail, advice=advice)


def _is_made(place: Path) -> bool:
    """Whether it is whole, and the Python that it was made from is still there."""
    return (place / _MARK).exists() and (place / "bin" / "python").exists()


def _ended(process: subprocess.Popen[bytes]) -> int | None:
    try:
        return process.wait(_LOOK_S)
    except subprocess.TimeoutExpired:
        return None


def _asked(executable: str) -> _Base | None:
    """A Python and its version, by its own word; None for what is no Python that works."""
    try:
        done = subprocess.run([executable, "-I", "-c", _ASK_VERSION], capture_output=True, text=True, check=False)  # noqa: S603
    except OSError:
        return None
    return _Base(executable, done.stdout.strip()) if done.returncode == 0 else None


def _fits(version: str, wanted: str) -> bool:
    """Whether `3.12.1` is a `3.12`."""
    return f"{version}.".startswith(f"{wanted}.") if wanted else True


def _package() -> Path:
    return Path(sys.modules["weftline"].__path__[0]).resolve()


def _put_weftline(libraries: Path) -> None:
    """A link to this weftline, with what is needed to find its plugins for values of other libraries."""
    (libraries / "weftline").symlink_to(_package(), target_is_directory=True)
    folder = libraries / f"weftline-{__version__}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: weftline\nVersion: {__version__}\n", encoding="utf-8")
    points = importlib.metadata.distribution("weftline").read_text("entry_points.txt") or ""
    (folder / "entry_points.txt").write_text(points, encoding="utf-8")
