"""The two forms of a node, and what each refuses."""

import pickle
from typing import Any, ClassVar

import pytest

from weftline import Context, Node, Pipeline, Policy, Resources, node
from weftline.author.node import spec_of
from weftline.digest import CodeReader
from weftline.errors import (
    AuthorError,
    BadDeclarationError,
    ContractError,
    KeyAlreadySetError,
    KeyNotSetError,
    NotANodeError,
    ProvidesMismatchError,
    UndeclaredKeyError,
    UnresolvedAnnotationError,
)
from weftline.model.node import REQUIRED


@node(provides="dataset.train")
def load(path: str = "data.csv") -> list[dict]:
    return [{"path": path}]


@node(provides=("model.trained", "model.metrics"), requires={"x": "features.train"})
def train(x: list[float], rows: int, depth: int = 3) -> tuple[dict, float]:
    return {"depth": depth, "x": x}, 0.5


def run(found, inputs, **params):
    return spec_of(found).body.run(inputs, params)


# --- the function form ---


def test_arguments_map_to_keys_and_defaults_to_parameters():
    spec = train.spec
    assert [(read.name, read.key, read.kind) for read in spec.inputs] == [
        ("x", "features.train", list[float]),
        ("rows", "rows", int),
    ]
    assert [(output.key, output.kind) for output in spec.outputs] == [("model.trained", dict), ("model.metrics", float)]
    assert {name: (found.kind, found.default) for name, found in spec.parameters.items()} == {"depth": (int, 3)}
    assert spec.place.file == __file__


def test_a_node_can_still_be_called_as_the_function_that_it_is():
    assert load("x.csv") == [{"path": "x.csv"}]
    assert load.__name__ == "load"
    assert repr(load) == "<node load>"


def test_without_provides_the_key_is_called_like_the_node():
    @node
    def plain() -> int:
        return 1

    @node(name="other")
    def named() -> int:
        return 1

    assert plain.spec.provided == ("plain",)
    assert (named.spec.name, named.spec.provided) == ("other", ("other",))


def test_provides_may_name_the_types():
    @node(provides={"a": int, "b": str})
    def both():
        return 1, "x"

    assert [output.kind for output in both.spec.outputs] == [int, str]
    assert run(both, {}) == (1, "x")


def test_several_keys_of_one_type():
    @node(provides=("a", "b"))
    def both() -> tuple[int, ...]:
        return 1, 2

    assert [output.kind for output in both.spec.outputs] == [int, int]


def test_a_node_may_provide_nothing():
    @node(provides=())
    def quiet() -> None:
        return None

    assert run(quiet, {}) == ()


def test_an_argument_with_a_default_is_a_key_where_some_node_provides_it():
    @node
    def depth() -> int:
        return 7

    graph = Pipeline([train, depth], name="test").graph
    spec = graph.nodes[0]
    assert "depth" in spec.required
    assert spec.parameters == {}
    assert train.spec.parameters  # the node itself is as it was


def test_everything_that_is_declared_arrives():
    policy, resources = Policy(max_attempts=3), Resources(cpu=2)

    @node(
        provides="out", over="docs", requires={"doc": "docs"}, on_item_error="skip", min_success=0.5, priority=7,
        resources=resources, policy=policy, version="2", tags=["a", "b"], cache=False, codec="pickle", depends=["x"],
    )  # fmt: skip
    def full(doc: str) -> int:
        return 1

    spec = full.spec
    assert (spec.over, spec.over_name, spec.on_item_error, spec.min_success, spec.priority) == ("docs", "doc", "skip", 0.5, 7)
    assert (spec.resources, spec.policy, spec.version, spec.tags) == (resources, policy, "2", {"a", "b"})
    assert (spec.cache, spec.codec, spec.depends) == (False, "pickle", ("x",))
    assert spec.kind_of_output(spec.outputs[0]) == list[int]


def test_consumed_keys_are_a_mapping():
    @node(consumes={"given": "conditioning.*", "one": "extra.one"})
    def use(given: dict[str, int], one: dict[str, str]) -> int:
        return len(given)

    assert use.spec.consumed == ("conditioning.*", "extra.one")
    assert [(read.name, read.kind, read.optional) for read in use.spec.inputs] == [("given", int, True), ("one", str, True)]


def test_consumed_keys_are_named_by_their_last_word():
    @node(consumes=["conditioning.*", "extra.one"])
    def use(conditioning: dict, one: dict) -> int:
        return 0

    assert [(read.name, read.key) for read in use.spec.inputs] == [("conditioning", "conditioning.*"), ("one", "extra.one")]


def test_two_consumed_keys_of_one_last_word_are_refused():
    """One of them would be dropped without a word."""
    with pytest.raises(BadDeclarationError):

        @node(consumes=["train.rows", "test.rows"])
        def use(rows: dict) -> int:
            return 0


def test_one_key_cannot_be_provided_twice():
    with pytest.raises(AuthorError):

        @node(provides=("a", "a"))
        def twice() -> tuple[int, int]:
            return 1, 2


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        ({"requires": {"nope": "a"}}, "there is no argument 'nope'"),
        ({"consumes": {"nope": "a.*"}}, "there is no argument 'nope'"),
        ({"over": "docs"}, "it runs over 'docs', but reads no such key"),
        ({"provides": "not a key"}, "'not a key' is not a key"),
        ({"provides": "1a"}, "'1a' is not a key"),
        ({"provides": "a."}, "'a.' is not a key"),
        ({"requires": {"x": "a.*"}}, "'a.*' is not a key"),
        ({"consumes": {"x": "a.b*"}}, "'a.b*' is not a key"),
    ],
)
def test_a_declaration_that_does_not_fit_is_refused(declared, told):
    with pytest.raises(BadDeclarationError) as caught:

        @node(**declared)
        def bad(x: int) -> int:
            return x

    assert told in caught.value.message
    assert caught.value.place is not None


@pytest.mark.parametrize("function", [lambda *rows: 1, lambda **rows: 1, eval("lambda x, /: 1")])
def test_arguments_without_a_name_are_refused(function):
    function.__name__ = "bad"
    with pytest.raises(BadDeclarationError, match="cannot be matched to a key"):
        node(provides="out")(function)


@pytest.mark.parametrize(("option", "value"), [("on_item_error", "ignore"), ("codec", "json"), ("min_success", 1.5)])
def test_a_value_that_an_option_does_not_have_is_refused(option, value):
    with pytest.raises((AuthorError, ValueError)):

        @node(requires={"x": "xs"}, over="xs", **{option: value})
        def bad(x: int) -> int:
            return x


def test_an_option_that_does_not_exist_is_told_with_what_may_be_meant():
    with pytest.raises(AuthorError, match="priority"):

        @node(prioritty=3)
        def bad() -> int:
            return 0


@pytest.mark.parametrize("returns", [tuple[int, int, int], tuple[int], int, list[int], dict])
def test_an_annotation_of_another_length_is_refused(returns):
    def both():
        return 1, 2

    both.__annotations__ = {"return": returns}
    with pytest.raises(ProvidesMismatchError, match="2 keys"):
        node(provides=("a", "b"))(both)


def test_an_annotation_that_does_not_exist_is_told():
    def bad(x: "Nowhere") -> int:  # noqa: F821
        return 1

    with pytest.raises(UnresolvedAnnotationError, match="Nowhere") as caught:
        node(bad)
    assert caught.value.place.file == __file__


@pytest.mark.parametrize("thing", [3, "load", None, int])
def test_what_is_no_node_is_refused(thing):
    with pytest.raises(NotANodeError):
        spec_of(thing)
    with pytest.raises(NotANodeError):
        node(provides="x")(thing)


def test_outputs_are_checked_when_the_function_returns():
    @node(provides=("a", "b"))
    def both(kind: str) -> tuple[int, str]:
        return {"good": (1, "x"), "short": (1,), "swapped": ("x", 1), "list": [1, "x"]}[kind]

    assert run(both, {"kind": "good"}) == (1, "x")
    for kind, told in (("short", "a tuple of 1"), ("swapped", "'a'"), ("list", "of type list")):
        with pytest.raises(ContractError, match=told):
            run(both, {"kind": kind})


def test_a_node_travels_by_its_name():
    assert pickle.loads(pickle.dumps(load)) is load
    assert pickle.loads(pickle.dumps(load.spec.body)) is load.spec.body


def test_a_node_inside_a_function_does_not_travel():
    @node
    def local() -> int:
        return 1

    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(local.spec.body)


# --- the class form ---


class Encoder:
    def __init__(self, size):
        self.size = size


class Features(Node):
    requires: ClassVar = {"dataset.train": list, "seed": int}
    consumes: ClassVar = ("conditioning.*",)
    provides: ClassVar = {"features.train": list, "features.size": int}
    params: ClassVar = {"scale": 1.0}
    priority = 4
    tags = ("prep",)

    def __init__(self, encoder=None):
        self.encoder = encoder or Encoder(2)

    def run(self, ctx):
        rows = ctx.get("dataset.train")
        ctx.set("features.train", [row * ctx.params["scale"] for row in rows])
        ctx.set("features.size", len(rows) * self.encoder.size)


VALUES = {"dataset.train": [1, 2], "seed": 3, "conditioning.*": {"conditioning.a": "A", "conditioning.b.c": "C"}}


def test_the_class_form_declares_the_same():
    spec = spec_of(Features(Encoder(5)))
    assert (spec.name, spec.priority, spec.tags) == ("features", 4, {"prep"})
    assert spec.required == ("dataset.train", "seed")
    assert spec.consumed == ("conditioning.*",)
    assert spec.provided == ("features.train", "features.size")
    assert spec.parameters["scale"].default == 1.0
    assert spec.body.run(VALUES, {"scale": 2.0}) == ([2.0, 4.0], 10)


def test_a_class_without_arguments_may_stand_for_its_instance():
    assert spec_of(Features).body.run(VALUES, {"scale": 1.0})[1] == 4

    class Needs(Node):
        def __init__(self, thing):
            self.thing = thing

        def run(self, ctx):
            pass

    with pytest.raises(NotANodeError, match="give an instance"):
        spec_of(Needs)


@pytest.mark.parametrize(
    ("name", "expected"), [("Train", "train"), ("HTTPServer", "http_server"), ("LoadCSV", "load_csv"), ("A1B", "a1_b")]
)
def test_a_class_is_named_in_small_letters(name, expected):
    assert spec_of(type(name, (Node,), {"run": lambda self, ctx: None})()).name == expected


def test_a_class_without_run_is_refused():
    class Empty(Node):
        provides: ClassVar = {"a": int}

    with pytest.raises(BadDeclarationError, match="no method `run`"):
        spec_of(Empty())


@pytest.mark.parametrize(
    "declared",
    [{"requires": {"not a key": int}}, {"requires": {"a.*": int}}, {"consumes": ["a.b*"]}, {"provides": {"1a": int}}],
)
def test_a_class_with_keys_that_are_none_is_refused(declared):
    made = type("Bad", (Node,), {"run": lambda self, ctx: None, **declared})
    with pytest.raises(BadDeclarationError, match="is not a key"):
        spec_of(made())


def test_a_class_that_runs_over_what_it_does_not_read_is_refused():
    class Over(Node):
        over = "docs"

        def run(self, ctx):
            pass

    with pytest.raises(BadDeclarationError, match="runs over 'docs'"):
        spec_of(Over())


def test_an_effect_of_the_class_form_is_given_the_parameters_that_it_names():
    class Target:
        def __init__(self, path):
            self.path = path

        def confirms(self, receipt):
            return receipt == self.path

    class Writes(Node):
        provides: ClassVar = {"receipt": str}
        params: ClassVar = {"path": "a", "depth": 3}

        def run(self, ctx):
            ctx.set("receipt", ctx.params["path"])

        def effect(self, path):
            return Target(path)

    assert spec_of(Writes()).target({"path": "b", "depth": 1}).confirms("b")
    assert spec_of(Features()).effect is None


def test_an_effect_of_the_function_form_is_given_the_parameters_that_it_names():
    @node(effect=lambda path: path)
    def writes(path: str = "a", depth: int = 3) -> str:
        return path

    @node(effect=lambda **everything: everything)
    def takes_all(path: str = "a", depth: int = 3) -> str:
        return path

    assert writes.spec.target({"path": "b", "depth": 1}) == "b"
    assert takes_all.spec.target({"path": "b", "depth": 1}) == {"path": "b", "depth": 1}


# --- the context ---


def context(**values):
    spec = spec_of(Features())
    return Context("features", spec.inputs, spec.outputs, {**VALUES, **values}, {"scale": 1.0})


def test_declared_keys_are_read():
    ctx = context()
    assert ctx.get("dataset.train") == [1, 2]
    assert ctx.get("conditioning.a") == "A"
    assert "seed" in ctx
    assert "nothing" not in ctx


@pytest.mark.parametrize("key", ["dataset", "dataset.test", "nothing", "conditioning", "conditioning.x", "features.train"])
def test_other_keys_are_refused_with_what_would_have_been_right(key):
    with pytest.raises(UndeclaredKeyError) as caught:
        context().get(key)
    assert "'dataset.train', 'seed', 'conditioning.*'" in caught.value.fix


def test_what_was_set_can_be_read():
    ctx = context()
    ctx.set("features.size", 3)
    assert ctx.get("features.size") == 3


@pytest.mark.parametrize("name", ["conditioning", "conditioning.*"])
def test_both_spellings_of_a_namespace_mean_the_same(name):
    assert context().namespace(name) == {"conditioning.a": "A", "conditioning.b.c": "C"}


def test_a_namespace_matches_whole_segments_only():
    found = context(**{"conditioning.*": {"conditioning.a": 1, "conditioning_extra.x": 2}})
    assert found.namespace("conditioning") == {"conditioning.a": 1}
    assert context().namespace("conditioning.b") == {"conditioning.b.c": "C"}


def test_a_namespace_without_keys_is_empty_and_one_that_is_not_declared_an_error():
    assert context(**{"conditioning.*": {}}).namespace("conditioning") == {}
    with pytest.raises(UndeclaredKeyError):
        context().namespace("conditioning_extra")
    with pytest.raises(UndeclaredKeyError):
        context().namespace("condition")
    assert context().namespace("dataset") == {"dataset.train": [1, 2]}


def test_a_key_is_set_once():
    ctx = context()
    ctx.set("features.size", 1)
    with pytest.raises(KeyAlreadySetError, match=r"features\.size"):
        ctx.set("features.size", 1)


@pytest.mark.parametrize("key", ["features", "features.other", "dataset.train", "conditioning.a"])
def test_a_key_that_is_not_provided_cannot_be_set(key):
    with pytest.raises(UndeclaredKeyError) as caught:
        context().set(key, 1)
    assert "`provides`" in caught.value.fix
    assert "features.size" in caught.value.fix


def test_a_key_is_set_to_its_declared_type():
    ctx = context()
    with pytest.raises(ContractError, match="int"):
        ctx.set("features.size", "three")
    ctx.set("features.size", 3)  # the attempt before does not count


def test_every_provided_key_must_be_set():
    ctx = context()
    ctx.set("features.size", 1)
    with pytest.raises(KeyNotSetError, match=r"features\.train"):
        ctx.outputs()
    ctx.set("features.train", [])
    assert ctx.outputs() == ([], 1)


def test_an_untyped_class_is_unknown_not_wrong():
    class Loose(Node):
        provides: ClassVar = {"anything": Any}

        def run(self, ctx):
            ctx.set("anything", object())

    assert len(spec_of(Loose()).body.run({}, {})) == 1


def test_a_required_argument_has_no_default():
    assert train.spec.parameters["depth"].default is not REQUIRED
    assert repr(REQUIRED) == "REQUIRED"


class Ranked(Node):
    requires: ClassVar = {}
    provides: ClassVar = {"out": float}

    def __init__(self, priority):
        self.priority = priority

    def run(self, ctx):
        ctx.set("out", self.priority * 1.0)


class Quiet(Node):
    provides: ClassVar = {"out": float}
    tags: ClassVar = ["a"]

    def run(self, ctx):
        ctx.set("out", 1.0)


def test_a_declaring_attribute_that_the_code_reads_counts():
    """It is more than a declaration then."""
    assert "priority" not in spec_of(Ranked(1)).body.left_out
    assert "tags" in spec_of(Quiet()).body.left_out
    assert CodeReader().read(Ranked(1), leave_out=spec_of(Ranked(1)).body.left_out).digest != (
        CodeReader().read(Ranked(7), leave_out=spec_of(Ranked(7)).body.left_out).digest
    )
