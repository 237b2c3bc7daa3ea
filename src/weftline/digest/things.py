"""What the things are that code refers to: definitions, wrappers, members that Python wrote; and their order in a set."""

from __future__ import annotations

import enum
import functools
import inspect
import sys
from collections.abc import Iterator
from types import (
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    CodeType,
    FunctionType,
    MethodDescriptorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any

from weftline.digest.canonical import canonical, has_member, knows
from weftline.digest.declared import is_record
from weftline.digest.origin import is_installed, origin_of

_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE, https://docs.python.org/3/c-api/typeobj.html
DESCRIPTORS = (MethodDescriptorType, WrapperDescriptorType, ClassMethodDescriptorType)
DEFINITIONS = (
    FunctionType, BuiltinFunctionType, MethodType, MethodWrapperType, ModuleType, type, functools.partial, property,
    staticmethod, classmethod, *DESCRIPTORS,
)  # fmt: skip


def unwrapped(thing: Any) -> Any:
    """What stands behind caches and nodes: the function that runs."""
    while stands_for_function(thing):
        thing = thing.__wrapped__
    return thing


def stands_for_function(thing: Any) -> bool:
    """Whether a cache or a node: what they add to the function is not part of what it computes."""
    kind = type(thing)
    return wraps(thing) and (kind.__name__ == "_lru_cache_wrapper" or origin_of(kind.__module__, "").kind == "machinery")


def wraps(thing: Any) -> bool:
    """Whether an object of some class wraps a function; asked without waking a `__getattr__`."""
    if isinstance(thing, DEFINITIONS):
        return False
    return has_member(type(thing), "__wrapped__") or "__wrapped__" in getattr(thing, "__dict__", ())


def module_of(thing: FunctionType | type | ModuleType) -> str:
    """The module of a definition, or nothing for code that was executed without saying where."""
    if isinstance(thing, ModuleType):
        return thing.__name__
    module = thing.__module__ or ""
    is_made_at_run_time = isinstance(thing, FunctionType) or thing.__flags__ & _HEAP_TYPE
    is_at_home = getattr(sys.modules.get(module), thing.__name__, None) is thing
    return "" if module in {"builtins", "types"} and is_made_at_run_time and not is_at_home else module


def label_of(thing: Any) -> tuple[str, ...]:
    """An order for the members of a set, the same in every process."""
    kind = type(thing)
    if isinstance(thing, enum.Enum):
        return kind.__qualname__, thing.name
    if knows(kind):
        return kind.__qualname__, canonical(thing).hex() if kind not in {tuple, frozenset} else str(len(thing))
    return kind.__qualname__, getattr(thing, "__module__", ""), getattr(thing, "__qualname__", "")


def shown(value: object, most: int = 60) -> str:
    """A value in short, for people: the same in every process, so without addresses."""
    text = _shown(value, most)
    return text if len(text) <= most else text[: most - 3] + "..."


def _shown(value: Any, most: int) -> str:
    kind = type(value)
    found = unwrapped(value)
    if isinstance(found, (FunctionType, BuiltinFunctionType, MethodType)):
        return f"{found.__qualname__}()".replace("<locals>.", "")
    if isinstance(found, type):
        return f"class {found.__qualname__}"
    if kind in {list, tuple, set, frozenset}:
        ordered = value if kind in {list, tuple} else sorted(value, key=label_of)
        inner = _joined((_shown(part, most) for part in ordered), most)
        if kind is tuple:
            return f"({inner},)" if len(value) == 1 else f"({inner})"
        return f"[{inner}]" if kind is list else f"{{{inner}}}"
    if kind is dict:
        return "{" + _joined((f"{_shown(key, most)}: {_shown(part, most)}" for key, part in value.items()), most) + "}"
    return repr(value) if knows(kind) else kind.__qualname__


def _joined(parts: Iterator[str], most: int) -> str:
    """As many as are shown; the others are not looked at."""
    found, length = [], 0
    for part in parts:
        found.append(part)
        length += len(part) + 2
        if length > most:
            break
    return ", ".join(found)


def leads_home(module: ModuleType, attribute: str, own: str) -> bool:
    """Whether a library's attribute is something of the project, such as a name patched into it."""
    found = getattr(module, attribute)
    owner = found.__name__ if isinstance(found, ModuleType) else getattr(found, "__module__", None)
    return isinstance(owner, str) and origin_of(owner, own).kind == "project"


#: What `dataclass`, `namedtuple` and attrs write into a class by themselves.
WRITTEN = frozenset({
    "__init__", "__new__", "__repr__", "__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__hash__", "__setattr__",
    "__delattr__", "__replace__", "__getstate__", "__setstate__", "__getnewargs__", "__reduce__", "__attrs_init__",
})  # fmt: skip
#: What `enum` keeps in a class beside its members: tables of them, and the functions that it picked.
OF_ENUMS = frozenset({
    "_member_map_", "_member_names_", "_member_type_", "_value2member_map_", "_new_member_", "_use_args_", "_value_repr_",
    "_generate_next_value_", "_flag_mask_", "_all_bits_", "_singles_mask_", "_boundary_", "_inverted_", "_ignore_",
    "_hashable_values_", "_unhashable_values_", "_unhashable_values_map_", "_sort_order_",
})  # fmt: skip


def is_generated(kind: type, name: str, member: object) -> bool:
    """Members that Python or a decorator made from what is digested anyway."""
    found = member.__func__ if isinstance(member, (staticmethod, classmethod)) else member
    if isinstance(found, FunctionType):
        file = found.__code__.co_filename
        is_nowhere = file.startswith("<") and not file.startswith("<ipython")
        return name in WRITTEN and ((is_nowhere and is_record(kind)) or is_installed(file))
    if name == "_abc_impl" or inspect.ismemberdescriptor(member) or inspect.isgetsetdescriptor(member):
        return True
    if name.startswith("__") and name.endswith("__"):
        return not callable(found) or isinstance(found, (type, BuiltinFunctionType))
    return issubclass(kind, enum.Enum) and (isinstance(member, kind) or name in OF_ENUMS)


def names_read(kind: type) -> frozenset[str]:
    """Every name that the project's code in a class and its bases reads or calls, attributes among them."""
    found: set[str] = set()
    for part in kind.__mro__:
        if origin_of(part.__module__, "").kind != "machinery":
            stack = [function.__code__ for member in part.__dict__.values() for function in _functions_in(member)]
            while stack:
                code = stack.pop()
                found.update(code.co_names)
                stack += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return frozenset(found)


def _functions_in(member: object) -> Iterator[FunctionType]:
    candidates = (member.fget, member.fset, member.fdel) if isinstance(member, property) else (member,)
    for candidate in candidates:
        found = unwrapped(candidate.__func__ if isinstance(candidate, (staticmethod, classmethod)) else candidate)
        if isinstance(found, FunctionType):
            yield found


def functions_of(kind: type) -> Iterator[FunctionType]:
    """The functions of a class that some file holds."""
    for member in kind.__dict__.values():
        found = unwrapped(member)
        if isinstance(found, FunctionType) and not found.__code__.co_filename.startswith("<"):
            yield found
