"""Values whose digests are written down in `golden.json`; run as a script, it prints the digests that this Python gives them.

A digest in that file may change only together with the schema of the key: otherwise every cache in the world goes stale.
"""

import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import json
import pathlib
import re
import sys
import typing
import uuid
from collections import OrderedDict, deque

from weftline import digest


@dataclasses.dataclass
class Point:
    x: int
    y: typing.Any = None


class Pair(typing.NamedTuple):
    left: int
    right: str


class Colour(enum.Enum):
    RED = "red"


class Right(enum.Flag):
    READ = 1
    WRITE = 2


class Own:
    def __weftline_digest__(self):
        return "own"


WORDS = ["rye", "oat", "bran", "malt", "salt", "yeast", "water", "flour"]

VALUES = {
    "none": None,
    "bools": [True, False],
    "ints": [0, 1, -1, 255, 2**64, -(10**30)],
    "floats": [0.0, -0.0, 1.5, 1e-320, float("inf"), float("-inf")],
    "complex": 1 - 2j,
    "texts": ["", "a", "é", "\U0001f600", "\ud800"],
    "bytes": [b"", b"\0\xff", bytearray(b"ab"), memoryview(b"abc")],
    "list": [1, [2, [3]]],
    "tuple": (1, (2, (3,))),
    "dict": {word: position for position, word in enumerate(WORDS)},
    "mixed keys": {1: "a", "1": "b", (1, 2): "c", None: "d", b"1": "e"},
    "set": set(WORDS),
    "frozensets": {frozenset(WORDS[:4]), frozenset(WORDS[4:])},
    "ordered": OrderedDict((word, len(word)) for word in WORDS),
    "deque": deque([1, 2, 3], maxlen=3),
    "ranges": [range(3), slice(1, None, 2), ...],
    "dates": [
        dt.date(2026, 11, 20),
        dt.datetime(2026, 11, 20, 10, 15, 30, 250),
        dt.datetime(2026, 11, 20, 10, 15, tzinfo=dt.UTC),
        dt.datetime(2026, 11, 20, tzinfo=dt.timezone(dt.timedelta(hours=-3, minutes=-30))),
        dt.time(10, 15),
        dt.timedelta(days=-1, microseconds=5),
    ],
    "numbers": [decimal.Decimal("1.10"), fractions.Fraction(2, 4)],
    "patterns": [re.compile("a+", re.IGNORECASE), re.compile(b"b")],
    "uuid": uuid.UUID("12345678-1234-5678-1234-567812345678"),
    "path": pathlib.PurePosixPath("data/train.csv"),
    "dataclass": Point(1, [Point(2)]),
    "named tuple": Pair(1, "a"),
    "enums": [Colour.RED, Right.READ, Right.READ | Right.WRITE],
    "own digest": Own(),
}


def digests() -> dict[str, str]:
    found = {name: digest.of(value).hex() for name, value in VALUES.items()}
    found["parts"] = digest.of_parts(b"", b"a", b"bc").hex()
    found["items"] = digest.of_items([digest.of(1), digest.of(2)]).hex()
    return found


if __name__ == "__main__":
    json.dump(digests(), sys.stdout, indent=2)
