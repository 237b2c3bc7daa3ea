"""The table as it stands in the documentation.

Usage: python -m tests.acceptance.cache_truth.page, in the root of the repository, writes it there.
"""

from __future__ import annotations

import re
from pathlib import Path

from tests.acceptance.cache_truth.cases import TABLE, Case

PAGE = Path(__file__).resolve().parents[3] / "docs" / "explain" / "cache-truth.md"
BEGIN = "<!-- the table: python -m tests.acceptance.cache_truth.page -->\n"
END = "<!-- end of the table -->\n"


def shown() -> str:
    """The table in Markdown: a heading and rows for each group."""
    lines: list[str] = []
    for group, cases in TABLE.items():
        lines += ["", f"### {group}", ""]
        if any(case.is_unseen for case in cases):
            lines += ["Here the result is one from before the edit. [Keys](keys.md) says what to do instead.", ""]
        if all(case.runs for case in cases):
            lines += ["| edit | what runs | the reason begins with |", "|---|---|---|"]
            lines += [f"| {marked(case.name)} | {ran(case)} | {reason(case)} |" for case in cases]
        else:
            lines += ["| edit | what runs |", "|---|---|", *(f"| {marked(case.name)} | {ran(case)} |" for case in cases)]
    return "\n".join([*lines[1:], "", ""])


def marked(name: str) -> str:
    """Names of code as such, so that underscores stay."""
    return re.sub(r"(?<!\S)([\w.]*__[\w.]*(?:\(\))?|[\w.]+\(\)|functools\.\w+)", r"`\1`", name)


def ran(case: Case) -> str:
    return ", ".join(case.runs) or "nothing"


def reason(case: Case) -> str:
    said = case.because.strip()
    return f"`{said}`" if said else ""


def in_page(text: str) -> str:
    """What stands between the marks of a page."""
    return text.partition(BEGIN)[2].partition(END)[0]


if __name__ == "__main__":
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(page.replace(BEGIN + in_page(page) + END, f"{BEGIN}\n{shown()}{END}"), encoding="utf-8")
