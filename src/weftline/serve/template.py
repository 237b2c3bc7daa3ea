"""The process that runs are forked from: it has weftline loaded, and nothing of any user. `python -m weftline.serve.template`.

Theory of operation. It reads a line of JSON for each run that is wanted, forks, and writes a line when the run's process is
there and one when it has ended. So a run begins within milliseconds, sees the code of its project as it is now, and takes
nothing along when it dies. While nothing is wanted, it forks some processes in advance and tells of them; they open what every
run opens, and rehearse one. The daemon claims a run in the name of such a process, which then has it without a word.

When the daemon goes away, the pipe ends, and so does the template with those that wait; runs that have begun go on.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from weftline.app.collector import freeze_for_good
from weftline.app.home import Home
from weftline.ports import plugins
from weftline.serve.errand import Errand, do
from weftline.serve.rehearsal import rehearse
from weftline.settings import Settings

#: What each run needs at once.
LOADED = (
    "weftline.app.execute",
    "weftline.app.gates",
    "weftline.app.pipeline",
    "weftline.app.verbs",
    "weftline.author.compose",
    "weftline.author.load",
    "weftline.author.manifest.load",
    "weftline.backends.threads",
    "weftline.store.joined",
    "weftline.store.sqlite",
)
#: Signals of which the daemon decides what they mean, also if they were sent to all processes of a service.
_DAEMONS = (signal.SIGINT, signal.SIGTERM)
#: How often it looks for processes that have ended, in seconds; how long nothing is wanted before it forks in advance.
_LOOKS_EACH_S, _IDLE_S = 0.05, 0.1


class Template:
    """Forks processes.

    Args:
        folder: of the home.
        most: processes that are forked in advance.
    """

    def __init__(self, folder: Path, most: int) -> None:
        self._folder = folder
        self._most = most
        self._runs: dict[int, str] = {}
        self._spares: dict[int, int] = {}  # where each is told what to do, by process

    def serve(self) -> None:
        """Forks until its input ends."""
        _say({"ready": os.getpid()})
        left = b""
        while True:
            wait_s = _LOOKS_EACH_S if self._runs else _IDLE_S if len(self._spares) < self._most else None
            if select.select([0], [], [], wait_s)[0]:
                found = os.read(0, 65536)
                if not found:
                    return self._dismiss()
                *lines, left = (left + found).split(b"\n")
                for line in lines:
                    self._begin(line)
            elif not self._runs and len(self._spares) < self._most:
                self._add_spare()
            while (self._runs or self._spares) and (ended := os.waitpid(-1, os.WNOHANG))[0]:
                self._end(*ended)

    def _dismiss(self) -> None:
        """Those that wait end at once, not only when this process is through: what was claimed for them is free then."""
        for tell in self._spares.values():
            os.close(tell)

    def _begin(self, line: bytes) -> None:
        wanted = json.loads(line)
        pid = self._hand_over(line, wanted["spare"]) or self._fork(lambda: _run(line, None))
        self._runs[pid] = wanted["errand"]["run"]
        _say({"run": self._runs[pid], "pid": pid})

    def _end(self, pid: int, status: int) -> None:
        told = self._spares.pop(pid, None)
        if told is not None:
            os.close(told)
            self._most -= 1  # the next one would die of the same; whatever it is, a run will say it in its log
        elif pid in self._runs:
            _say({"run": self._runs.pop(pid), "code": os.waitstatus_to_exitcode(status)})

    def _hand_over(self, line: bytes, spare: int) -> int:
        """The process that waited and does it now; 0 if there is none."""
        tell = self._spares.pop(spare, None)
        if tell is None:
            return 0
        try:
            with open(tell, "wb") as pipe:  # noqa: PTH123 - a descriptor
                pipe.write(line + b"\n")
        except BrokenPipeError:
            self._most -= 1
            return 0  # it has died
        return spare

    def _add_spare(self) -> None:
        told, tell = os.pipe()
        pid = self._fork(lambda: self._wait(told, tell))
        self._spares[pid] = tell
        os.close(told)
        _say({"spare": pid})

    def _wait(self, told: int, tell: int) -> int:
        os.close(tell)
        home = Home(self._folder, Settings.read())
        if not home.settings.ledger:  # a server has a limited number of connections
            rehearse(home)
        with open(told, "rb") as pipe:
            line = pipe.readline()
        return _run(line, home) if line else 0

    def _fork(self, work: Callable[[], int]) -> int:
        pid = os.fork()
        if pid:
            return pid
        code = 1
        try:
            for tell in self._spares.values():
                os.close(tell)  # so that they hear the end of the template
            os.setsid()  # a signal to the daemon's group is none to its runs
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            _write_to(Path(os.devnull))
            code = work()
        except BaseException:  # noqa: BLE001 - the process ends here, and says why
            sys.excepthook(*sys.exc_info())
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)


def main(folder: Path, most: int) -> None:
    """Loads everything, then forks."""
    for number in _DAEMONS:
        signal.signal(number, signal.SIG_IGN)
    for name in LOADED:
        importlib.import_module(name)
    plugins.offered("weftline.backends")  # what is installed is listed once
    freeze_for_good()
    Template(folder, most).serve()


def _run(line: bytes, home: Home | None) -> int:
    """Does what a line asks for."""
    wanted = json.loads(line)
    _write_to(Path(wanted["log"]))
    return do(Errand(**wanted["errand"]), Path(wanted["folder"]), wanted["holder"], home)


def _write_to(log: Path) -> None:
    """What the process prints goes to a file; it reads nothing."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file, open(os.devnull, "rb") as nothing:  # noqa: PTH123 - descriptors
        os.dup2(nothing.fileno(), 0)
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)


def _say(told: dict[str, object]) -> None:
    """Tells the daemon, or nobody, if that is gone."""
    try:
        os.write(1, json.dumps(told).encode() + b"\n")
    except BrokenPipeError:
        sys.exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
