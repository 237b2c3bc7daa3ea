"""The GPUs of this machine."""

from __future__ import annotations

import functools
import os
import subprocess
from pathlib import Path

from weftline.model.resources import Device

#: Where the driver lists what it drives, before any tool is asked.
_DRIVER = Path("/proc/driver/nvidia/gpus")
_ASK = ["nvidia-smi", "--query-gpu=index,uuid,memory.total", "--format=csv,noheader,nounits"]
#: The longest time for an answer, in seconds; without persistence mode the driver is loaded first.
_PATIENCE_S = 20.0


def devices(named: str | None = None) -> tuple[Device, ...]:
    """GPUs: those that are named, or those that there are and that `CUDA_VISIBLE_DEVICES` leaves to this process.

    Args:
        named: ids with commas between them, which are taken as they are; empty for none; None to look.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    words = visible if named is None else named
    ids = [word.strip() for word in (words or "").split(",") if word.strip()]
    found = _found() if _DRIVER.exists() else {}
    if words is not None:
        return tuple(Device(name, found.get(name, 0.0)) for name in dict.fromkeys(ids))
    return tuple(Device(name, memory) for name, memory in found.items() if name.isdigit())


@functools.cache
def _found() -> dict[str, float]:
    """Memory in GiB by index and by UUID; 0 where the driver's tool does not say."""
    try:
        asked = subprocess.run(_ASK, capture_output=True, text=True, timeout=_PATIENCE_S, check=True)  # noqa: S603 - constant
    except (OSError, subprocess.SubprocessError):
        return {str(at): 0.0 for at, _ in enumerate(sorted(_DRIVER.iterdir()))}
    return parsed(asked.stdout)


def parsed(text: str) -> dict[str, float]:
    """Memory in GiB by index and by UUID, as `nvidia-smi` prints them: one line a device, MiB without a unit."""
    found: dict[str, float] = {}
    for line in text.splitlines():
        words = [word.strip() for word in line.split(",")]
        if len(words) == 3:
            memory = float(words[2]) / 1024 if words[2].replace(".", "").isdigit() else 0.0
            found |= {words[0]: memory, words[1]: memory}
    return found
