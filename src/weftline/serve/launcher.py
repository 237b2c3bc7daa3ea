"""Starts runs in processes of their own, as many at a time as are allowed; the others wait in order."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
from collections import ChainMap
from collections.abc import Collection, Iterable
from itertools import islice
from pathlib import Path
from typing import Any

from weftline.errors import RunsNotStartedError
from weftline.observe.log import LogFolder
from weftline.ports.ledger import Journals, Wanted
from weftline.serve.errand import Errand
from weftline.store import holder

#: Processes that wait for a run, so that this one begins at once.
_AHEAD = 10
#: How long a template may take to load, in seconds.
_LOADS_S = 60.0


class Launcher:
    """The runs that this daemon has begun.

    Args:
        folder: of the home.
        ledger: where runs are claimed.
        most: runs at the same time.

    Attributes:
        spares: processes that wait for a run, and what they call themselves.
    """

    def __init__(self, folder: Path, ledger: Journals, most: int) -> None:
        self._folder = folder
        self._logs = LogFolder(folder / "logs")
        self._ledger = ledger
        self._most = most
        self._me = holder.this_process()
        self._template: subprocess.Popen[bytes] | None = None
        self._heard = b""
        self._waiting: dict[str, Errand] = {}
        self.spares: dict[int, str] = {}
        self._running: dict[str, int] = {}  # the run's process; 0 as long as that is not known
        self._claimed: dict[str, str] = {}  # in whose name
        self._ended: list[str] = []  # runs whose claims are to be given back

    @property
    def runs(self) -> Collection[str]:
        """Runs that were begun here or wait to be, and have not ended; whoever asks of many sees them change."""
        return ChainMap[str, Any](self._running, self._waiting)

    def open(self) -> None:
        """Makes the process from which runs are forked, and waits until it is there.

        Raises:
            RunsNotStartedError: it does not come, or what runs print cannot be kept.
        """
        logs = self._logs.of_process("any").parent
        try:
            logs.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunsNotStartedError(detail=f"{logs} cannot be made: {error.strerror}") from error
        command = [sys.executable, *(["-O"] if sys.flags.optimize else []), "-m", "weftline.serve.template"]
        command += [str(self._folder), str(min(self._most, _AHEAD))]
        pipe = subprocess.PIPE
        # in a session of its own, so that Ctrl-C in a terminal is for the daemon alone, while the template loads, too
        self._template = subprocess.Popen(command, stdin=pipe, stdout=pipe, cwd="/", start_new_session=True)  # noqa: S603
        while True:
            news = self._news(_LOADS_S)
            if any("ready" in told for told in news):
                return
            if not news:
                raise RunsNotStartedError(detail=f"the process that runs are forked from did not load in {_LOADS_S:g} s")

    def start(self, *wanted: Errand) -> None:
        """Begins runs as soon as there is room, unless somebody else has them; asking for one again changes nothing.

        Raises:
            LedgerUnusableError: nobody can tell who has them; they are begun later.
        """
        self._waiting.update({each.run: each for each in wanted if each.run not in self.runs})
        self._begin()

    def tend(self) -> None:
        """Takes notice of runs that have ended, and begins others.

        Raises:
            RunsNotStartedError: the process that runs are forked from has died.
            LedgerUnusableError: what the ledger could not be told is told to it the next time.
        """
        for told in self._news(0.0):
            if "spare" in told:
                self._meet(told["spare"])
            elif "pid" in told:
                self._running[told["run"]] = told["pid"]
            elif "code" in told:
                del self._running[told["run"]]
                self._ended.append(told["run"])
        while self._ended:
            run = self._ended[-1]
            if self._ledger.holder(run) == self._claimed[run]:  # its process died before it could give it back
                self._ledger.release(run, self._claimed[run])
            del self._claimed[self._ended.pop()]
        self._begin()

    def _meet(self, spare: int) -> None:
        name = holder.process(spare)
        if name is not None:
            self.spares[spare] = name

    def drain(self) -> None:
        """Begins nothing more: what has waited for room is left to whoever serves next."""
        self._waiting.clear()

    def interrupt(self) -> None:
        """Asks the runs to end: their calls finish, and the rest is cancelled; they can be gone on with."""
        for pid in self._running.values():
            if pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)

    def close(self) -> None:
        """Ends the process that runs are forked from; runs that have begun go on."""
        if self._template is not None:
            assert self._template.stdin is not None
            assert self._template.stdout is not None
            self._template.stdin.close()
            self._template.stdout.close()
            self._template.wait()

    def _begin(self) -> None:
        while self._waiting and (room := self._most - len(self._running)) > 0:
            wanted = list(islice(self._waiting.values(), room))
            taken = self._claim([each.run for each in wanted])  # if nobody can tell, they keep their places
            for each in wanted:
                del self._waiting[each.run]
                if each.run in taken:
                    self._hand_over(each, taken[each.run])

    def _claim(self, runs: Iterable[str]) -> dict[str, int]:
        """Takes runs that nobody has, each in the name of a spare process as far as there are any; which one, 0 for none."""
        ours = {self._me, *self.spares.values()}  # what was claimed for them they never got: nobody knew whether it was
        spares = iter([pid for pid, name in self.spares.items() if holder.may_be_alive(name)])
        chosen: dict[str, int] = {}
        wanted: list[Wanted] = []
        for run in runs:
            other = self._ledger.holder(run)
            if other is None or other in ours or not holder.may_be_alive(other):
                chosen[run] = next(spares, 0)
                wanted.append(Wanted(run, self.spares.get(chosen[run], self._me), other))
        found = self._ledger.claim_all(wanted)
        return {run: chosen[run] for run, name, _ in wanted if found[run] == name}

    def _hand_over(self, wanted: Errand, spare: int) -> None:
        run = wanted.run
        self._claimed[run] = self.spares.pop(spare, self._me)
        self._running[run] = 0
        log = str(self._logs.of_process(run))
        told = {"folder": str(self._folder), "holder": self._claimed[run], "log": log, "spare": spare}
        self._ask({"errand": wanted._asdict(), **told})

    def _ask(self, wanted: dict[str, Any]) -> None:
        assert self._template is not None
        assert self._template.stdin is not None
        try:
            self._template.stdin.write(json.dumps(wanted).encode() + b"\n")
            self._template.stdin.flush()
        except BrokenPipeError:
            raise self._died() from None

    def _news(self, timeout_s: float) -> list[dict[str, Any]]:
        assert self._template is not None
        assert self._template.stdout is not None
        source = self._template.stdout.fileno()
        if not select.select([source], [], [], timeout_s)[0]:
            return []
        found = os.read(source, 65536)
        if not found:
            raise self._died()
        *lines, self._heard = (self._heard + found).split(b"\n")
        return [json.loads(line) for line in lines]

    def _died(self) -> RunsNotStartedError:
        assert self._template is not None
        return RunsNotStartedError(detail=f"the process that runs are forked from has ended ({self._template.wait()})")
