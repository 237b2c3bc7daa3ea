"""The few knobs of a process, read once at the top, each with where its value came from."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from weftline.errors import BadArgumentError

PREFIX = "WEFTLINE_"


@dataclass(frozen=True, slots=True)
class Settings:
    """Defaults of a process.

    Attributes:
        home: the folder of the ledger, the cache and the logs.
        cache: where results are kept: a URL such as `shared:/team/cache`, `sqlite:cache.db`, `redis://host/0` or
            `s3://bucket/prefix`; empty for the home.
        backend: where calls run: `threads`, `processes`, `inline`, a name that an installed package offers, or an address such
            as `interpreter:requirements.txt` or `http://127.0.0.1:7077`.
        workers: calls of one CPU that run at the same time; 0 for the number of processors that this process may use.
        modules: modules that register what manifests name, with commas between them; they are imported before a manifest is
            read.
        groups_path: the folder whose manifests are known by the names of their groups and workflows.
        checked: compare inputs before and after each call, to find nodes that change what they read.
        guard: watch what calls in worker processes take of the machine, and stop one that exceeds its `memory_gb`; on Linux.
        guard_interval_s: how often, in seconds, while nothing is near a limit.
        schedules: the folder of the files that declare schedules.
        ledger: where journals are kept: a URL such as `postgresql://host/database` or `sqlite:ledger.db`; empty for the home.
    """

    home: Path = Path(".weftline")
    cache: str = ""
    backend: str = "threads"
    workers: int = 0
    modules: str = ""
    groups_path: Path = Path("groups")
    checked: bool = False
    guard: bool = True
    guard_interval_s: float = 1.0
    ledger: str = ""
    schedules: Path = Path("schedules")

    @property
    def slots(self) -> int:
        """`workers`, with 0 resolved."""
        if self.workers:
            return self.workers
        may_use = getattr(os, "sched_getaffinity", None)  # not on every system
        return len(may_use(0)) if may_use is not None else os.cpu_count() or 1

    @property
    def modules_named(self) -> list[str]:
        """`modules`, one by one."""
        return [word.strip() for word in self.modules.split(",") if word.strip()]

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Settings from the environment: `WEFTLINE_HOME`, `WEFTLINE_BACKEND` and so on.

        Raises:
            BadArgumentError: a variable does not fit.
        """
        environment = os.environ if environment is None else environment
        found: dict[str, Any] = {}
        for field in fields(cls):
            variable = PREFIX + field.name.upper()
            text = environment.get(variable)
            if text is not None:
                found[field.name] = _parse(variable, text, type(field.default))
        return cls(**found)


def _parse(variable: str, text: str, kind: type) -> Any:
    if kind is bool:
        if text.lower() in {"1", "true", "yes", "0", "false", "no"}:
            return text.lower() in {"1", "true", "yes"}
        raise BadArgumentError(argument=f"{variable}={text}", detail="not a truth value", advice="use 1 or 0")
    if kind is int:
        if not (text.isascii() and text.isdigit()):
            raise BadArgumentError(argument=f"{variable}={text}", detail="not a number", advice="use a number from 0")
        return int(text)
    if kind is float:
        with contextlib.suppress(ValueError):
            if 0 < (found := float(text)) < math.inf:
                return found
        raise BadArgumentError(argument=f"{variable}={text}", detail="not a number above 0", advice="use seconds, such as 0.5")
    return Path(text) if kind is not str else text
