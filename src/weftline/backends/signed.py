"""What goes over HTTP between a backend and its server: requests and answers that are signed on both sides.

Theory of operation. Calls are pickles: whoever may send one, runs code. So nothing is read before it is known to come from a
holder of the token. A request's signature stands in its head, over a digest of its body; the body is read after that. An
answer is signed together with the request's nonce, so that no answer to another request can stand in for it. The first request
is signed with the token. From its nonce and one of the server's a key is made for all that follows; what somebody has
recorded is worthless in the next session, and within one everything is taken once. Nothing is encrypted.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.client
import os
import socket
import stat
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from weftline.errors import BadArgumentError

SESSION, NONCE, DIGEST, SIGNATURE = "Weftline-Session", "Weftline-Nonce", "Weftline-Digest", "Weftline-Signature"
OK, REFUSED, CONFLICT, NO_SESSION, NO_LENGTH, TOO_LARGE = 200, 403, 409, 410, 411, 413
#: Where the token of a home is.
TOKEN_FILE = "server.token"  # noqa: S105 - the name of a file
#: The longest that the server lets a poll wait, in seconds.
LONGEST_POLL_S = 20.0
#: The longest message of somebody who is not in a session yet, in bytes.
GREETING_BYTES = 1 << 20
#: How much longer than the largest parcel a message may be, in bytes.
SLACK_BYTES = 1 << 20
#: The least length of a token: 16 characters of hex are 64 bits.
_LEAST = 16


class Head(NamedTuple):
    """What a signature is made of, besides the body."""

    path: str
    session: str
    nonce: str


class WrongSignatureError(Exception):
    """The other side does not hold the token."""


def sign(key: bytes, *parts: str) -> str:
    """A signature; each part is led by its length, so that no two lists of parts read the same."""
    message = b"".join(b"%d:%b" % (len(part.encode()), part.encode()) for part in parts)
    return hmac.new(key, message, hashlib.sha256).hexdigest()


def sign_request(key: bytes, head: Head, digest: str) -> str:
    """The signature of a request with a body of that digest."""
    return sign(key, "request", *head, digest)


def sign_answer(key: bytes, head: Head, status: int, body: bytes) -> str:
    """The signature of the answer to a request."""
    return sign(key, "answer", *head, str(status), digest_of(body))


def is_signed(signature: str, expected: str) -> bool:
    """Compares in a time that does not tell how much is right."""
    return hmac.compare_digest(signature.encode(), expected.encode())


def digest_of(body: bytes) -> str:
    """The digest of a body that stands in the head."""
    return hashlib.sha256(body).hexdigest()


def session_key(token: bytes, ours: str, theirs: str) -> bytes:
    """The key of a session: from the token, the client's nonce and the server's."""
    return bytes.fromhex(sign(token, "session", ours, theirs))


def new_nonce() -> str:
    """What nobody has used before."""
    return os.urandom(16).hex()


def read_token(reference: str) -> bytes:
    """The token that a reference leads to.

    Args:
        reference: `env:NAME` or `file:PATH`; a token itself is refused, since references are shown and kept.

    Raises:
        BadArgumentError: there is none.
    """
    kind, _, where = reference.partition(":")
    text: str | None = None
    if kind == "env":
        text = os.environ.get(where)
    elif kind == "file":
        with contextlib.suppress(OSError, UnicodeDecodeError):
            text = Path(where).read_text(encoding="utf-8")
    else:
        raise BadArgumentError(argument="token=...", detail="it is no reference", advice="write env:NAME or file:PATH")
    token = "" if text is None else text.strip()
    if len(token) < _LEAST:
        detail = "there is no token" if not token else f"the token there is shorter than {_LEAST} characters"
        advice = "a server on this machine makes one in its home; elsewhere, secrets.token_hex(32) of Python makes one"
        raise BadArgumentError(argument=f"token={reference}", detail=detail, advice=advice)
    return token.encode()


def own_token(path: Path) -> bytes:
    """The token in a file that only its owner can read; made if it is not there.

    Raises:
        BadArgumentError: others may read the file.
    """
    with contextlib.suppress(FileExistsError):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(file, os.urandom(32).hex().encode())
        finally:
            os.close(file)
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise BadArgumentError(
            argument=f"token=file:{path}", detail="others may read or write it", advice=f"chmod 600 {path}, or remove it"
        )
    return read_token(f"file:{path}")


class Link:
    """One connection to a server, kept from request to request. Not for several threads at a time, `close` excepted.

    Args:
        url: of the server: its scheme, host and port.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname or "", parts.port)
        self._prefix = parts.path.rstrip("/")

    def ask(
        self, path: str, body: bytes, key: bytes, session: str = "", *, timeout_s: float, limit: int = GREETING_BYTES
    ) -> tuple[int, bytes, str]:
        """One request.

        Args:
            path: what is asked.
            body: the message.
            key: of the session, or the token before there is one.
            session: its id.
            timeout_s: how long the answer may take.
            limit: the longest answer, in bytes.

        Returns:
            The status, the answer, and the nonce that was used.

        Raises:
            WrongSignatureError: the answer is not signed with the key.
            OSError: there is no answer, or no whole one.
        """
        head = Head(path, session, new_nonce())
        digest = digest_of(body)
        headers = {
            SESSION: session, NONCE: head.nonce, DIGEST: digest, SIGNATURE: sign_request(key, head, digest),
            "Content-Type": "application/octet-stream",
        }  # fmt: skip
        self._connection.timeout = timeout_s
        if self._connection.sock is not None:
            self._connection.sock.settimeout(timeout_s)
        try:
            self._connection.request("POST", self._prefix + path, body, headers)
            answer = self._connection.getresponse()
            content = answer.read(limit + 1)
            signature = answer.headers.get(SIGNATURE, "")
        except http.client.HTTPException as error:
            self.close()
            raise ConnectionError(f"{type(error).__name__}: {error}") from error
        except OSError:
            self.close()
            raise
        if len(content) > limit:
            self.close()
            raise ConnectionError(f"the answer is longer than {limit:,} bytes")
        if str(len(content)) != answer.headers.get("Content-Length", ""):
            self.close()
            raise ConnectionError("the answer broke off")
        if answer.status in {OK, CONFLICT} and not is_signed(signature, sign_answer(key, head, answer.status, content)):
            self.close()
            raise WrongSignatureError
        return answer.status, content, head.nonce

    def hang_up(self) -> None:
        """Ends the request that another thread makes just now; that gets an error."""
        sock = self._connection.sock
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Hangs up; the next request calls again."""
        self._connection.close()
