"""Orders: the class of what goes from one node to the next, and how they are read."""

from dataclasses import dataclass
from pathlib import Path

SEPARATOR = ","


@dataclass(frozen=True)
class Order:
    item: str
    count: int
    zone: str = "none"

    def size(self) -> int:
        return self.count + 1


def read(source: Path) -> list[Order]:
    """A helper of a node."""
    return [parsed(line) for line in source.read_text().splitlines()]


def parsed(line: str) -> Order:
    """A helper of a helper."""
    item, count = line.split(SEPARATOR)
    return Order(item, int(count) * 1)
