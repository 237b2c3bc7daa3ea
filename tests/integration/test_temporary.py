"""Outputs that are freed when everything that reads them is done."""

import os
from pathlib import Path

import pytest

from weftline import File, Pipeline, node
from weftline.errors import NoValueError

LARGE = 3 << 20


class Marks:
    """What was computed since the last look; in a file, since keys follow what nodes refer to."""

    @property
    def path(self):
        return Path(os.environ["MARKS"])

    def add(self, name):
        with self.path.open("a") as file:
            file.write(f"{name}\n")

    def look(self):
        found = self.path.read_text().splitlines() if self.path.exists() else []
        self.path.unlink(missing_ok=True)
        return sorted(found)


made = Marks()


@pytest.fixture(autouse=True)
def marks(tmp_path, monkeypatch):
    monkeypatch.setenv("MARKS", str(tmp_path / "marks"))


@pytest.fixture(params=["", "sqlite:{}/one.db", "shared:{}/team"], ids=["home", "sqlite", "shared"])
def home(request, tmp_path, monkeypatch):
    if request.param:
        monkeypatch.setenv("WEFTLINE_CACHE", request.param.format(tmp_path))
    return tmp_path / "home"


@node(depends=[])
def seed(start: int = 1) -> int:
    made.add("seed")
    return start


@node(temp=True, depends=[])
def big(seed: int) -> bytes:
    made.add("big")
    return bytes([seed]) * LARGE


@node(depends=[])
def other(level: int = 5) -> int:
    made.add("other")
    return level // 2


@node(depends=[])
def size(big: bytes, other: int, extra: int = 0) -> int:
    made.add("size")
    return len(big) + other + extra


@node(depends=[])
def first(big: bytes) -> int:
    made.add("first")
    return big[0]


pipeline = Pipeline([seed, big, other, size, first], name="temporary")


def decisions(plan):
    return {step.node: str(step.decision) for step in plan.steps}


def test_it_is_freed_and_nothing_runs_again(home):
    result = pipeline.run(home=home)
    assert (result["size"], result["first"]) == (LARGE + 2, 1)
    assert set(decisions(pipeline.plan(home=home)).values()) == {"CACHED"}
    made.look()
    again = pipeline.run(home=home)
    assert made.look() == []
    assert again["size"] == LARGE + 2
    with pytest.raises(NoValueError, match="temporary"):
        again["big"]


def test_the_file_is_gone_at_once(tmp_path):
    home = tmp_path / "home"
    pipeline.run(home=home)
    assert sum(file.stat().st_size for file in (home / "cache" / "objects").rglob("*") if file.is_file()) == 0


def test_it_is_made_again_for_who_needs_it(home):
    pipeline.run(home=home)
    plan = pipeline.plan(home=home, params={"extra": 7})
    assert decisions(plan) == {"seed": "CACHED", "big": "RUN", "other": "CACHED", "size": "RUN", "first": "CACHED"}
    step = plan["big"]
    assert (str(step.reason.code), step.reason.detail) == (
        "missing-output", "it was temporary and is freed; size needs it"
    )  # fmt: skip
    made.look()
    assert pipeline.run(home=home, params={"extra": 7})["size"] == LARGE + 9
    assert made.look() == ["big", "size"]
    assert set(decisions(pipeline.plan(home=home, params={"extra": 7})).values()) == {"CACHED"}


def test_it_may_be_needed_and_is_made_only_then(home):
    pipeline.run(home=home)
    plan = pipeline.plan(home=home, force=["other"])
    assert decisions(plan) == {"seed": "CACHED", "big": "MAY RUN", "other": "RUN", "size": "MAY RUN", "first": "CACHED"}
    assert plan["big"].reason.detail == "it was temporary and is freed; if size runs"
    made.look()
    pipeline.run(home=home, force=["other"])
    assert made.look() == ["other"], "it came out equal"
    made.look()
    assert pipeline.run(home=home, params={"level": 4}, force=["other"])["size"] == LARGE + 2
    assert made.look() == ["other"], "another parameter, and still equal"
    made.look()
    assert pipeline.run(home=home, params={"level": 8})["size"] == LARGE + 4
    assert made.look() == ["big", "other", "size"]


def test_who_names_it_gets_it(home):
    pipeline.run(home=home)
    assert decisions(pipeline.plan(home=home, targets=["big"]))["big"] == "RUN"
    made.look()
    assert len(pipeline.run(home=home, targets=["big"])["big"]) == LARGE
    assert made.look() == ["big"]
    made.look()
    assert len(pipeline.run(home=home, targets=["big"])["big"]) == LARGE
    assert made.look() == [], "it was kept"


def test_it_stays_while_somebody_has_failed(home):
    @node(depends=[])
    def picky(big: bytes, limit: int = 0) -> int:
        if not limit:
            raise ValueError("no limit")
        return min(limit, len(big))

    flow = Pipeline([seed, big, picky, first], name="picky")
    assert flow.run(home=home, on_failure="continue").status == "partial"
    made.look()
    result = flow.run(home=home, params={"limit": 3})
    assert result["picky"] == 3
    assert made.look() == []


def test_lists_whose_items_are_worked_on(home):
    @node(temp=True, depends=[])
    def pages(count: int = 5) -> list[str]:
        made.add("pages")
        return [str(at) * 40_000 for at in range(count)]

    @node(requires={"page": "pages"}, over="pages", temp=True, depends=[])
    def words(page: str) -> str:
        made.add(f"words {page[0]}")
        return page[:30_000] * 2

    @node(requires={"word": "words"}, over="words", depends=[])
    def lengths(word: str, factor: int = 1) -> int:
        return len(word) * factor

    flow = Pipeline([pages, words, lengths], name="lists")
    assert flow.run(home=home)["lengths"] == [60_000] * 5
    made.look()
    assert flow.run(home=home)["lengths"] == [60_000] * 5
    assert made.look() == []
    assert set(decisions(flow.plan(home=home, params={"factor": 2})).values()) == {"RUN"}
    assert flow.run(home=home, params={"factor": 2})["lengths"] == [120_000] * 5
    assert made.look() == ["pages", *(f"words {at}" for at in range(5))]
    made.look()
    assert flow.run(home=home, params={"count": 6})["lengths"] == [60_000] * 6
    assert made.look().count("pages") == 1
    assert set(decisions(flow.plan(home=home, params={"count": 6})).values()) == {"CACHED"}


def test_a_content_that_another_result_has_too_stays(tmp_path):
    @node(depends=[])
    def same(seed: int) -> bytes:
        return bytes([seed]) * LARGE

    flow = Pipeline([seed, big, first, same], name="same")
    home = tmp_path / "home"
    flow.run(home=home)
    assert len(flow.run(home=home)["same"]) == LARGE


def test_temporary_files(home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    @node(temp=True, depends=[])
    def dump(n: int = 3) -> File:
        Path("dump.txt").write_text("x" * LARGE)
        return File("dump.txt")

    @node(depends=[])
    def count(dump: File, plus: int = 0) -> int:
        return dump.path.stat().st_size + plus

    flow = Pipeline([dump, count], name="dump")
    assert flow.run(home=home)["count"] == LARGE
    assert flow.run(home=home, params={"plus": 1})["count"] == LARGE + 1
