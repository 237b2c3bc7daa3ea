"""Providers: typed facades that nodes are given, whose methods run in this process or at a backend of their own.

Theory of operation. Every public method that a subclass defines is checked against its annotations, on the way in and out. At a
backend, a call of a method is a call as a node's is: the object travels with it, and works in the process where it comes to.
Its class and its attributes are in the key of each node that holds it; of the backend, its environment.
"""

from __future__ import annotations

import copy
import functools
import inspect
import pickle
from collections.abc import Mapping
from types import FunctionType
from typing import TYPE_CHECKING, Any, ClassVar, Self

from weftline.app.spot import Spot
from weftline.author.declare import place_of, signature_of
from weftline.errors import ProviderContractError, UnsendableError
from weftline.model.contract import checker, mismatch, render
from weftline.model.environment import Environment
from weftline.model.node import NodeSpec, Output

if TYPE_CHECKING:  # a provider in this process needs no backend
    from weftline.ports.backend import Backend

#: The attribute that says where an object works.
_SPOT = "_provider_spot"


class Provider:
    """What a node works with: subclass it, and write methods with annotations.

    Attributes:
        workers: calls at the same time, at a backend of its own.

    Example:
        >>> class Embedder(Provider):
        ...     def embed(self, texts: list[str]) -> list[float]:
        ...         return [float(len(text)) for text in texts]
        >>> Embedder().embed(["a", "bc"])
        [1.0, 2.0]
    """

    workers: ClassVar[int] = 1

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """One that works in this process."""
        del args, kwargs
        made = super().__new__(cls)
        made.__dict__[_SPOT] = Spot()
        return made

    def __init_subclass__(cls) -> None:
        """Checks the public methods from here on."""
        for name, member in list(vars(cls).items()):
            if isinstance(member, FunctionType) and not name.startswith("_"):
                setattr(cls, name, _Method(cls, member))

    @classmethod
    def on(cls, backend: str | Environment | Backend, /, *args: Any, **kwargs: Any) -> Self:
        """One whose methods run at a backend.

        Args:
            backend: a name or an address, as `--backend` takes; an environment; or a backend that somebody else closes.
            *args: for the constructor.
            **kwargs: for the constructor.

        Raises:
            BadArgumentError: there is no such place.
        """
        made = cls(*args, **kwargs)
        made.__dict__[_SPOT] = Spot(backend, cls.workers)
        return made


class _Method:
    """A method that is checked, and runs where its provider is."""

    def __init__(self, owner: type[Provider], function: FunctionType) -> None:
        self.__wrapped__ = function
        self.__doc__ = function.__doc__
        self._owner = owner

    def __get__(self, provider: Provider | None, owner: type) -> Any:
        return self if provider is None else functools.partial(self._call, provider)

    def _call(self, provider: Provider, /, *args: Any, **kwargs: Any) -> Any:
        function = self.__wrapped__
        kinds = signature_of(function, function.__qualname__)
        bound = inspect.signature(function).bind(provider, *args, **kwargs)
        bound.apply_defaults()
        given = dict(list(bound.arguments.items())[1:])
        for name, value in given.items():
            self._check(f"argument {name!r}", value, kinds.arguments[name].kind)
        spot: Spot = provider.__dict__[_SPOT]
        if spot.is_here:
            result = function(provider, **given)
        else:
            result = spot.run(self._spec(provider, spot), given)
        self._check("the result", result, kinds.returns)
        return result

    def _spec(self, provider: Provider, spot: Spot) -> NodeSpec:
        """What a backend takes; the same as long as the object is the same, so that its code is read once."""
        function = self.__wrapped__
        content = _packed(provider, function.__qualname__)
        known, spec = spot.specs.get(function.__qualname__, (b"", None))
        if spec is None or known != content:
            body, output = _Body(content, self._owner, function.__name__), Output.of("result", Any)
            spec = NodeSpec(function.__qualname__, body, (), (output,), place=place_of(function))
            spot.specs[function.__qualname__] = content, spec
        return spec

    def _check(self, part: str, value: Any, kind: Any) -> None:
        if not checker(kind)(value):
            method, detail = self.__wrapped__.__qualname__, mismatch(value, kind)
            place = place_of(self.__wrapped__)
            raise ProviderContractError(part=part, method=method, wanted=render(kind), detail=detail, place=place)


class _Body:
    """A method of an object that travels, as something that a backend runs.

    Args:
        content: the object, pickled as one that works in this process, so that what it calls of itself runs where it comes to.
        owner: the class that defines the method.
        name: of the method.
    """

    left_out = frozenset({_SPOT})

    def __init__(self, content: bytes, owner: type[Provider], name: str) -> None:
        self._content = content
        self._owner = owner
        self._name = name

    @property
    def root(self) -> object:
        """The object as it was sent, which the one that works may not be any more."""
        return pickle.loads(self._content)  # noqa: S301 - our own, or what came with the call

    def run(self, inputs: dict[str, Any], params: Mapping[str, Any]) -> tuple[Any, ...]:
        """Calls the function itself: whoever asked has checked, and will check."""
        del params
        return (vars(self._owner)[self._name].__wrapped__(_kept(self._content), **inputs),)

    def __reduce__(self) -> tuple[Any, ...]:
        return _Body, (self._content, self._owner, self._name)


@functools.lru_cache(maxsize=16)
def _kept(content: bytes) -> object:
    """The object that works in this process, kept for the next call."""
    found: object = pickle.loads(content)  # noqa: S301 - as above
    return found


def _packed(provider: Provider, method: str) -> bytes:
    here = copy.copy(provider)
    here.__dict__[_SPOT] = Spot()
    try:
        return pickle.dumps(here, 5)
    except Exception as error:  # the attributes may raise anything when they are pickled
        detail = f"{type(error).__name__}: {error}"
        raise UnsendableError(part="the provider", node=method, detail=detail) from error
