"""Constants in their many forms."""

import collections
import datetime as dt
import decimal
import operator
import re
from pathlib import PurePosixPath
from types import SimpleNamespace

from shop.limits import *  # noqa: F403 - a star import is one of the forms

FACTOR = 41
WORDS = frozenset({"tea", "salt"})
NESTED = {"a": [1, {"b": (2, 42)}]}
NAMED = re.compile(r"\d")
EXACT = decimal.Decimal("4.3")
OPENED = dt.date(2020, 1, 2)
FORM = "{:>4}"
PLACE = PurePosixPath("shelf/one")
SETTINGS = SimpleNamespace(depth=44)
RAW = b"raw"
FEW = 45 if WORDS else 0
LATEST = collections.deque([1, 2], maxlen=47)
SECOND = operator.itemgetter(1)
COLUMNS = {"width": 1, "height": 2}
LISTED = [1, 2]
LISTED.append(46)


def figures(count: int) -> dict[str, float]:
    return {
        "constant": FACTOR,
        "set": sum(map(len, WORDS)),
        "nested container": NESTED["a"][1]["b"][1],
        "pattern": len(NAMED.findall(f"{count} a1")),
        "decimal": float(EXACT),
        "date": OPENED.toordinal(),
        "form": len(FORM.format(count)),
        "path": len(PLACE.name),
        "object": SETTINGS.depth,
        "bytes": len(RAW),
        "condition": FEW,
        "limit of a queue": LATEST.maxlen,
        "getter": SECOND([count, 48, 49]),
        "order of columns": len(next(iter(COLUMNS))),
        "list filled on import": sum(LISTED),
        "star": SMALL,  # noqa: F405
    }
