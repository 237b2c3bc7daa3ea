from weftline.documents.parse.fields import Fields


def test_absent_fields_are_empty_and_no_fault():
    fields = Fields({})
    assert (fields.text("a"), fields.texts("a"), fields.whole("a"), fields.flag("a")) == ("", (), None, None)
    assert not fields.group("a").group("b").text("c")
    assert list(fields.groups("a")) == []
    assert fields.faults == []


def test_every_wrong_type_is_noted_with_its_path():
    record = {
        "s": 1,
        "l": "x",
        "n": True,
        "f": "no",
        "o": [],
        "list": [1, "ok", None],
        "objects": [{}, "x", {"t": 3}],
        "null": None,
    }
    fields = Fields({"m": record}).group("m")
    fields.text("s")
    fields.texts("l")
    fields.whole("n")
    fields.flag("f")
    fields.group("o")
    assert fields.texts("list") == ("", "ok", "")
    for item in fields.groups("objects"):
        item.text("t")
    fields.text("null")
    assert fields.faults == [
        "m.s is a whole number, not a string",
        "m.l is a string, not a list",
        "m.n is true or false, not a whole number",
        "m.f is a string, not true or false",
        "m.o is a list, not an object",
        "m.list[0] is a whole number, not a string",
        "m.list[2] is null, not a string",
        "m.objects[1] is a string, not an object",
        "m.objects[2].t is a whole number, not a string",
        "m.null is null, not a string",
    ]


def test_half_a_surrogate_pair_is_a_fault_and_a_whole_one_is_text():
    fields = Fields({"bad": "\ud800", "good": "\U0001f600"})
    assert fields.text("bad") == ""
    assert fields.text("good") == "\U0001f600"
    assert fields.faults == ["bad holds half of a surrogate pair, which no file can store"]


def test_a_group_is_true_when_it_holds_something():
    assert Fields({"a": 1})
    assert not Fields({})
    assert "a" in Fields({"a": None})
