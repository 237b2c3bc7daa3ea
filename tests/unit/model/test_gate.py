"""Gates: what opens them, and that they stay closed otherwise."""

import pytest

from weftline.model.gate import OPERATORS, UNARY, Clause, FieldSpec, FieldValue, Gate


def held(**values):
    return {name: FieldValue(value, number=1) for name, value in values.items()}


@pytest.mark.parametrize(
    ("operator", "wanted", "opens", "stays"),
    [
        ("equals", True, True, False),
        ("not_equals", "draft", "final", "draft"),
        ("in", ["a", "b"], "b", "c"),
        ("not_in", ["a", "b"], "c", "a"),
        ("greater_than", 2, 3, 2),
        ("less_than", 2, 1, 2),
        ("at_least", 2, 2, 1),
        ("at_most", 2, 2, 3),
        ("exists", None, 0, None),
        ("not_exists", None, None, False),
    ],
)
def test_each_operator(operator, wanted, opens, stays):
    gate = Gate("ready", (Clause("field", operator, wanted),))
    assert gate.look(held(field=opens)).is_open
    assert not gate.look(held(field=stays)).is_open


@pytest.mark.parametrize("operator", sorted(set(OPERATORS) - {"not_exists"}))
def test_a_field_without_a_value_keeps_it_closed(operator):
    wanted = None if operator in UNARY else ["a"] if "in" in operator.split("_") else 1
    gate = Gate("ready", (Clause("field", operator, wanted),))
    for fields in ({}, held(field=None)):
        verdict = gate.look(fields)
        assert (verdict.is_open, verdict.is_final) == (False, False)
        assert verdict.why.startswith("field has no")


def test_changed_is_told_from_when_the_run_came_there():
    gate = Gate("ready", (Clause("stage", "changed"),))
    assert not gate.look(held(stage="parse")).is_open, "it comes just now"
    assert not gate.look(held(stage="parse"), {"stage": "parse"}).is_open
    assert gate.look(held(stage="chunk"), {"stage": "parse"}).is_open


def test_changed_from_a_value():
    gate = Gate("ready", (Clause("stage", "changed", previous_value="parse"),))
    assert gate.look({"stage": FieldValue("chunk", "parse", 7)}, {"stage": "chunk"}).is_open
    assert not gate.look({"stage": FieldValue("chunk", "ingest", 7)}, {"stage": "parse"}).is_open
    assert not gate.look({"stage": FieldValue("parse", "parse", 7)}, {"stage": "parse"}).is_open


def test_all_or_any():
    clauses = (Clause("read", "equals", True), Clause("pages", "at_least", 1))
    assert not Gate("ready", clauses).look(held(read=True, pages=0)).is_open
    assert Gate("ready", clauses).look(held(read=True, pages=1)).why == "read = True and pages >= 1"
    assert Gate("ready", clauses, "any").look(held(read=True, pages=0)).why == "read = True"
    assert Gate("ready", clauses, "any").look(held(read=False)).why == "read is False, not = True, pages has no value"


def test_somebody_may_open_it_or_turn_all_away():
    gate = Gate("ready", (Clause("read", "equals", True),))
    said = {gate.approval: FieldValue("approved", by="ann", why="I have looked")}
    assert gate.look({**held(read=False), **said}) == (True, "ann approved it: I have looked", False)
    said = {gate.approval: FieldValue("rejected", by="ann")}
    assert gate.look({**held(read=True), **said}) == (False, "ready was rejected", True)
    assert gate.look({gate.approval: FieldValue("perhaps"), **held(read=False)}).is_open is False


def test_it_survives_the_journal():
    gate = Gate("ready", (Clause("read", "in", ["a", "b"]), Clause("stage", "changed", previous_value="x")), "any", 900.0)
    assert Gate.of_fields(gate.as_fields()) == gate


@pytest.mark.parametrize(
    ("kind", "fits", "misfits"),
    [(bool, True, 1), (int, 1, True), (int, 1, 1.0), (float, 1, "1"), (float, 1.5, True), (str, "", 0)],
)
def test_what_a_field_can_hold(kind, fits, misfits):
    assert FieldSpec(kind).fits(fits)
    assert FieldSpec(kind).fits(None)
    assert not FieldSpec(kind).fits(misfits)
