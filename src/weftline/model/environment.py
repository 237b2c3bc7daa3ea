"""Another Python in which calls may run: its version, and what is installed in it. Data only; `backends` makes it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from weftline.errors import BadArgumentError

SCHEME = "interpreter"
#: The oldest Python that can run weftline's workers; the same as `requires-python` of the package.
OLDEST = (3, 11)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class Environment:
    """A Python, and the distributions that calls find in it.

    Attributes:
        requirements: as pip writes them, such as `numpy<2`; paths and options are refused.
        python: the version, such as `3.12`; empty for the one that plans.

    Raises:
        BadArgumentError: a requirement or the version cannot be used.
    """

    requirements: tuple[str, ...] = ()
    python: str = ""

    def __post_init__(self) -> None:
        given: object = self.requirements
        listed = (given,) if isinstance(given, str) else self.requirements  # one word would be taken letter by letter
        stripped = {" ".join(requirement.split()) for requirement in listed}
        object.__setattr__(self, "requirements", tuple(sorted(stripped - {""})))
        for requirement in self.requirements:
            _check(requirement)
        if self.python:
            _check_version(self.python)

    @classmethod
    def of_lines(cls, text: str, python: str = "") -> Environment:
        """The environment of a file with one requirement in each line; `#` begins a comment."""
        return cls(tuple(re.sub(r"(^|\s)#.*", "", line) for line in text.splitlines()), python)

    @classmethod
    def of_query(cls, query: str) -> Environment:
        """The environment that the part of an address after the question mark tells; see `address`."""
        from urllib.parse import parse_qsl

        found = parse_qsl(query, keep_blank_values=True)
        unknown = next((name for name, _ in found if name not in {"python", "requires"}), None)
        if unknown is not None:
            argument = f"{SCHEME}:?{query}"
            detail, advice = f"no option is called {unknown!r}", "use python=VERSION and requires=REQUIREMENT"
            raise BadArgumentError(argument=argument, detail=detail, advice=advice)
        python = [value for name, value in found if name == "python"]
        return cls(tuple(value for name, value in found if name == "requires"), python[-1] if python else "")

    @property
    def address(self) -> str:
        """How a backend with this environment is called, such as `interpreter:?python=3.12&requires=numpy%3C2`."""
        from urllib.parse import quote, urlencode

        named = [("python", self.python)] if self.python else []
        return f"{SCHEME}:?" + urlencode([*named, *(("requires", each) for each in self.requirements)], quote_via=quote)

    def __str__(self) -> str:
        """For people, and for keys: the same for environments that are declared the same."""
        return ", ".join([f"python {self.python}" if self.python else "python as here", *self.requirements])


def _check(requirement: str) -> None:
    name = _NAME.match(requirement)
    if name is None or "/" in requirement.partition(";")[0].partition("@")[0]:
        raise BadArgumentError(
            argument=requirement,
            detail="it does not begin with the name of a distribution",
            advice="write it like numpy<2; where they come from is set for uv and pip as always",
        )
    if name.group().lower() == "weftline":
        raise BadArgumentError(
            argument=requirement,
            detail="the weftline that plans is put into each environment",
            advice="name the libraries that the calls use, such as numpy",
        )


def _check_version(version: str) -> None:
    if re.fullmatch(r"\d+\.\d+(\.\d+)?", version) is None:
        raise BadArgumentError(argument=f"python={version}", detail="it is no version", advice="write it like 3.12")
    if tuple(map(int, version.split(".")[:2])) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise BadArgumentError(
            argument=f"python={version}", detail="it is too old to run calls", advice=f"use Python {oldest} or newer"
        )
