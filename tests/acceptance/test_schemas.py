"""The published schemas: what commands print is what they say, and they say nothing else.

Whatever any acceptance test reads as JSON is checked against its schema by the shell; here every kind is, in all its states.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from tests.acceptance.conftest import validator

from weftline.cli import status
from weftline.cli.schema import manifest_names, names, text_of
from weftline.model.event import Event, Kind
from weftline.model.grouped import StepStatus
from weftline.model.plan import Decision, ReasonCode
from weftline.model.run import RunRecord
from weftline.model.transitions import NodeState, RunStatus

FLOW = """
from pathlib import Path

from weftline import Pipeline, Policy, Resources, env, node

WORDS = ["north", "south", "east", "west", "centre", "coast", "islands", "abroad"]

def scale(value: int) -> int:
    return value * 10

@node(provides="rows", tags=["data"], resources=Resources(memory_gb=2))
def load(count: int = 3) -> list[int]:
    print("loading")
    return list(range(count))

@node(provides="scaled", requires={"row": "rows"}, over="rows", depends=[env("REGION")], on_item_error="skip", min_success=0.5)
def scaled(row: int, least: int = 0, where: Path | None = None) -> int:
    if row == 2 and not Path("mended").exists():
        raise ValueError("not yet")
    return scale(row) + least + len(WORDS)

@node(provides="total", consumes={"more": "extra.*"}, policy=Policy(max_attempts=2, backoff="none", retry_on=(OSError,)))
def total(scaled: list[int], more: dict[str, int], fail: bool = False) -> int:
    if fail:
        raise OSError("busy")
    return sum(scaled)

pipeline = Pipeline([load, scaled, total])
"""


def schemas() -> dict[str, dict[str, Any]]:
    return {name: json.loads(text_of(name)) for name in names()}


def parts(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema inside a schema."""
    if isinstance(schema, dict):
        if "type" in schema and not isinstance(schema["type"], dict):
            yield path, schema
        for name, inner in schema.items():
            yield from parts(inner, f"{path}/{name}")


@pytest.mark.parametrize("name", names())
def test_a_schema_is_one_and_is_closed(name: str) -> None:
    """Every object says all that may be in it, and what must be."""
    schema = schemas()[name]
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["properties"]["schema"]["const"] == f"weftline.{name}/v1"
    for path, part in parts(schema):
        kinds = part["type"] if isinstance(part["type"], list) else [part["type"]]
        if "object" in kinds:
            assert part.get("additionalProperties") is False or isinstance(part.get("additionalProperties"), dict), path
            assert set(part.get("required", ())) <= set(part.get("properties", ())), path
        if "array" in kinds:
            assert "items" in part, path


def test_closed_lists_are_those_of_the_code() -> None:
    known = schemas()
    step = known["plan"]["$defs"]["step"]["properties"]
    assert step["decision"]["enum"] == [str(decision) for decision in Decision]
    assert step["reason"]["properties"]["code"]["enum"] == [str(code) for code in ReasonCode]
    run = known["run"]["properties"]["status"]["enum"]
    assert [*run, "running"] == [*(str(status) for status in RunStatus if status != "running"), "running"]
    runs = known["runs"]["properties"]["runs"]["items"]["properties"]["status"]["enum"]
    assert runs == [*map(str, RunStatus), "abandoned"]
    steps = known["group-run"]["properties"]["steps"]["items"]["properties"]["status"]["enum"]
    assert steps == [str(status) for status in StepStatus]
    state = known["status"]["properties"]["nodes"]["items"]["properties"]["state"]["enum"]
    assert state == [str(state) for state in NodeState]


GATED = """
from weftline import Pipeline, node


@node(gate="editor")
def waits() -> int:
    return 1


pipeline = Pipeline([waits])
"""


SCHEDULED = """
apiVersion: weftline.dev/v1
kind: Schedule
metadata: {name: often}
spec: {target: ../flow.py, every: 60s}
"""
NAMED = """
from weftline import node, register_pipeline

@register_pipeline("works")
@node
def works(x: int = 1) -> int:
    return x

@register_pipeline("fails")
@node
def fails(x: int = 1) -> int:
    raise ValueError("no")
"""
GROUP = """
apiVersion: weftline.dev/v1
kind: PipelineGroup
metadata: {name: g, domain: d, tags: [t]}
spec:
  pipelines:
    - {name: a, pipeline: works}
    - {name: b, pipeline: fails, depends_on: a}
  policy: {execution: parallel}
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What every command prints about a pipeline that has seen much: each is checked by the shell as it comes."""
    from tests.acceptance.conftest import Shell

    shell = Shell(tmp_path_factory.mktemp("schemas"))
    shell.write("flow.py", FLOW)
    found = [
        shell.json("check", "flow.py"),
        shell.json("graph", "flow.py"),
        shell.json("runs"),
        shell.json("plan", "flow.py", code=2),
        shell.json("why", "flow.py", "scaled"),
        shell.json("run", "flow.py", code=1),  # an item fails
        shell.json("status"),
        shell.json("plan", "flow.py", code=2),
        shell.json("run", "flow.py", "-p", "fail=true", code=1),
        shell.json("status"),
        shell.json("logs"),
    ]
    shell.write("gated.py", GATED)
    found += [
        shell.json("plan", "gated.py", code=2),
        shell.json("run", "gated.py", "--home", "gated", code=1),
        shell.json("gate", "ls", "--home", "gated"),
        shell.json("field", "ls", "", "--home", "gated"),
        shell.json("status", "--home", "gated"),
    ]
    shell.write("older.yaml", "name: g\nsteps: [{name: a, pipeline: b}]\n")
    found.append(shell.json("migrate", "older.yaml"))
    shell.write("schedules/often.yaml", SCHEDULED)
    found += [shell.json("schedule", "ls"), shell.json("schedule", "run", "often", "--home", "scheduled", code=1)]
    found += [
        shell.json("schedule", "ls", "--home", "scheduled"),
        shell.json("schedule", "next"),
        shell.json("schedule", "fires", "--home", "scheduled"),
    ]
    shell.write("schedules/wrong.yaml", "nothing: at all")
    found.append(shell.json("schedule", "ls", code=3))
    shell.write("groups/g.yaml", GROUP)
    shell.write("groups/broken.yaml", "kind: Nothing")
    named = {"WEFTLINE_MODULES": "named"}
    shell.write("named.py", NAMED)
    found += [
        shell.json("group", "ls", code=3, **named),
        shell.json("group", "plan", "g", "--home", "groups/home", code=2, **named),
        shell.json("group", "run", "g", "--home", "groups/home", code=1, **named),
        shell.json("group", "status", "--home", "groups/home"),
    ]
    shell.write("mended", "")
    found += [
        shell.json("dlq", "ls"),
        shell.json("resume", code=1),
        shell.json("status"),
        shell.json("dlq", "ls", "--settled"),
        shell.json("dlq", "replay", "--all", code=1),
        shell.json("run", "flow.py", "--only", "total", "--inputs-from", found[5]["run"]),
        shell.json("status"),
        shell.json("run", "flow.py"),
        shell.json("logs", "load"),
        shell.json("runs"),
        shell.json("runs", "gc", "--keep-runs", "1", "--dry-run"),
        shell.json("plan", "flow.py"),
        shell.json("plan", "flow.py", "+scaled", "--refresh", code=2),
        shell.json("plan", "flow.py", "--no-cache", code=2),
    ]
    shell.edit("flow.py", "value * 10", "value * 100")
    shell.edit("flow.py", '"centre", ', "")
    found += [
        shell.json("plan", "flow.py", "-p", "least=1", "-p", "where=flow.py", code=2),
        shell.json("why", "flow.py", "scaled", "-p", "least=1"),
        shell.json("why", "flow.py", "total"),
        shell.json("run", "flow.py"),
        shell.json("run", "flow.py", "load", "-p", "count=5"),
        shell.json("run", "flow.py", "load", "-p", "count=5", "--refresh", "--backend", "processes"),
        shell.json("why", "flow.py", "scaled", "-p", "count=5"),
        shell.json("cache", "ls"),
        shell.json("cache", "show", "load"),
        shell.json("cache", "stat"),
        shell.json("cache", "verify", "flow.py"),
        shell.json("cache", "gc", "--max-size", "1B", "--keep-runs", "0", "--dry-run"),
        shell.json("cache", "forget", "total"),
        shell.json("plan", "flow.py", "nothing", code=3),
    ]
    runs = [line["run"] for line in shell.json("runs")["runs"]]
    found += [shell.json("runs", "diff", runs[-1], runs[at], code=1) for at in (0, 2)]
    shell("plan", "flow.py", "-p", "least=2", "-o", "plan.json")
    found.append(json.loads((shell.folder / "plan.json").read_text()))
    validator("weftline.plan/v1").validate(found[-1])
    shell.edit("flow.py", 'provides="total", ', 'provides="total", requires={"scaled": "gone"}, ')
    found += [shell.json("check", "flow.py", code=3), shell.json("plan", "flow.py", code=3)]
    return found


def test_every_kind_is_printed(answers: list[dict[str, Any]]) -> None:
    """Search needs an index; the acceptance test of the document pipeline reads its answers as JSON."""
    printed = {answer["schema"].removeprefix("weftline.").partition("/")[0] for answer in answers}
    assert printed == set(names()) - {"search"}


#: Between two attempts of a call; the test below has it.
SEEN_ONLY_MEANWHILE = {".nodes[].calls[].error.retry_in_s"}


def test_a_call_that_waits_for_another_attempt_says_when() -> None:
    failure = {"error": "OSError", "code": None, "message": "busy", "place": "flow.py:3", "retry_in_s": 1.5}
    events = [
        Event(Kind.RUN_STARTED, 1.0, body={"pipeline": "flow"}),
        Event(Kind.NODE_STARTED, 1.0, "load", body={"total": 1}),
        Event(Kind.ATTEMPT_STARTED, 1.0, "load", attempt=1),
        Event(Kind.ATTEMPT_FAILED, 2.0, "load", attempt=1, body=failure),
    ]
    answer = status.as_dict(RunRecord.fold("r1", events), "running", "")
    assert answer["nodes"][0]["calls"][0]["error"]["retry_in_s"] == 1.5
    validator(answer["schema"]).validate(answer)


def test_every_field_is_printed_by_something(answers: list[dict[str, Any]]) -> None:
    """A field that nothing prints is one that was taken away, and that the schema still names."""
    used: dict[str, set[str]] = {}
    for answer in answers:
        name = answer["schema"].removeprefix("weftline.").partition("/")[0]
        for path in paths(answer):
            used.setdefault(name, set()).add(path)
    for name, schema in schemas().items():
        if name != "search":
            known = {path for path, _ in fields(schema, schema)} - SEEN_ONLY_MEANWHILE
            assert known <= used[name], f"{name}: {sorted(known - used[name])}"


def paths(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield f"{path}.{name}"
            yield from paths(inner, f"{path}.{name}")
    elif isinstance(value, list):
        for inner in value:
            yield from paths(inner, f"{path}[]")


def fields(part: dict[str, Any], whole: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if "anyOf" in part:
        part = part["anyOf"][0]
    if "$ref" in part:
        part = whole["$defs"][part["$ref"].removeprefix("#/$defs/")]
    for name, inner in part.get("properties", {}).items():
        yield f"{path}.{name}", inner
        yield from fields(inner, whole, f"{path}.{name}")
    if "items" in part:
        yield from fields(part["items"], whole, f"{path}[]")


def test_an_unknown_field_is_refused_wherever_it_stands(answers: list[dict[str, Any]]) -> None:
    tried = 0
    for answer in answers:
        checker = validator(answer["schema"])
        free = {
            "params",
            "inputs",
            "counts",
            "nodes",
            "resources",
            "fields",
            "retry_count_per_stage",
        }  # names of the user's, or of states
        for place in places(answer, free):
            spoilt = copy.deepcopy(answer)
            inner = spoilt
            for step in place:
                inner = inner[step]
            inner["never-heard-of"] = 1
            assert not checker.is_valid(spoilt), f"{answer['schema']}: {place}"
            tried += 1
    assert tried > 100


def places(value: Any, free: set[str], place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where an object stands whose fields the schema names; of a list the first and the last item."""
    if isinstance(value, dict):
        if not (place and place[-1] in free):
            yield place
        for name, inner in value.items():
            yield from places(inner, free, (*place, name))
    elif isinstance(value, list) and value:
        for at in {0, len(value) - 1}:
            yield from places(value[at], free, (*place, at))


# --- the command ---


def test_the_command_prints_a_schema(shell) -> None:
    done = shell("schema", "plan")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == schemas()["plan"]


def test_without_a_name_all_are_listed(shell) -> None:
    lines = shell("schema").stdout.splitlines()
    assert [line.split()[0] for line in lines] == [*names(), *manifest_names()]
    assert "weftline.plan/v1" in next(line for line in lines if line.startswith("plan"))


def test_the_command_prints_the_schema_of_a_kind(shell) -> None:
    done = shell("schema", "PipelineGroup")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["$id"] == "urn:weftline:manifest:PipelineGroup:v1"


def test_a_name_that_nobody_knows_is_told(shell) -> None:
    done = shell("schema", "../main")
    assert done.returncode == 2
    assert "use one of: cache, " in done.stderr
    assert "did you mean 'Pipeline'" in shell("schema", "Pipelin").stderr
