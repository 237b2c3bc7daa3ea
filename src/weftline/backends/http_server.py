"""The server of the backend `http`: runs calls for other processes and machines. `python -m weftline.backends.http_server`.

It listens on this machine only, unless told otherwise. Whoever holds its token can run any code as its user.
"""

from __future__ import annotations

import argparse
import ipaddress
import json
import os
import pickle
import platform
import signal
import sys
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from weftline.backends import signed
from weftline.backends.greeting import versions
from weftline.backends.machine import memory_gb
from weftline.backends.program import Source
from weftline.backends.sessions import Session, Sessions
from weftline.backends.worker import HAS_KEEPER
from weftline.errors import BadArgumentError, WeftlineError
from weftline.version import __version__

PORT = 7077
_MIB = 1 << 20


class CallServer(ThreadingHTTPServer):
    """Listens; each connection has a thread.

    Args:
        address: host and port; port 0 for any that is free.
        token: what clients must hold.
        slots: calls of one CPU that run at the same time.
        limit: the longest parcel, in bytes.

    Raises:
        OSError: the port is taken.
    """

    daemon_threads = True
    request_queue_size = 64
    block_on_close = False

    def __init__(self, address: tuple[str, int], token: bytes, slots: int, limit: int) -> None:
        super().__init__(address, _Requests)
        self.token = token
        self.limit = limit
        self.sessions = Sessions(slots, limit)

    def server_close(self) -> None:
        """Stops all calls, and listens no more."""
        super().server_close()
        self.sessions.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that breaks is the client's affair; what is wrong here is told."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Requests(BaseHTTPRequestHandler):
    """The requests of one connection."""

    server: CallServer
    protocol_version = "HTTP/1.1"
    server_version = f"weftline/{__version__}"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = 64 * 1024
    #: How long a client may be silent within a request or between two, in seconds.
    timeout = 60.0

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Nothing is logged of single requests."""

    def do_GET(self) -> None:
        """Whether the server is well; for everybody."""
        sessions = self.server.sessions
        if self.path == "/health":
            told = {"status": "ok", "weftline": __version__, "slots": sessions.slots, "running": sessions.running}
            self._answer(signed.OK, json.dumps(told).encode(), "application/json")
        else:
            self._answer(404, b"")

    def do_POST(self) -> None:
        """A signed request."""
        name = self.headers.get(signed.SESSION, "")
        session = self.server.sessions.find(name) if name else None
        if name and session is None:
            self._refuse(signed.NO_SESSION)
            return
        key, limit = (self.server.token, signed.GREETING_BYTES) if session is None else (session.key, 2 * self.server.limit)
        head = signed.Head(self.path, name, self.headers.get(signed.NONCE, ""))
        digest = self.headers.get(signed.DIGEST, "")
        if not signed.is_signed(self.headers.get(signed.SIGNATURE, ""), signed.sign_request(key, head, digest)):
            self._refuse(signed.REFUSED)
            return
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            self._refuse(signed.NO_LENGTH)
        elif int(length) > limit + signed.SLACK_BYTES:
            self._refuse(signed.TOO_LARGE)
        else:
            body = self.rfile.read(int(length))
            if signed.digest_of(body) != digest:
                self._refuse(signed.REFUSED)
                return
            status, answer = self._greet(body, head) if session is None else self._serve(name, session, body)
            self._answer(status, answer, signature=signed.sign_answer(key, head, status, answer))

    def _greet(self, body: bytes, head: signed.Head) -> tuple[int, bytes]:
        """A new session, for a client of the same weftline on the same Python."""
        if head.path != "/greet":
            return 404, b""
        asked = json.loads(body)
        here = versions()
        if any(asked.get(name) != version for name, version in here.items()):
            return signed.CONFLICT, json.dumps(here).encode()
        nonce, name = signed.new_nonce(), signed.new_nonce()
        key = signed.session_key(self.server.token, head.nonce, nonce)
        gone_s = 2 * max(float(asked["patience_s"]), signed.LONGEST_POLL_S)
        sources = [Source(*fields) for fields in asked["sources"]]
        self.server.sessions.open(name, key, gone_s, [str(entry) for entry in asked["path"]], sources)
        told = {
            "session": name, "nonce": nonce, "slots": self.server.sessions.slots, "limit": self.server.limit,
            "memory_gb": memory_gb(), "kills_all": HAS_KEEPER, "host": platform.node(),
        }  # fmt: skip
        return signed.OK, json.dumps(told).encode()

    def _serve(self, name: str, session: Session, body: bytes) -> tuple[int, bytes]:
        sessions = self.server.sessions
        if self.path == "/calls":
            sessions.take(session, pickle.loads(body))  # noqa: S301 - signed with the session's key
            return signed.OK, b""
        if self.path == "/reports":
            asked = json.loads(body)
            told = sessions.reports(session, int(asked["after"]), min(float(asked["wait_s"]), signed.LONGEST_POLL_S))
            return signed.OK, pickle.dumps(told, 5)
        if self.path == "/close":
            sessions.close(name)
            return signed.OK, b""
        return 404, b""

    def _refuse(self, status: int) -> None:
        """Answers without having read the body, so that the connection cannot be used any more."""
        self.close_connection = True
        self._answer(status, b"")

    def _answer(self, status: int, body: bytes, kind: str = "application/octet-stream", signature: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if signature:
            self.send_header(signed.SIGNATURE, signature)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


def token_for(host: str, reference: str, home: Path) -> bytes:
    """The token of a server: the one that is referred to, or on this machine alone the home's own.

    Raises:
        BadArgumentError: there is none.
    """
    if reference:
        return signed.read_token(reference)
    if not is_loopback(host):
        raise BadArgumentError(
            argument=f"--bind {host}",
            detail="others can reach that, and whoever can, runs code here",
            advice="give the token that they must hold: --token env:NAME or --token file:PATH",
        )
    return signed.own_token(home / signed.TOKEN_FILE)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves until it is told to end."""
    asked = _asked(arguments)
    try:
        token = token_for(asked.bind, asked.token, asked.home)
        server = CallServer((asked.bind, asked.port), token, asked.workers, asked.limit_mb * _MIB)
    except (WeftlineError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    for number in (signal.SIGTERM, signal.SIGINT):  # `shutdown` waits for the loop, which this very thread runs
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    with server:
        host, port = server.server_address[:2]
        sys.stdout.write(f"serving at http://{host!s}:{port} with {asked.workers} slots\n")
        sys.stdout.flush()
        server.serve_forever(poll_interval=0.1)
    return 0


def _asked(arguments: Sequence[str] | None) -> argparse.Namespace:
    may_use = getattr(os, "sched_getaffinity", None)
    slots = len(may_use(0)) if may_use is not None else os.cpu_count() or 1
    parser = argparse.ArgumentParser(
        prog="python -m weftline.backends.http_server", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument(
        "--bind", default="127.0.0.1", help="the address to listen on; any but this machine's own wants a token"
    )
    parser.add_argument("--port", type=int, default=PORT, help=f"0 for any that is free; default {PORT}")
    parser.add_argument("--token", default="", help="env:NAME or file:PATH; default: server.token of the home, made if missing")
    parser.add_argument("--workers", type=int, default=slots, help="calls at the same time, of all clients together")
    parser.add_argument("--limit-mb", type=int, default=1024, help="the largest call or result, in MiB")
    parser.add_argument("--home", type=Path, default=Path(os.environ.get("WEFTLINE_HOME", ".weftline")))
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
