"""Reads a function's signature: which arguments are keys, which may be parameters, what is returned."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from weftline.errors import BadDeclarationError, Place, ProvidesMismatchError, UnresolvedAnnotationError, did_you_mean
from weftline.model.contract import UNKNOWN, render
from weftline.model.gate import Gate
from weftline.model.keys import is_key, is_pattern, namespace
from weftline.model.node import REQUIRED, Input, Output, Parameter
from weftline.model.policy import Policy
from weftline.model.quantity import duration_s
from weftline.model.resources import Resources
from weftline.model.structure import base_arguments

Keys = str | Sequence[str] | Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Signature:
    """A function as declared: argument types and defaults by name, and the type it returns."""

    arguments: Mapping[str, Parameter]
    returns: Any


@functools.lru_cache(maxsize=4096)
def signature_of(function: Callable[..., Any], node: str) -> Signature:
    """The signature with its annotations resolved.

    Raises:
        UnresolvedAnnotationError: an annotation names something that does not exist at run time.
        BadDeclarationError: the function takes arguments that no key can be matched to.
    """
    if inspect.iscoroutinefunction(function):
        advice = "define it with `def`; inside, asyncio.run(...) runs a coroutine"
        raise BadDeclarationError(node=node, detail="it is an `async def`", advice=advice, place=place_of(function))
    if inspect.isgeneratorfunction(function):
        advice = "return a list; what is yielded would be gone once it was read"
        raise BadDeclarationError(node=node, detail="it is a generator", advice=advice, place=place_of(function))
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError, AttributeError) as error:
        raise UnresolvedAnnotationError(node=node, detail=str(error), place=place_of(function)) from error
    arguments = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind not in {parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY}:
            raise BadDeclarationError(
                node=node,
                detail=f"the argument {parameter} cannot be matched to a key",
                advice="name every argument, without *, ** or /",
                place=place_of(function),
            )
        default = REQUIRED if parameter.default is parameter.empty else parameter.default
        arguments[name] = Parameter(hints.get(name, UNKNOWN), default)
    return Signature(arguments, hints.get("return", UNKNOWN))


def inputs_of(
    node: str,
    signature: Signature,
    requires: Mapping[str, str],
    consumes: Mapping[str, str],
    over: str | None,
    place: Place | None,
) -> tuple[tuple[Input, ...], dict[str, Parameter]]:
    """Splits arguments into inputs and possible parameters.

    Args:
        node: its name.
        signature: of its function.
        requires: key by argument, for arguments that are not called like their key.
        consumes: key or pattern by argument.
        over: the key that is worked on item by item.
        place: for errors.

    Raises:
        BadDeclarationError: an argument or a key is not what it should be.
    """
    for name in (*requires, *consumes):
        if name not in signature.arguments:
            known = list(signature.arguments)
            raise BadDeclarationError(
                node=node,
                detail=f"there is no argument {name!r}",
                advice=f"`requires` and `consumes` map arguments to keys; the arguments are: {', '.join(known) or 'none'}",
                hint=did_you_mean(name, known),
                place=place,
            )
    inputs, parameters = [], {}
    for name, argument in signature.arguments.items():
        if name in consumes:
            found = base_arguments(argument.kind, Mapping)
            inputs.append(Input(name, consumes[name], found[1] if found else UNKNOWN, optional=True))
        elif name in requires or argument.default is REQUIRED or name == over:
            inputs.append(Input(name, requires.get(name, name), argument.kind))
        else:
            parameters[name] = argument
    return tuple(inputs), parameters


def outputs_of(node: str, returns: Any, provides: Keys, place: Place | None) -> tuple[Output, ...]:
    """What a function makes, from its keys and the annotation of what it returns.

    Raises:
        ProvidesMismatchError: the annotation is a tuple of another length.
        BadDeclarationError: a key is not a key.
    """
    if isinstance(provides, Mapping):
        return declared_outputs(node, provides, place)
    keys = (provides,) if isinstance(provides, str) else tuple(provides)
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        advice = "give each value that the function returns a key of its own"
        raise BadDeclarationError(node=node, detail=f"it provides {twice!r} twice", advice=advice, place=place)
    if len(keys) <= 1:
        return declared_outputs(node, dict.fromkeys(keys, returns), place)
    parts = typing.get_args(returns)
    if typing.get_origin(returns) is tuple and parts[-1] is not ...:
        if len(parts) != len(keys):
            raise ProvidesMismatchError(node=node, count=len(keys), returns=render(returns), place=place)
        return declared_outputs(node, dict(zip(keys, parts, strict=True)), place)
    if returns is UNKNOWN or typing.get_origin(returns) is tuple or returns is tuple:
        return declared_outputs(node, dict.fromkeys(keys, parts[0] if parts else UNKNOWN), place)
    raise ProvidesMismatchError(node=node, count=len(keys), returns=render(returns), place=place)


def declared_outputs(node: str, kinds: Mapping[str, Any], place: Place | None) -> tuple[Output, ...]:
    """Outputs from types by key."""
    for key in kinds:
        check_key(node, key, place)
    return tuple(Output.of(key, kind) for key, kind in kinds.items())


#: What each option of a node may be, and how that is said.
_OPTIONS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "on_item_error": (lambda value: value in {"fail", "skip"}, "'fail' or 'skip'"),
    "min_success": (lambda value: _is_number(value) and 0 <= value <= 1, "a share between 0 and 1"),
    "gate": (
        lambda value: value is None or isinstance(value, (str, Gate)),
        "Gate(...), or the name of one that somebody approves",
    ),
    "priority": (lambda value: isinstance(value, int), "a whole number"),
    "resources": (lambda value: isinstance(value, Resources), "Resources(...)"),
    "policy": (lambda value: isinstance(value, Policy), "Policy(...)"),
    "version": (lambda value: value is None or isinstance(value, str), "a text"),
    "cache": (lambda value: isinstance(value, bool), "True or False"),
    "expires_after": (lambda value: value is None or _is_duration(value), "seconds, or a duration such as 12h or 30d"),
    "temp": (lambda value: isinstance(value, bool), "True or False"),
    "codec": (lambda value: value in {"auto", "pickle"}, "'auto' or 'pickle'"),
    "effect": (lambda value: value is None or callable(value), "a function that makes the target"),
}
_OTHERS = ("provides", "requires", "consumes", "name", "over", "tags", "depends")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_duration(value: Any) -> bool:
    if not isinstance(value, str):
        return _is_number(value) and value > 0
    try:
        return duration_s(value) > 0
    except ValueError:
        return False


def by_last_word(node: str, patterns: Sequence[str], place: Place | None) -> dict[str, str]:
    """Keys and patterns by the argument that takes them: the one called like the last word.

    Raises:
        BadDeclarationError: two of them end alike.
    """
    found: dict[str, str] = {}
    for pattern in patterns:
        word = namespace(pattern).rpartition(".")[2]
        if word in found:
            detail = f"{found[word]!r} and {pattern!r} would both be the argument {word!r}"
            advice = "say which argument takes which: consumes={argument: key}"
            raise BadDeclarationError(node=node, detail=detail, advice=advice, place=place)
        found[word] = pattern
    return found


def checked_options(node: str, options: Mapping[str, Any], place: Place | None) -> dict[str, Any]:
    """The options of a node, each of a kind that it may have.

    Raises:
        BadDeclarationError: there is no such option, or it cannot be that.
    """
    for name, value in options.items():
        if name not in _OPTIONS:
            known = [*_OTHERS, *_OPTIONS]
            advice = f"the options are: {', '.join(known)}"
            detail = f"there is no option {name!r}"
            raise BadDeclarationError(node=node, detail=detail, advice=advice, hint=did_you_mean(name, known), place=place)
        fits, words = _OPTIONS[name]
        if not fits(value):
            detail = f"{name} cannot be {value!r}"
            raise BadDeclarationError(node=node, detail=detail, advice=f"it is {words}", place=place)
    gate = options.get("gate")
    return {**options, "gate": (Gate(gate) if gate else None)} if isinstance(gate, str) else dict(options)


def check_key(node: str, key: str, place: Place | None, *, pattern: bool = False) -> None:
    """Refuses what is no key.

    Raises:
        BadDeclarationError: it is none.
    """
    if not is_key(namespace(key) if pattern and is_pattern(key) else key):
        raise BadDeclarationError(
            node=node,
            detail=f"{key!r} is not a key",
            advice="use words joined by dots, such as 'features.train'" + (" or 'features.*'" if pattern else ""),
            place=place,
        )


def place_of(function: Callable[..., Any]) -> Place | None:
    """Where a function is defined."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return None if code is None else Place(code.co_filename, code.co_firstlineno)
