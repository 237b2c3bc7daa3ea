"""Classes of what a node is given: it calls their methods without naming them."""

import importlib
import sys
import textwrap

import pytest

FLOW = """
    import dataclasses
    import json
    from collections.abc import Mapping
    from typing import Annotated, NamedTuple

    from weftline import node

    def rate():
        return 2

    @dataclasses.dataclass
    class Price:
        net: int

        def gross(self):
            return self.net * rate()

    class Reduced(Price):
        def gross(self):
            return self.net + 7

    class Point(NamedTuple):
        x: int

    @node
    def prices() -> list[Price]:
        return [Price(1)]

    @node
    def total(prices: Mapping[str, list[Price] | None] | list[Price]) -> int:
        return sum(price.gross() for price in prices)

    @node
    def count(prices: list) -> int:
        return len(prices)
"""


@pytest.fixture
def decisions(stage, tmp_path, monkeypatch):
    """What a plan says of the nodes after an edit, in a process that has imported the edited program."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def imported(text):
        (tmp_path / "bakery_flow.py").write_text(textwrap.dedent(text), "utf-8")
        sys.modules.pop("bakery_flow", None)
        importlib.invalidate_caches()
        module = importlib.import_module("bakery_flow")
        return [module.prices, module.total, module.count]

    def after(old, new):
        assert FLOW.count(old) == 1
        stage.run(imported(FLOW))
        return {step.node: str(step.decision) for step in stage.plan(imported(FLOW.replace(old, new))).steps}

    yield after
    sys.modules.pop("bakery_flow", None)


@pytest.mark.parametrize(
    ("old", "new"),
    [("self.net * rate()", "self.net * rate() + 1"), ("return 2", "return 3"), ("self.net + 7", "self.net + 8")],
    ids=["method", "helper of a method", "method of a subclass"],
)
def test_methods_of_what_comes_in_count(decisions, old, new):
    found = decisions(old, new)
    assert found["total"] in {"RUN", "MAY RUN"}
    assert found["count"] in {"RUN", "MAY RUN"}, "declared as a plain list, and known to be one of prices"


def test_what_is_not_received_does_not_count(decisions):
    assert decisions("x: int", "x: float") == {"prices": "CACHED", "total": "CACHED", "count": "CACHED"}


def test_libraries_of_what_comes_in_count_by_version(stage):
    import numpy as np

    from weftline import node

    @node
    def array() -> np.ndarray:
        return np.zeros(3)

    @node
    def size(array: np.ndarray) -> int:
        return int(array.sum())

    plan = stage.plan([array, size])
    assert plan["size"].recipe.env["numpy"] == np.__version__
