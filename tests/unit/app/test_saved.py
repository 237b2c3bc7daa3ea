"""Plans in files: what they keep, when they still hold, and what is refused."""

import json

import pytest

from weftline import Pipeline, node
from weftline.app import saved
from weftline.app.home import Home, Request
from weftline.errors import BadArgumentError, PlanFileError, StalePlanError, WouldOverwriteError


def made(power=2):
    """A pipeline, as it is after somebody edited it."""

    @node
    def load(count: int = 3) -> list[int]:
        return list(range(count))

    @node(requires={"x": "load"}, over="load")
    def each(x: int, factor: int = 1) -> int:
        return x**power * factor

    @node
    def total(each: list[int]) -> int:
        return sum(each)

    return Pipeline([load, each, total], name="squares")


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def file(tmp_path):
    return tmp_path / "plan.json"


def stale(pipeline, file, home, **asked):
    with pytest.raises(StalePlanError) as caught:
        pipeline.run(plan=file, home=home, **asked)
    return list(caught.value.differences)


def edit(file, change):
    """Changes what the file says, and seals it again as who made it would have."""
    content = json.loads(file.read_text())
    change(content)
    content["saved"]["digest"] = saved._digest(content)
    file.write_text(json.dumps(content))


# --- plans that hold ---


def test_a_plan_runs_what_was_asked_for(home, file):
    made().plan(home=home, params={"each.factor": 10, "count": 4}, targets=["+each"]).save(file)
    result = made().run(plan=file, home=home)
    assert result["each"] == [0, 10, 40, 90]
    assert {name: step.status for name, step in result.steps.items()} == {
        "load": "succeeded", "each": "succeeded", "total": "skipped",
    }  # fmt: skip
    assert result.plan["load"].params["count"].origin == "run"


def test_a_plan_without_work_runs_from_the_cache(home, file):
    made().run(home=home)
    made().plan(home=home).save(str(file))
    result = made().run(plan=str(file), home=home)
    assert {step.status for step in result.steps.values()} == {"cached"}
    assert result.ok


@pytest.mark.parametrize(
    ("asked", "statuses"),
    [
        ({"force": ["total"]}, ["cached", "cached", "succeeded"]),
        ({"refresh": True}, ["succeeded", "succeeded", "succeeded"]),
        ({"cache": False}, ["succeeded", "succeeded", "succeeded"]),
        ({"backend": "inline", "workers": 1}, ["cached", "cached", "cached"]),
    ],
)
def test_everything_that_was_asked_for_is_asked_again(home, file, asked, statuses):
    made().run(home=home)
    made().plan(home=home, **asked).save(file)
    result = made().run(plan=file, home=home)
    assert [result.steps[name].status for name in ("load", "each", "total")] == statuses
    assert result.plan.backend == asked.get("backend", "threads")
    assert json.loads(file.read_text())["saved"]["workers"] == asked.get("workers")


def test_how_it_runs_is_asked_anew(home, file):
    made().plan(home=home).save(file)
    assert made().run(plan=file, home=home, on_failure="continue", checked=True)["total"] == 5


# --- plans that do not ---


def test_what_changed_is_told_by_step_with_its_reason(home, file):
    made().run(home=home)
    made().plan(home=home).save(file)
    assert stale(made(3), file, home) == [
        "each: CACHED then, RUN now, code: power in made.<locals>.each changed: 2 -> 3",
        "total: CACHED then, MAY RUN now, upstream: if the output of each changes",
    ]


def test_nothing_runs_if_a_plan_is_stale(home, file):
    made().plan(home=home).save(file)
    made().run(home=home)
    runs = len(Home(home).ledger.runs())
    assert stale(made(), file, home)[0] == "load: RUN then, CACHED now"
    assert len(Home(home).ledger.runs()) == runs


def test_a_step_that_would_run_anyway_is_told_by_what_decides_it(home, file):
    made(2).plan(home=home).save(file)
    assert stale(made(3), file, home) == ["each: RUN then and now, but its code, parameters or environment changed since"]


def test_new_and_missing_steps_are_told(home, file):
    pipeline = made()
    pipeline.plan(home=home).save(file)
    fewer = Pipeline(pipeline.nodes[:2], name="squares")
    assert stale(fewer, file, home) == ["total: RUN then, not there now"]
    fewer.plan(home=home).save(file)
    assert stale(pipeline, file, home) == ["total: not there then, RUN now, new: first time here"]


def test_a_plan_of_another_pipeline_is_refused(home, file):
    made().plan(home=home).save(file)
    assert stale(Pipeline(made().nodes, name="other"), file, home) == ["pipeline squares then, other now"]


def test_what_is_not_selected_may_change(home, file):
    made().run(home=home)
    made().plan(home=home, targets=["load"], force=["load"]).save(file)
    assert made(3).run(plan=file, home=home).steps["load"].status == "succeeded"


def test_other_items_of_a_list_are_told(home, file):
    @node
    def use(rows: list[int]) -> list[int]:
        return rows

    @node(over="rows")
    def item(rows: int) -> int:
        return rows

    pipeline = Pipeline([use, item], name="given")
    pipeline.plan(home=home, given={"rows": [1, 2]}).save(file)
    assert stale(pipeline, file, home, given={"rows": [1, 3]}) == [
        "use: RUN then and now, but its inputs changed since",
        "item: RUN then and now, but its inputs changed since",
    ]
    edit(file, lambda content: content["steps"][1]["items"].update(keys="00"))
    assert stale(pipeline, file, home, given={"rows": [1, 2]}) == ["item: RUN then and now, but its items changed since"]


def test_the_error_says_how_the_plan_is_made_again(home, file):
    made().plan(home=home, params={"count": 4}, targets=["+each"], force=["load"], refresh=True, cache=False).save(file)
    edit(file, lambda content: content["steps"].pop())
    with pytest.raises(StalePlanError) as caught:
        made().run(plan=file, home=home)
    assert caught.value.fix.endswith(
        f"weftline plan TARGET +each -p count=4 --force load --refresh --no-cache --home {home} -o {file}"
    )
    assert "total: not there then" in str(caught.value)
    assert "total: not there then" in caught.value.as_dict()["message"]


# --- what a file cannot hold ---


def test_given_values_are_given_again(home, file):
    @node
    def use(rows: list[int]) -> int:
        return sum(rows)

    pipeline = Pipeline([use], name="given")
    pipeline.plan(home=home, given={"rows": [1, 2]}).save(file)
    with pytest.raises(BadArgumentError, match=r"rows.*cannot hold"):
        pipeline.run(plan=file, home=home)
    assert pipeline.run(plan=file, home=home, given={"rows": [1, 2]})["use"] == 3


@pytest.mark.parametrize("value", [[1, 2], float("nan"), float("inf"), ("a",)])
def test_parameters_that_are_not_plain_are_given_again(home, file, value):
    @node
    def use(values: object = None, more: str = "x") -> str:
        return f"{values}{more}"

    pipeline = Pipeline([use], name="given")
    pipeline.plan(home=home, params={"values": value, "more": "y"}).save(file)
    with pytest.raises(BadArgumentError, match="values"):
        pipeline.run(plan=file, home=home)
    assert stale(pipeline, file, home, params={"values": "other"}) == [
        "use: RUN then and now, but its code, parameters or environment changed since"
    ]
    assert pipeline.run(plan=file, home=home, params={"values": value})["use"] == f"{value}y"


@pytest.mark.parametrize(
    "asked",
    [
        {"targets": ["load"]}, {"force": ["load"]}, {"refresh": True}, {"backend": "inline"}, {"workers": 2},
        {"cache": False}, {"params": {"count": 3}}, {"given": {"rows": 1}},
    ],
    ids=lambda asked: next(iter(asked)),
)  # fmt: skip
def test_what_the_plan_says_is_not_given_beside_it(home, file, asked):
    made().plan(home=home, params={"count": 4}).save(file)
    with pytest.raises(BadArgumentError, match="says that"):
        made().run(plan=file, home=home, **asked)


# --- files ---


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "not JSON"), ("{", "not JSON"), ("[" * 100_000, "not JSON"),
        ("[]", "no plan"), ("3", "no plan"), ("{}", "no plan"),
        ('{"schema": "weftline.run/v1"}', "no plan"), ('{"schema": "weftline.plan/vx"}', "no plan"),
        ('{"schema": 3}', "no plan"),
        ('{"schema": "weftline.plan/v2"}', "weftline.plan/v2, and this is weftline"),
        ('{"schema": "weftline.plan/v1"}', "does not say what was asked for"),
    ],
)  # fmt: skip
def test_what_is_no_plan_is_refused(home, file, text, told):
    file.write_text(text)
    with pytest.raises(PlanFileError, match=told):
        made().run(plan=file, home=home)


def test_a_file_that_is_not_there_is_told(home, file):
    with pytest.raises(PlanFileError, match="No such file"):
        made().run(plan=file, home=home)


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content["steps"][0].update(decision="SKIP"),
        lambda content: content["saved"].update(refresh=True),
        lambda content: content["saved"]["params"].update(count=5),
        lambda content: content.update(pipeline="other"),
        lambda content: content.update(more=1),
        lambda content: content["saved"].pop("digest"),
    ],
)
def test_a_file_that_was_changed_is_refused(home, file, change):
    made().plan(home=home, params={"count": 4}).save(file)
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))
    with pytest.raises(PlanFileError, match="changed after it was written"):
        made().run(plan=file, home=home)


@pytest.mark.parametrize(
    "change", [lambda content: content["saved"].update(also=["x"]), lambda content: content["saved"].pop("force")]
)
def test_a_file_that_asks_for_more_or_less_than_is_known_is_refused(home, file, change):
    made().plan(home=home).save(file)
    edit(file, change)
    with pytest.raises(PlanFileError, match="more or less"):
        made().run(plan=file, home=home)


def test_how_the_file_is_laid_out_does_not_matter(home, file):
    made().plan(home=home).save(file)
    file.write_text(json.dumps(dict(reversed(json.loads(file.read_text()).items()))))
    assert made().run(plan=file, home=home).ok


def test_only_a_plan_is_overwritten(home, file):
    plan = made().plan(home=home)
    file.write_text("def important(): ...\n")
    with pytest.raises(WouldOverwriteError):
        plan.save(file)
    assert file.read_text() == "def important(): ...\n"
    file.unlink()
    plan.save(file)
    made().plan(home=home, params={"count": 9}).save(file)
    assert saved.read(file).request == Request(params={"count": 9}, targets=[], force=[], backend="threads")
    assert [path.name for path in file.parent.iterdir()] == ["plan.json"], "nothing else is left"


def test_a_place_that_cannot_be_written_is_told(home, tmp_path):
    with pytest.raises(BadArgumentError, match="No such file"):
        made().plan(home=home).save(tmp_path / "nothing" / "plan.json")
