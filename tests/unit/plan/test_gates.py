"""Gates and fields in plans: what is blocked and why, and declarations that make no sense."""

import pytest

from weftline import Clause, FieldSpec, Gate, Pipeline, node
from weftline.errors import BadDeclarationError, ConflictingNameError, UnfitFieldError, UnfitFieldSourceError, UnknownFieldError
from weftline.model.gate import FieldValue


@node(provides="text")
def get() -> str:
    return "all is well"


def cut(gate):
    @node(name="cut", requires={"text": "text"}, gate=gate)
    def run(text: str) -> int:
        return 1

    return run


def findings(*gates, **fields):
    return Pipeline([get, *map(cut, gates[:1])], fields=fields).validate()


def clause(*words, **more):
    return Gate("ready", (Clause(*words, **more),))


@pytest.mark.parametrize(
    ("gate", "error"),
    [
        (clause("raed"), UnknownFieldError),
        (clause("read", "equals", "yes"), UnfitFieldError),
        (clause("read", "equals", 1), UnfitFieldError),
        (clause("read", "equals"), UnfitFieldError),
        (clause("read", "at_least", True), UnfitFieldError),
        (clause("pages", "in", 3), UnfitFieldError),
        (clause("pages", "in", []), UnfitFieldError),
        (clause("pages", "in", [1, "two"]), UnfitFieldError),
        (clause("pages", "changed", previous_value="x"), UnfitFieldError),
        (clause("pages", "at_least", 1.5), UnfitFieldError),
    ],
)
def test_clauses_that_make_no_sense(gate, error):
    (found,) = findings(gate, read=bool, pages=int)
    assert type(found) is error
    assert found.place is not None


def test_a_misspelt_field_has_a_suggestion():
    (found,) = findings(clause("raed"), read=bool)
    assert found.hint == "did you mean 'read'?"


@pytest.mark.parametrize(
    "gate",
    [
        clause("read", "equals", True),
        clause("pages", "in", [1, 2]),
        clause("share", "at_most", 1),
        clause("stage", "changed"),
        Gate("editor"),
        "editor",
        None,
    ],
)
def test_clauses_that_do(gate):
    assert findings(gate, read=bool, pages=int, share=float, stage=str) == []


def test_one_name_is_one_gate():
    @node(requires={"text": "text"}, gate=clause("read", "equals", False))
    def other(text: str) -> int:
        return 1

    (found,) = Pipeline([get, cut(clause("read", "equals", True)), other], fields={"read": bool}).validate()
    assert type(found) is ConflictingNameError
    assert str(found).startswith("[G211] gate 'ready' is read = True at node 'cut', but read = False at 'other'")


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        (FieldSpec(str, key="txet"), "no node provides it"),
        (FieldSpec(bool, key="text"), "it is str, and the field holds bool"),
    ],
)
def test_a_field_is_what_a_node_says_that_it_provides(spec, says):
    (found,) = Pipeline([get], fields={"words": spec}).validate()
    assert type(found) is UnfitFieldSourceError
    assert says in str(found)


def test_a_default_must_fit():
    (found,) = Pipeline([get], fields={"pages": FieldSpec(int, default="none")}).validate()
    assert type(found) is UnfitFieldError


def test_a_gate_is_a_gate():
    with pytest.raises(BadDeclarationError, match="gate cannot be True"):
        cut(True)


def test_the_plan_says_what_keeps_a_gate_closed(stage):
    gate = clause("pages", "at_least", 1)
    held = {"pages": FieldValue(0)}
    step = stage.plan([get, cut(gate)], declared={"pages": int}, look=lambda asked: asked.look(held))["cut"]
    assert (step.decision, step.reason.detail) == ("BLOCKED", "pages is 0, not >= 1")
    held["pages"] = FieldValue(1)
    assert stage.plan([get, cut(gate)], declared={"pages": int}, look=lambda asked: asked.look(held))["cut"].decision == "RUN"


def test_fields_of_a_request_are_checked(stage):
    from weftline.errors import InvalidPipelineError

    with pytest.raises(InvalidPipelineError, match="have no field 'raed'"):
        stage.plan([get], declared={"read": bool}, fields={"raed": True})
    with pytest.raises(InvalidPipelineError, match="field 'read' is boolean; it cannot be 'yes'"):
        stage.plan([get], declared={"read": bool}, fields={"read": "yes"})


def test_gates_of_a_group_have_the_names_of_their_steps(stage):
    from weftline import PipelineGroup
    from weftline.author.compose import GroupPipeline

    inner = Pipeline([get, cut(clause("read", "equals", True))], name="inner", fields={"read": FieldSpec(bool, key="")})
    group = PipelineGroup("outer").add("one", inner).add("two", inner)
    graph = GroupPipeline(group, lambda kind, name: inner).graph
    assert sorted(graph.fields) == ["one.read", "two.read"]
    gates = [each.gate for each in graph.nodes if each.gate]
    assert [(gate.name, gate.clauses[0].field) for gate in gates] == [("one.ready", "one.read"), ("two.ready", "two.read")]
