"""The demo of `make demo`: forty clinical trials, planned, run, searched, planned again, and one helper edited.

Every line after a `$` is a command that can be typed; what is below it is its own output.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLACE = ROOT / "build" / "demo"
RECORDS = "trials"
WEFTLINE = str(Path(sys.executable).with_name("weftline"))
TARGET = ["clinical-trials", "-p", f"source={RECORDS}"]

BEFORE = "return len(text.split())"
AFTER = "return sum(1 for _ in WORD.finditer(text))"


def main() -> int:
    """Runs the scenes in a fresh folder."""
    started = time.monotonic()
    shutil.rmtree(PLACE, ignore_errors=True)
    PLACE.mkdir(parents=True)
    shutil.copytree(ROOT / "examples" / "trials", PLACE / RECORDS)

    title("1  Forty records of ClinicalTrials.gov. What would a run do?")
    weftline("plan", *TARGET, expect=2)

    title("2  Run it: one call for each record and stage")
    weftline("run", *TARGET)

    title("3  Ask")
    weftline("search", "which trials test osimertinib for non-small cell lung cancer?", "-n", "2")
    weftline("search", "nerve pain relief after a slipped disc", "-n", "2")

    title("4  And again? Nothing is computed twice")
    weftline("plan", *TARGET)

    title("5  Edit a helper that three functions below the chunk stage use: what would run, and why?")
    edited = edit_helper()
    weftline("plan", *TARGET, expect=2, path=edited)

    title("6  The passages come out the same, so the work stops there: no embedding is repeated")
    weftline("run", *TARGET, path=edited)

    print(f"\nThat took {time.monotonic() - started:.0f} s. What it made is in {PLACE.relative_to(ROOT)}; try there:")
    print('  ../../.venv/bin/weftline search "who sponsors NCT04870190?"')
    print("  ../../.venv/bin/weftline why clinical-trials chunk -p source=trials")
    return 0


def title(text: str) -> None:
    """The heading of a scene."""
    bold, end = ("\x1b[1m", "\x1b[0m") if sys.stdout.isatty() and not os.environ.get("NO_COLOR") else ("", "")
    print(f"\n{bold}{text}{end}\n{'-' * len(text)}", flush=True)


def weftline(*words: str, expect: int = 0, path: Path | None = None) -> None:
    """Types a command: with the installed weftline, or with an edited copy of its source."""
    shown = " ".join(f'"{word}"' if " " in word else word for word in words)
    print(f"\n$ weftline {shown}", flush=True)
    environment = os.environ | ({"PYTHONPATH": str(path)} if path is not None else {})
    code = subprocess.run([WEFTLINE, *words], cwd=PLACE, env=environment, check=False).returncode
    if code != expect:
        sys.exit(f"weftline {words[0]} exited with {code} instead of {expect}")


def edit_helper() -> Path:
    """A copy of the source with one helper written in another way; keys do not depend on where the source lies."""
    copy = PLACE / "edited"
    shutil.copytree(ROOT / "src" / "weftline", copy / "weftline", ignore=shutil.ignore_patterns("__pycache__"))
    file = copy / "weftline" / "documents" / "chunk.py"
    source = file.read_text(encoding="utf-8")
    assert source.count(BEFORE) == 1
    file.write_text(source.replace(BEFORE, AFTER), encoding="utf-8")
    print(f"\n$ diff documents/chunk.py\n    def count_words(text: str) -> int:\n  -     {BEFORE}\n  +     {AFTER}", flush=True)
    return copy


if __name__ == "__main__":
    sys.exit(main())
