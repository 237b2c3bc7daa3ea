"""The functions of the project, told apart by their first argument; run as a program, they are called without a cache."""

import inspect
import json
import sys
from collections.abc import Callable
from pathlib import Path

ROLES = {"source": "orders", "orders": "prices", "prices": "report"}


def nodes() -> tuple[Callable, Callable, Callable]:
    """The functions that make the orders, the prices and the report."""
    from steps import NODES

    found = {ROLES[next(iter(inspect.signature(function).parameters))]: function for function in NODES}
    return found["orders"], found["prices"], found["report"]


def given() -> dict[str, object]:
    """The parameters of the first node that are given."""
    params = json.loads(sys.argv[1])
    return {name: Path(value) if name == "source" else value for name, value in params.items()}


def tell(report: object) -> None:
    Path("result.json").write_text(json.dumps(report))


if __name__ == "__main__":
    orders, prices, report = nodes()
    tell(report(prices(orders(**given()))))
