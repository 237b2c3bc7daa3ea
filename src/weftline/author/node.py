"""The two forms of a node: `@node` on a function, and subclasses of `Node`."""

from __future__ import annotations

import functools
import importlib
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Generic, Literal, ParamSpec, TypeVar, overload

from weftline.author.declare import (
    Keys,
    by_last_word,
    check_key,
    checked_options,
    declared_outputs,
    inputs_of,
    outputs_of,
    place_of,
    signature_of,
)
from weftline.digest.things import names_read
from weftline.errors import BadDeclarationError, ContractError, NotANodeError, Place
from weftline.model import policy as policies
from weftline.model import resources as needs
from weftline.model.context import Context, broken
from weftline.model.gate import Gate
from weftline.model.node import Body, Input, NodeSpec, Output, Parameter, Receipted

P = ParamSpec("P")
R = TypeVar("R")


class FunctionNode(Generic[P, R]):
    """A function that is a node; calling it calls the function, so it is tested like any other."""

    def __init__(self, function: Callable[P, R], spec: NodeSpec) -> None:
        functools.update_wrapper(self, function)
        self.__wrapped__ = function
        self.spec = spec

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Calls the function itself: no contract, no cache."""
        return self.__wrapped__(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<node {self.spec.name}>"

    def __reduce__(self) -> str:
        """Pickled by name, as functions are."""
        return str(getattr(self, "__qualname__", self.spec.name))


class _FunctionBody:
    """Runs a function: inputs and parameters are its arguments, outputs what it returns."""

    __slots__ = ("_function", "_node", "_outputs", "_parameters")

    def __init__(self, node: str, function: Callable[..., Any], outputs: tuple[Output, ...], parameters: Iterable[str]) -> None:
        self._node = node
        self._function = function
        self._outputs = outputs
        self._parameters = frozenset(parameters)

    @property
    def root(self) -> object:
        return self._function

    @property
    def left_out(self) -> frozenset[str]:
        return self._parameters

    def run(self, inputs: dict[str, Any], params: Mapping[str, Any]) -> tuple[Any, ...]:
        result = self._function(**inputs, **params)
        outputs = self._outputs
        if len(outputs) == 1:
            if not outputs[0].check(result):
                raise broken(self._node, outputs[0], result)
            return (result,)
        if not outputs:
            return ()
        if not isinstance(result, tuple) or len(result) != len(outputs):
            keys = ", ".join(output.key for output in outputs)
            found = f"a tuple of {len(result)}" if isinstance(result, tuple) else f"of type {type(result).__name__}"
            raise ContractError(node=self._node, key=keys, wanted=f"a tuple of {len(outputs)}", detail=f"it is {found}")
        for output, value in zip(outputs, result, strict=True):
            if not output.check(value):
                raise broken(self._node, output, value)
        return result

    def __reduce__(self) -> tuple[Any, ...]:
        """Travels as the name of the decorated function, which stands where the function itself cannot be found."""
        found = _at(self._function.__module__, self._function.__qualname__)
        if isinstance(found, FunctionNode) and found.spec.body is self:
            return _body_at, (self._function.__module__, self._function.__qualname__)
        return _FunctionBody, (self._node, self._function, self._outputs, self._parameters)


def _names(words: str | Iterable[str]) -> tuple[str, ...]:
    return (words,) if isinstance(words, str) else tuple(words)


def _at(module: str, qualname: str) -> object:
    """What a module holds under a qualified name, or None."""
    found: object = sys.modules.get(module)
    for name in qualname.split("."):
        found = getattr(found, name, None)
    return found


def _body_at(module: str, qualname: str) -> Body:
    """The body of the node that a module holds under a name."""
    importlib.import_module(module)
    found = _at(module, qualname)
    assert isinstance(found, FunctionNode)
    return found.spec.body


@overload
def node(function: Callable[P, R], /, *, provides: Keys = ...) -> FunctionNode[P, R]: ...
@overload
def node(
    *,
    provides: Keys = ...,
    requires: Mapping[str, str] | None = ...,
    consumes: Mapping[str, str] | Sequence[str] = ...,
    name: str | None = ...,
    over: str | None = ...,
    on_item_error: Literal["fail", "skip"] = ...,
    min_success: float = ...,
    after: str | Iterable[str] = ...,
    gate: Gate | str | None = ...,
    priority: int = ...,
    resources: needs.Resources = ...,
    policy: policies.Policy = ...,
    version: str | None = ...,
    tags: Iterable[str] = ...,
    cache: bool = ...,
    expires_after: float | str | None = ...,
    temp: bool = ...,
    codec: Literal["auto", "pickle"] = ...,
    depends: Iterable[Any] = ...,
    effect: Callable[..., Receipted] | None = ...,
) -> Callable[[Callable[P, R]], FunctionNode[P, R]]: ...


def node(function: Any = None, /, **declared: Any) -> Any:
    """Makes a function a node.

    Arguments map to keys: one named in `requires` to the key given there, any other to the key of its own name. An argument
    with a default that no node provides is a parameter. Types come from the annotations.

    Args:
        function: the function, when the decorator is used without parentheses.
        **declared: `provides` (a key, or several for a function that returns a tuple), `requires` (key by argument),
            `consumes` (key or `namespace.*` by argument; the argument is a mapping of what there is), `name`, `over` (a key
            whose items are worked on one by one), `on_item_error`, `min_success`, `after` (nodes), `gate`, `priority`,
            `resources`, `policy`, `version`, `tags`, `cache`, `expires_after`, `temp`, `codec`, `depends`, `effect`; see
            `weftline.model.node.NodeSpec`.

    Returns:
        The node; it can still be called as the function.

    Raises:
        AuthorError: the declaration and the function do not fit.
    """
    if function is None:
        return lambda found: FunctionNode(found, _function_spec(found, **declared))
    return FunctionNode(function, _function_spec(function, **declared))


def _function_spec(
    function: Any,
    *,
    provides: Keys | None = None,
    requires: Mapping[str, str] | None = None,
    consumes: Mapping[str, str] | Sequence[str] = (),
    name: str | None = None,
    over: str | None = None,
    tags: Iterable[str] = (),
    after: str | Iterable[str] = (),
    depends: Iterable[Any] = (),
    **options: Any,
) -> NodeSpec:
    if isinstance(function, FunctionNode):
        function = function.__wrapped__
    if not callable(function) or isinstance(function, type):
        raise NotANodeError(value=repr(function))
    label = name or function.__name__
    place = place_of(function)
    signature = signature_of(function, label)
    if not isinstance(consumes, Mapping):
        consumes = by_last_word(label, consumes, place)
    for key in (requires or {}).values():
        check_key(label, key, place)
    for key in consumes.values():
        check_key(label, key, place, pattern=True)
    inputs, parameters = inputs_of(label, signature, requires or {}, consumes, over, place)
    _check_over(label, over, inputs, place)
    outputs = outputs_of(label, signature.returns, label if provides is None else provides, place)
    body = _FunctionBody(label, function, outputs, parameters)
    return NodeSpec(
        name=label,
        body=body,
        inputs=inputs,
        outputs=outputs,
        parameters=parameters,
        over=over,
        tags=frozenset(tags),
        after=_names(after),
        depends=tuple(depends),
        place=place,
        **checked_options(label, options, place),
    )


def _check_over(label: str, over: str | None, inputs: tuple[Input, ...], place: Place | None) -> None:
    if over is not None and not any(found.key == over and not found.optional for found in inputs):
        reads = ", ".join(found.key for found in inputs) or "none"
        raise BadDeclarationError(
            node=label,
            detail=f"it runs over {over!r}, but reads no such key",
            advice=f"`over` is one of the keys that it requires: {reads}",
            place=place,
        )


class Node:
    """A node as a class, for nodes that hold something: a provider, a configuration.

    The class attributes declare what the arguments of `@node` do. Types are those that `run` sees: of an item where the node
    runs `over` items. Whatever the constructor is given, and the classes of it, is part of the cache key.

    Example:
        >>> class Count(Node):
        ...     requires = {"text": str}
        ...     provides = {"count": int}
        ...     def run(self, ctx):
        ...         ctx.set("count", len(ctx.get("text").split()))
    """

    name: ClassVar[str] = ""
    requires: ClassVar[Mapping[str, Any]] = {}
    provides: ClassVar[Mapping[str, Any]] = {}
    consumes: ClassVar[Sequence[str]] = ()
    params: ClassVar[Mapping[str, Any]] = {}
    over: ClassVar[str | None] = None
    on_item_error: ClassVar[Literal["fail", "skip"]] = "fail"
    min_success: ClassVar[float] = 0.0
    priority: ClassVar[int] = 0
    resources: ClassVar[needs.Resources] = needs.DEFAULT
    policy: ClassVar[policies.Policy] = policies.DEFAULT
    version: ClassVar[str | None] = None
    tags: ClassVar[Iterable[str]] = ()
    cache: ClassVar[bool] = True
    expires_after: ClassVar[float | str | None] = None
    temp: ClassVar[bool] = False
    codec: ClassVar[Literal["auto", "pickle"]] = "auto"
    after: ClassVar[str | Iterable[str]] = ()
    gate: ClassVar[Gate | str | None] = None
    depends: ClassVar[Iterable[Any]] = ()

    def run(self, ctx: Context) -> None:
        """Reads from the context, works, and sets every key of `provides`."""
        raise NotImplementedError

    def effect(self, **params: Any) -> Receipted | None:
        """The target that the node changes, for nodes that change something outside the store; None for all others."""
        del params
        return None

    @property
    def spec(self) -> NodeSpec:
        """The declaration, read from the attributes."""
        label = self.name or _snake(type(self).__name__)
        place = place_of(type(self).run)
        if type(self).run is Node.run:
            raise BadDeclarationError(node=label, detail="the class has no method `run`", advice="define run(self, ctx)")
        for key in self.requires:
            check_key(label, key, place)
        for key in self.consumes:
            check_key(label, key, place, pattern=True)
        inputs = (
            *(Input(key, key, kind) for key, kind in self.requires.items()),
            *(Input(key, key, Any, optional=True) for key in self.consumes),
        )
        _check_over(label, self.over, inputs, place)
        outputs = declared_outputs(label, self.provides, place)
        options = {name: getattr(self, name) for name in _OPTIONS}
        return NodeSpec(
            name=label,
            body=_NodeBody(label, self, inputs, outputs),
            inputs=inputs,
            outputs=outputs,
            parameters={name: Parameter(type(default), default) for name, default in self.params.items()},
            over=self.over,
            tags=frozenset(self.tags),
            after=_names(self.after),
            depends=tuple(self.depends),
            effect=None if type(self).effect is Node.effect else self.effect,  # type: ignore[arg-type]  # overridden: a target
            place=place,
            **checked_options(label, options, place),
        )


_OPTIONS = (
    "on_item_error", "min_success", "gate", "priority", "resources", "policy", "version", "cache", "expires_after", "temp",
    "codec",
)  # fmt: skip
#: Attributes that declare: no part of what the node computes. Types count neither: values are checked against them.
_DECLARING = frozenset(Node.__annotations__)


class _NodeBody:
    """Runs an instance's `run` with a context."""

    __slots__ = ("_inputs", "_instance", "_node", "_outputs")

    def __init__(self, node: str, instance: Node, inputs: tuple[Input, ...], outputs: tuple[Output, ...]) -> None:
        self._node = node
        self._instance = instance
        self._inputs = inputs
        self._outputs = outputs

    @property
    def root(self) -> object:
        return self._instance

    @property
    def left_out(self) -> frozenset[str]:
        """What only declares; an attribute that the code of the class reads is more than that."""
        return _DECLARING - names_read(type(self._instance))

    def run(self, inputs: dict[str, Any], params: Mapping[str, Any]) -> tuple[Any, ...]:
        ctx = Context(self._node, self._inputs, self._outputs, inputs, params)
        self._instance.run(ctx)
        return ctx.outputs()

    def __reduce__(self) -> tuple[Any, ...]:
        return _NodeBody, (self._node, self._instance, self._inputs, self._outputs)


def spec_of(found: object) -> NodeSpec:
    """The declaration of whatever may stand in a pipeline: a decorated function, an instance, or a class without arguments.

    Raises:
        NotANodeError: it is none of these.
    """
    if isinstance(found, FunctionNode):
        return found.spec
    if isinstance(found, NodeSpec):
        return found
    if isinstance(found, type) and issubclass(found, Node):
        try:
            return found().spec
        except TypeError as error:
            raise NotANodeError(value=f"class {found.__name__} ({error}; give an instance)") from None
    if isinstance(found, Node):
        return found.spec
    raise NotANodeError(value=repr(found))


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
