"""The lines of a text that changed, each under the number of the line in its file: a unified diff without empty lines."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import NamedTuple

#: Lines around a change that are shown with it.
_AROUND = 3


class Text(NamedTuple):
    """A text, and where it stood.

    Attributes:
        text: of any number of lines.
        place: `file:line` of the first one; empty for what no file is known of.
    """

    text: str
    place: str = ""

    @property
    def lines(self) -> list[tuple[int, str]]:
        """The lines that are not empty, each with its number in the file, or in the text if no file is known."""
        line = self.place.rpartition(":")[2]
        first = int(line) if line.isdecimal() else 1
        return [(at, line.rstrip()) for at, line in enumerate(self.text.split("\n"), first) if line.strip()]


def changed_lines(was: Text, now: Text) -> Iterator[str]:
    """The hunks of a unified diff, without the lines that name the files.

    Empty lines do not count: they mean nothing, and stand for what is left out of a class. The numbers in the heads are of the
    first lines of the hunk then and now, and how many lines of each it shows.
    """
    before, after = was.lines, now.lines
    matcher = SequenceMatcher(None, [line for _, line in before], [line for _, line in after], autojunk=False)
    for hunk in matcher.get_grouped_opcodes(_AROUND):
        _, from_was, _, from_now, _ = hunk[0]
        _, _, to_was, _, to_now = hunk[-1]
        yield f"@@ -{_range(before, from_was, to_was)} +{_range(after, from_now, to_now)} @@"
        for tag, was_first, was_last, now_first, now_last in hunk:
            if tag == "equal":
                yield from (f" {line}" for _, line in after[now_first:now_last])
            else:
                yield from (f"-{line}" for _, line in before[was_first:was_last])
                yield from (f"+{line}" for _, line in after[now_first:now_last])


def _range(lines: list[tuple[int, str]], first: int, last: int) -> str:
    """Where a hunk begins, and how many lines it has; as in any unified diff, one without lines begins at the line before."""
    if first < last:
        return f"{lines[first][0]},{last - first}"
    return f"{lines[first - 1][0] if first else 0},0"
