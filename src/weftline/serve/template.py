"""The process that runs are forked from: it has weftline loaded, and nothing of any user. `python -m weftline.serve.template`.

Theory of operation. It reads a line of JSON for each run that is wanted, forks, and writes a line when the run's process is
there and one when it has ended. So a run begins within milliseconds, sees the code of its project as it is now, and takes
nothing along when it dies. When the daemon goes away, the pipe ends, and so does the template; runs that have begun go on.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import signal
import sys
from pathlib import Path

from weftline.ports import plugins
from weftline.serve.errand import Errand, do

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
#: How often it looks for processes that have ended, in seconds.
_LOOKS_EACH_S = 0.05


def main() -> None:
    """Forks until its input ends."""
    for number in (
        signal.SIGINT,
        signal.SIGTERM,
    ):  # the daemon decides what they mean; a supervisor sends them to all processes
        signal.signal(number, signal.SIG_IGN)
    for name in LOADED:
        importlib.import_module(name)
    plugins.offered("weftline.backends")  # what is installed is listed once
    runs: dict[int, str] = {}
    _say({"ready": os.getpid()})
    left = b""
    while True:
        is_news = select.select([0], [], [], _LOOKS_EACH_S if runs else None)[0]
        if is_news:
            found = os.read(0, 65536)
            if not found:
                return
            *lines, left = (left + found).split(b"\n")
            for line in lines:
                wanted = json.loads(line)
                pid = _fork(wanted)
                runs[pid] = wanted["errand"]["run"]
                _say({"run": runs[pid], "pid": pid})
        while runs and (ended := os.waitpid(-1, os.WNOHANG))[0]:
            _say({"run": runs.pop(ended[0]), "code": os.waitstatus_to_exitcode(ended[1])})


def _fork(wanted: dict[str, object]) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        os.setsid()  # a signal to the daemon's group is none to its runs
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _write_to(Path(str(wanted["log"])))
        code = do(Errand(**wanted["errand"]), Path(str(wanted["folder"])), str(wanted["holder"]))  # type: ignore[arg-type]
    except BaseException:  # noqa: BLE001 - the process ends here, and says why
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


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
    main()
