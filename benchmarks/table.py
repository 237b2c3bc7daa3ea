"""Aligned tables in plain text, and the line that says what machine they come from."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence


def machine() -> str:
    """What figures depend on; no names of hosts or folders."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{python}, {platform.system()} {platform.machine()}, {cores} cores"


def number(value: float | None) -> str:
    """Three significant digits, no exponent; a dash for nothing."""
    if value is None:
        return "-"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[int] = (0,)) -> str:
    """Columns padded to their widest cell; those in `left` are aligned to the left, the others to the right."""
    cells = [list(header), *[list(row) for row in rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]

    def line(row: Sequence[str]) -> str:
        padded = [
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return "  " + "  ".join(padded).rstrip()

    return "\n".join([line(header), "  " + "  ".join("-" * width for width in widths), *[line(row) for row in cells[1:]]])
