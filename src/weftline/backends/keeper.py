"""The program around a worker process: starts it, and lets nothing outlive it of what it started.

Theory of operation. What a call starts may leave the worker's group, its session and its children (`setsid`, a double
fork). The keeper is the child subreaper of all of them, see prctl(2): a process that loses its parent becomes the keeper's
child, so that the keeper has no child if and only if nothing is left. It ends then, in the way in which the worker ended. It
holds the worker's socket open, too; hence the end of that connection says that everything is over.

SIGTERM asks the worker's process group to end, SIGINT ends everything, and so does the death of the parent. Linux only. It is
run as a file, `python keeper.py FD PARENT`, and imports nothing of the package before it forks: it stays small and does not
fail.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator

#: The variable whose value marks a worker with all that it starts.
MARK = "WEFTLINE_WORKER"
#: From linux/prctl.h.
_SET_PDEATHSIG, _SET_CHILD_SUBREAPER = 1, 36
_WATCHED = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT)
#: How long the keeper sleeps if no signal comes, in seconds: all that it waits for is told by one.
_LOOK_S = 5.0


def main() -> None:
    """Keeps one worker."""
    connection, parent = int(sys.argv[1]), int(sys.argv[2])
    del sys.path[0]  # the folder of this file, which is no place for imports
    signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
    is_subreaper = _prctl(_SET_CHILD_SUBREAPER, 1)
    _prctl(_SET_PDEATHSIG, signal.SIGCHLD)  # it comes when a mere thread of the parent ends, too; so it does not kill
    keeper = os.getpid()
    worker = os.fork()
    if worker == 0:
        _become_worker(connection, keeper)
    with contextlib.suppress(OSError):  # the worker does the same: whoever comes first
        os.setpgid(worker, worker)
    status = _watch(worker, parent)
    _end_all(is_subreaper=is_subreaper)
    _end_like(status)


def _become_worker(connection: int, keeper: int) -> None:
    with contextlib.suppress(OSError):
        os.setpgid(0, 0)
    _prctl(_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != keeper:
        os._exit(1)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _WATCHED)
    os.set_inheritable(connection, False)

    from weftline.backends import child  # not above: the keeper does without it

    child.serve(connection)


def _watch(worker: int, parent: int) -> int | None:
    """Waits for the worker's end: its status, or None if it was ended on demand."""
    told = 0
    while True:
        if told == signal.SIGTERM:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(worker, signal.SIGTERM)
        elif told == signal.SIGINT or os.getppid() != parent:
            os.kill(worker, signal.SIGKILL)
            return None
        for pid, status in _ended():
            if pid == worker:
                return status
        news = signal.sigtimedwait(_WATCHED, _LOOK_S)
        told = 0 if news is None else news.si_signo


def _ended() -> Iterator[tuple[int, int]]:
    """Collects the children that have ended.

    Raises:
        ChildProcessError: there are none, dead or alive.
    """
    while True:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        yield pid, status


def _end_all(*, is_subreaper: bool) -> None:
    """Kills until nothing is left; what starts in the meantime is found in the next round."""
    if not is_subreaper:
        kill_all(os.getpid(), os.environ.get(MARK, ""))
    pause_s = 0.001
    with contextlib.suppress(ChildProcessError):
        while True:
            for _ in _ended():
                pass
            kill_all(os.getpid())
            signal.sigtimedwait((signal.SIGCHLD,), pause_s)
            pause_s = min(2 * pause_s, 1.0)


def _end_like(status: int | None) -> None:
    code = 0 if status is None else os.waitstatus_to_exitcode(status)
    if code < 0:
        import resource  # only here: most keepers never need it

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the worker's core, if there is one, stays
        with contextlib.suppress(OSError):
            signal.signal(-code, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (-code,))
        os.kill(os.getpid(), -code)
    os._exit(code)


def _prctl(option: int, value: int) -> bool:
    """Sets something of this process; False where the system does not allow it."""
    try:
        import ctypes  # an optional part of Python

        return bool(ctypes.CDLL(None).prctl(option, value, 0, 0, 0) == 0)
    except (ImportError, OSError, AttributeError):
        return False


# --- whom it concerns; also for the parent, should the keeper itself be gone ------------------------------------------


def kill_all(root: int, mark: str = "") -> None:
    """Kills what descends from a process, and with a mark also what bears it; not the process itself."""
    for pid in _members(root, mark):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def _members(root: int, mark: str) -> set[int]:
    children: dict[int, list[int]] = {}
    found = set()
    wanted = f"{MARK}={mark}\0".encode()
    for name in os.listdir("/proc"):  # noqa: PTH208 - the keeper does without pathlib, see above
        if name.isdecimal():
            # a process that ends just now, or is somebody else's, cannot be read
            with contextlib.suppress(OSError):
                state, parent = _read(f"/proc/{name}/stat").rpartition(b")")[2].split()[:2]
                if state not in b"ZX":
                    children.setdefault(int(parent), []).append(int(name))
                    if mark and wanted in _read(f"/proc/{name}/environ"):
                        found.add(int(name))
    below = [root]
    for pid in below:  # it grows meanwhile
        below += children.get(pid, [])
    return (found | set(below)) - {root}


def _read(path: str) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123 - the same
        return file.read()


if __name__ == "__main__":
    main()
