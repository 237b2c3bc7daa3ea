"""The first contact with a server: both sides show that they hold the token, and that they are of one version."""

from __future__ import annotations

import json
from typing import NamedTuple

from weftline.backends import program, signed
from weftline.backends.launch import project_path
from weftline.digest.origin import version_of
from weftline.errors import ServerRefusedError, ServerUnreachableError
from weftline.version import __version__

#: How long an answer may take, in seconds.
_ANSWER_S = 30.0
_SAME_TOKEN = "give both sides the same token"  # noqa: S105 - advice


class Greeting(NamedTuple):
    """What the server says at first.

    Attributes:
        session: id of a new session.
        key: signs what is said in it.
        slots: calls of one CPU at the same time.
        memory_gb: of its machine.
        kills_all: whether nothing survives there of a call that is stopped.
        limit: the longest parcel, in bytes.
        host: the name of its machine, for people.
    """

    session: str
    key: bytes
    slots: int
    memory_gb: float
    kills_all: bool
    limit: int
    host: str


def versions() -> dict[str, str]:
    """What has to be the same on both sides: values travel as pickles, and keys name the Python."""
    return {"weftline": __version__, "python": version_of("python")}


def greet(link: signed.Link, url: str, token: bytes, patience_s: float) -> Greeting:
    """Opens a session for the program that runs here.

    Raises:
        ServerUnreachableError: nobody answers.
        ServerRefusedError: it does not know the token, or is of another version.
    """
    here = versions()
    asked = {**here, "patience_s": patience_s, "path": project_path(), "sources": program.sources()}
    try:
        status, content, nonce = link.ask("/greet", json.dumps(asked).encode(), token, timeout_s=_ANSWER_S)
    except signed.WrongSignatureError:
        detail = "its answer is not signed with the token"
        raise ServerRefusedError(url=url, detail=detail, advice=_SAME_TOKEN) from None
    except OSError as error:
        raise ServerUnreachableError(url=url, detail=f"{type(error).__name__}: {error}") from error
    if status == signed.REFUSED:
        raise ServerRefusedError(url=url, detail="it does not know the token", advice=_SAME_TOKEN)
    if status == signed.CONFLICT:
        there = json.loads(content)
        told = "; ".join(f"{name} is {there[name]} there, {version} here" for name, version in here.items())
        raise ServerRefusedError(url=url, detail=told, advice="use the same weftline on the same Python on both sides")
    if status != signed.OK:
        advice = "see whether the address is that of a weftline server"
        raise ServerRefusedError(url=url, detail=f"it answers {status}", advice=advice)
    told = json.loads(content)
    key = signed.session_key(token, nonce, told["nonce"])
    return Greeting(key=key, **{name: told[name] for name in Greeting._fields if name != "key"})
