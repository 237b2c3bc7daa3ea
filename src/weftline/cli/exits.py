"""Exit codes."""

from __future__ import annotations

from enum import IntEnum

from weftline.errors import AuthorError, GuardSkippedError, MachineError, PlanError, UsageError, WeftlineError


class Exit(IntEnum):
    """What a command's exit code says."""

    OK = 0
    """Done; for `plan`: there is nothing to do."""
    FAILED = 1
    """A node failed, or the run is partial; for `runs diff`: they are different."""
    USAGE = 2
    """The command line is wrong; for `plan`: there is work to do."""
    INVALID = 3
    """The pipeline or the plan is not valid."""
    MACHINE = 4
    """Something of this machine, or a service, is missing or broken."""
    INTERNAL = 70
    """An error in weftline itself."""
    INTERRUPTED = 130
    """Interrupted by the user; the run can be resumed."""


def exit_of(error: WeftlineError) -> Exit:
    """The exit code that an error means."""
    if isinstance(error, GuardSkippedError):
        return Exit.OK
    if isinstance(error, UsageError):
        return Exit.USAGE
    if isinstance(error, MachineError):
        return Exit.MACHINE
    if isinstance(error, (AuthorError, PlanError)):
        return Exit.INVALID
    return Exit.FAILED
