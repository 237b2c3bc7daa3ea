"""Calls on a server over HTTP: real servers, sockets and workers; lost connections, servers that die, and strangers."""

import contextlib
import hashlib
import http.client
import json
import os
import pickle
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from weftline import node
from weftline.backends import signed
from weftline.backends.http import HttpBackend
from weftline.backends.http_server import main
from weftline.backends.parcel import NodePacker, Parcel
from weftline.backends.sessions import Sessions
from weftline.errors import ServerRefusedError, ServerUnreachableError
from weftline.model.call import Call
from weftline.testing import BackendContract
from weftline.testing.calls import double, echo, follows

TOKEN = b"0123456789abcdef-of-the-tests"


class Server:
    """A server in a process of its own."""

    def __init__(self, *words, port=0, program=("-m", "weftline.backends.http_server"), **environment):
        self.process = subprocess.Popen(
            [sys.executable, *program, "--port", str(port), "--token", "env:T", *words],
            env={**os.environ, "T": TOKEN.decode(), **environment},
            stdout=subprocess.PIPE,
            text=True,
        )
        line = self.process.stdout.readline()
        assert line.startswith("serving at http://"), line
        self.url = line.split()[2]
        self.port = int(self.url.rpartition(":")[2])

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.communicate(timeout=30)


@pytest.fixture
def server():
    made = []

    def start(*words, **more):
        made.append(Server(*words, **more))
        return made[-1]

    yield start
    for each in made:
        if each.process.poll() is None:
            each.end()


@pytest.fixture(scope="module")
def servers():
    """One for each number of slots that the suite asks for."""
    made = {}

    def of(slots):
        if slots not in made:
            made[slots] = Server("--workers", str(slots))
        return made[slots]

    yield of
    for each in made.values():
        each.end()


class TestHttp(BackendContract):
    @pytest.fixture(autouse=True)
    def kept(self, servers):
        self.servers = servers

    def backend(self, slots):
        return HttpBackend(self.servers(slots).url, TOKEN)


def reports_of(backend, count, within_s=60.0):
    found = []
    until = time.monotonic() + within_s
    while len(found) < count and time.monotonic() < until:
        found += backend.poll(0.05)
    assert len(found) == count, found
    return {report.handle[1]: report for report in found}


def call(kind, item, /, attempt=1, timeout_s=None, **inputs):
    return Call((0, item, attempt), kind.spec, inputs, {}, timeout_s)


def waits(condition, within_s=20.0):
    until = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def workers_of(process):
    """The children of a process, whichever thread started them."""
    tasks = Path(f"/proc/{process}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def is_gone(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


# --- lost connections ---------------------------------------------------------------------------------------------


class Wire(threading.Thread):
    """A way to a server that can be cut: at once, or after a request was passed on and before its answer comes back."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._target = port
        self.is_up = True
        self.loses_answer_to = b""
        self.lost = 0
        self._sockets = []
        self.start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                self._sockets.append(near)
                if self.is_up:
                    threading.Thread(target=self._carry, args=(near,), daemon=True).start()
                else:
                    near.close()

    def _carry(self, near):
        with contextlib.suppress(OSError), near, socket.create_connection(("127.0.0.1", self._target)) as far:
            self._sockets.append(far)
            is_losing = False
            while True:
                for found in select.select([near, far], [], [])[0]:
                    content = found.recv(65536)
                    if not content:
                        return
                    if found is near and self.loses_answer_to and self.loses_answer_to in content:
                        is_losing = True
                    elif found is far and is_losing:  # the server has done what was asked
                        self.lost += 1
                        return
                    (far if found is near else near).sendall(content)

    def cut(self):
        self.is_up = False
        for each in self._sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._sockets = []

    def close(self):
        self._listening.close()
        self.cut()


@pytest.fixture
def cable():
    made = []

    def to(server):
        made.append(Wire(server.port))
        return made[-1]

    yield to
    for each in made:
        each.close()


def test_a_submit_whose_answer_was_lost_is_repeated_and_taken_once(server, cable, tmp_path):
    way = cable(server("--workers", "2"))
    with contextlib.closing(HttpBackend(f"http://127.0.0.1:{way.port}", TOKEN)) as backend:
        way.loses_answer_to = b"POST /calls"
        for number in range(4):
            (tmp_path / str(number)).mkdir()
            backend.submit(call(notes, number, folder=str(tmp_path / str(number))))
        waits(lambda: way.lost >= 3)
        way.loses_answer_to = b""
        assert [report.outputs for _, report in sorted(reports_of(backend, 4).items())] == [(1,)] * 4
        backend.submit(call(double, 4, number=1))
        reports_of(backend, 1)
        assert not backend.poll(0.3)
        assert [len(list((tmp_path / str(number)).iterdir())) for number in range(4)] == [1] * 4, "a call ran twice"


def test_reports_whose_answer_was_lost_are_told_again(server, cable):
    way = cable(server("--workers", "2"))
    with contextlib.closing(HttpBackend(f"http://127.0.0.1:{way.port}", TOKEN)) as backend:
        way.loses_answer_to = b"POST /reports"
        for number in range(10):
            backend.submit(call(double, number, number=number))
        waits(lambda: way.lost >= 2)
        way.loses_answer_to = b""
        found = reports_of(backend, 10)
        assert {number: report.outputs for number, report in found.items()} == {n: (2 * n,) for n in range(10)}
        assert not backend.poll(0.3)


def test_a_line_that_is_down_for_less_than_the_patience_costs_nothing(server, cable, tmp_path):
    way = cable(server("--workers", "1"))
    with contextlib.closing(HttpBackend(f"http://127.0.0.1:{way.port}", TOKEN, patience_s=30.0)) as backend:
        backend.submit(call(follows, 0, folder=str(tmp_path), name="a"))
        waits(Path(tmp_path, "began-a").exists)
        way.cut()
        backend.submit(call(double, 1, number=4))
        Path(tmp_path, "open").touch()
        assert not backend.poll(0.5)
        way.is_up = True
        found = reports_of(backend, 2)
        assert (found[0].outputs, found[1].outputs) == (("a",), (8,))


def test_a_call_for_a_backend_that_was_closed_fails_at_once(server):
    backend = HttpBackend(server().url, TOKEN)
    backend.submit(call(double, 0, number=1))
    reports_of(backend, 1)
    backend.close()
    backend.submit(call(double, 1, number=1))
    assert "give each run the address" in reports_of(backend, 1)[1].failure.message


def test_a_server_that_is_gone_for_too_long_fails_each_call_in_flight_and_is_used_again_when_it_is_back(server, tmp_path):
    first = server("--workers", "1")
    with contextlib.closing(HttpBackend(first.url, TOKEN, patience_s=1.0)) as backend:
        backend.submit(call(follows, 0, folder=str(tmp_path), name="a"))
        waits(Path(tmp_path, "began-a").exists)
        workers = workers_of(first.process.pid)
        first.end(signal.SIGKILL)
        backend.submit(call(double, 1, number=4))
        began = time.monotonic()
        found = reports_of(backend, 2)
        assert 0.5 < time.monotonic() - began < 10
        for report in found.values():
            assert (report.failure.kind, report.failure.transient, report.outputs) == ("ServerGoneError", True, None)
            assert "gone for 1 s" in report.failure.message
            assert "ConnectionRefusedError" in report.failure.message
        waits(lambda: all(map(is_gone, workers)))
        server("--workers", "1", port=first.port)
        backend.submit(call(double, 1, attempt=2, number=4))
        assert reports_of(backend, 1)[1].outputs == (8,)


def test_a_server_that_is_started_anew_loses_what_it_had_taken_and_nothing_else(server, cable, tmp_path):
    first = server("--workers", "1")
    with contextlib.closing(HttpBackend(first.url, TOKEN)) as backend:
        backend.submit(call(follows, 0, folder=str(tmp_path), name="a"))
        waits(Path(tmp_path, "began-a").exists)
        first.end(signal.SIGKILL)
        backend.submit(call(double, 1, number=4))
        server("--workers", "1", port=first.port)
        found = reports_of(backend, 2)
        assert "started anew" in found[0].failure.message
        assert found[0].failure.transient
        assert found[1].outputs == (8,)


def test_a_server_that_ends_takes_its_workers_along(server, tmp_path):
    one = server("--workers", "1")
    backend = HttpBackend(one.url, TOKEN, patience_s=0.5)
    backend.submit(call(follows, 0, folder=str(tmp_path), name="a"))
    waits(Path(tmp_path, "began-a").exists)
    workers = workers_of(one.process.pid)
    assert workers
    one.end()
    assert one.process.returncode == 0
    assert all(map(is_gone, workers))
    began = time.monotonic()
    backend.close()
    assert time.monotonic() - began < 10


def test_a_client_that_closes_or_is_silent_for_too_long_leaves_nothing_running(tmp_path):
    before = set(workers_of(os.getpid()))
    sessions = Sessions(2, 1 << 20)
    try:
        for name, gone_s in (("silent", 5.0), ("closes", 60.0)):
            sessions.open(name, b"k", gone_s, sys.path, [])
            session = sessions.find(name)
            parcel = Parcel.of(call(follows, 0, folder=str(tmp_path), name=name), NodePacker())
            sessions.take(session, [("call", 1, "follows", None, (None, 0.0), {}, parcel)])
            waits(Path(tmp_path, f"began-{name}").exists)
        assert len(set(workers_of(os.getpid())) - before) == 2
        waits(lambda: sessions.find("silent") is None)
        assert sessions.running == 1
        sessions.close("closes")
        assert sessions.running == 0
        assert sessions.find("closes") is None
        assert set(workers_of(os.getpid())) <= before
    finally:
        sessions.close()


def test_all_clients_share_the_slots(server, tmp_path):
    one = server("--workers", "1")
    with contextlib.closing(HttpBackend(one.url, TOKEN)) as a, contextlib.closing(HttpBackend(one.url, TOKEN)) as b:
        a.submit(call(follows, 0, folder=str(tmp_path), name="a"))
        waits(Path(tmp_path, "began-a").exists)
        b.submit(call(follows, 0, folder=str(tmp_path), name="b"))
        assert not b.poll(0.5)
        assert not Path(tmp_path, "began-b").exists()
        Path(tmp_path, "open").touch()
        assert reports_of(a, 1)[0].outputs == ("a",)
        assert reports_of(b, 1)[0].outputs == ("b",)


@node
def notes(folder: str) -> int:
    """Leaves a mark of its own each time."""
    os.close(tempfile.mkstemp(dir=folder)[0])
    return len(list(Path(folder).iterdir()))


@node
def grows(size: int) -> bytes:
    return bytes(size)


# --- limits -------------------------------------------------------------------------------------------------------


def test_what_is_too_large_fails_its_own_call_on_the_way_in_and_out(server):
    one = server("--workers", "1", "--limit-mb", "1")
    with contextlib.closing(HttpBackend(one.url, TOKEN)) as backend:
        backend.submit(call(echo, 0, content=bytes(2 << 20)))
        backend.submit(call(grows, 1, size=2 << 20))
        backend.submit(call(echo, 2, content=bytes(900_000)))
        backend.submit(call(echo, 3, content=bytes(900_000)))
        found = reports_of(backend, 4)
    assert [found[number].failure.kind for number in (0, 1)] == ["UnsendableError"] * 2
    assert "an input of node 'echo'" in found[0].failure.message
    assert "the result of node 'grows'" in found[1].failure.message
    assert all(found[number].outputs == (bytes(900_000),) for number in (2, 3))


# --- who may ------------------------------------------------------------------------------------------------------


def test_a_server_that_does_not_know_the_token_is_not_used(server):
    with pytest.raises(ServerRefusedError, match="does not know the token"):
        HttpBackend(server().url, b"another token of some length")


def test_nobody_there_is_a_clear_error():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(ServerUnreachableError, match="ConnectionRefusedError") as caught:
        HttpBackend(f"http://127.0.0.1:{port}", TOKEN)
    assert caught.value.transient


OTHER_VERSION = (
    "import weftline.version as v; v.__version__ = '99.0'; "
    "import weftline.backends.http_server as s; import sys; sys.exit(s.main(sys.argv[1:]))"
)


def test_another_version_is_refused_at_the_first_contact(server):
    with pytest.raises(ServerRefusedError, match=r"weftline is 99\.0 there"):
        HttpBackend(server(program=("-c", OTHER_VERSION)).url, TOKEN)


def answers(port, *, status=200, body=b"{}"):
    """Somebody who is no server of ours: an answer to each request."""

    def serve():
        with socket.create_server(("127.0.0.1", port)) as listening:
            ready.set()
            near, _ = listening.accept()
            with near:
                near.recv(65536)
                near.sendall(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body))

    ready = threading.Event()
    threading.Thread(target=serve, daemon=True).start()
    ready.wait()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def test_an_answer_that_is_not_signed_is_not_believed():
    port = free_port()
    answers(port, body=json.dumps({"session": "x", "nonce": "y", "slots": 9, "limit": 9, "memory_gb": 1, "host": "h"}).encode())
    with pytest.raises(ServerRefusedError, match="not signed"):
        HttpBackend(f"http://127.0.0.1:{port}", TOKEN)


def asked(server, path, body, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def signed_as(key, path, body, session=""):
    head = signed.Head(path, session, signed.new_nonce())
    digest = signed.digest_of(body)
    return {
        signed.SESSION: session,
        signed.NONCE: head.nonce,
        signed.DIGEST: digest,
        signed.SIGNATURE: signed.sign_request(key, head, digest),
    }


class Explodes:
    def __reduce__(self):
        return os.mkdir, (os.environ["EXPLODED"],)


def test_nothing_of_a_stranger_is_unpacked(server, tmp_path, monkeypatch):
    monkeypatch.setenv("EXPLODED", str(tmp_path / "exploded"))
    one = server()
    backend = HttpBackend(one.url, TOKEN)
    name = backend._session.session
    parcel = pickle.dumps([Explodes()])
    honest = pickle.dumps([])
    key = backend._session.key
    refused = [
        asked(one, "/calls", parcel)[0],
        asked(one, "/calls", parcel, **signed_as(b"wrong", "/calls", parcel, name))[0],
        asked(one, "/calls", parcel, **signed_as(TOKEN, "/calls", parcel, name))[0],
        asked(one, "/calls", parcel, **signed_as(key, "/calls", honest, name))[0],
        asked(one, "/calls", parcel, **signed_as(key, "/reports", parcel, name))[0],
        asked(one, "/calls", parcel, **signed_as(key, "/calls", parcel, "nobody"))[0],
        asked(one, "/greet", parcel, **signed_as(b"wrong", "/greet", parcel))[0],
    ]
    assert refused == [403, 403, 403, 403, 403, 410, 403]
    assert not (tmp_path / "exploded").exists()
    assert asked(one, "/calls", honest, **signed_as(key, "/calls", honest, name))[0] == 200
    with pytest.raises(http.client.RemoteDisconnected):  # it makes no sense; but whoever holds the key, runs code
        asked(one, "/calls", parcel, **signed_as(key, "/calls", parcel, name))
    assert (tmp_path / "exploded").exists()
    backend.close()
    assert asked(one, "/calls", honest, **signed_as(key, "/calls", honest, name))[0] == 410


def test_a_body_that_is_too_long_is_not_read(server):
    one = server("--limit-mb", "1")
    headers = signed_as(TOKEN, "/greet", b"x") | {"Content-Length": str(1 << 40)}
    assert asked(one, "/greet", b"", **headers)[0] == 413


def test_health_is_for_everybody_and_says_little(server):
    connection = http.client.HTTPConnection("127.0.0.1", server("--workers", "3").port, timeout=10)
    connection.request("GET", "/health")
    told = json.loads(connection.getresponse().read())
    connection.close()
    assert (told.pop("status"), told.pop("slots"), told.pop("running")) == ("ok", 3, 0)
    assert list(told) == ["weftline"]


def test_listening_to_others_wants_a_token(capsys, monkeypatch, tmp_path):
    assert main(["--bind", "0.0.0.0", "--home", str(tmp_path)]) == 2
    assert "--token" in capsys.readouterr().err
    monkeypatch.setenv("SHORT", "1234")
    assert main(["--bind", "0.0.0.0", "--token", "env:SHORT"]) == 2
    assert "shorter than 16" in capsys.readouterr().err
    assert main(["--token", "1234567890123456789"]) == 2
    told = capsys.readouterr().err
    assert "env:NAME" in told
    assert "1234567890" not in told


def test_the_token_of_a_home_is_made_once_and_is_private(tmp_path):
    path = tmp_path / "home" / "server.token"
    token = signed.own_token(path)
    assert signed.own_token(path) == token
    assert len(token) >= 32
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    with pytest.raises(Exception, match="others may read"):
        signed.own_token(path)


# --- whole runs ---------------------------------------------------------------------------------------------------

FLOW = """
    import json, os, sys
    from weftline import Pipeline, Policy, node
    import prices

    @node(provides="items")
    def items() -> list[int]:
        print("made by", os.getpid())
        return list(range(6))

    @node(requires={"x": "items"}, over="items", provides="priced")
    def priced(x: int) -> int:
        return x * prices.FACTOR

    @node(provides="rate")
    def rate() -> int:
        import tariff
        return tariff.RATE

    pipeline = Pipeline([items, priced, rate] if os.environ.get("WITH_TARIFF") else [items, priced])

    if __name__ == "__main__":
        address, patched = sys.argv[1:]
        if patched == "unlink":
            os.unlink(__file__)
        elif patched:
            prices.FACTOR = int(patched)
        result = pipeline.run(backend=address, on_failure="continue")
        failures = [f"{found.kind}: {found.message}" for _, found in result.failures]
        print(json.dumps({"status": result.status, "priced": None if failures else result["priced"], "failures": failures}))
"""


@pytest.fixture
def flow(program):
    made = program(FLOW)
    made.file.with_name("prices.py").write_text("FACTOR = 10\n")
    return made


def run(flow, one, patched="", **environment):
    return flow.run(f"{one.url}?token=env:T&patience_s=10", patched, T=TOKEN.decode(), **environment)


def test_a_pipeline_runs_on_a_server_that_was_started_elsewhere(flow, server):
    one = server("--workers", "2")
    assert run(flow, one) == {"status": "completed", "priced": [0, 10, 20, 30, 40, 50], "failures": []}
    logs = "".join(path.read_text() for path in flow.home.rglob("*.log"))
    assert "made by" in logs
    assert flow.run("inline", "")["priced"] == [0, 10, 20, 30, 40, 50]
    waits(lambda: workers_of(one.process.pid) == [])


def test_a_server_with_other_code_is_refused(flow, server):
    told = run(flow, server(), "11")
    assert any("FACTOR is 10 there, 11 here" in text and text.startswith("OtherCodeError") for text in told["failures"]), told


def test_a_server_without_the_sources_is_refused(flow, server):
    told = run(flow, server(), "unlink")
    assert any("flow_under_test.py is not there where the call should run" in text for text in told["failures"]), told


def test_a_server_with_other_libraries_is_refused(flow, server, tmp_path):
    for version in (1, 2):
        folder = tmp_path / str(version) / "site-packages"
        (folder / f"tariff-{version}.0.dist-info").mkdir(parents=True)
        (folder / f"tariff-{version}.0.dist-info" / "METADATA").write_text(f"Name: tariff\nVersion: {version}.0\n")
        (folder / "tariff.py").write_text(f"RATE = {version}\n")
    paths = [str(tmp_path / str(version) / "site-packages") for version in (1, 2)]
    one = server(PYTHONPATH=paths[0])
    same = run(flow, one, WITH_TARIFF="1", PYTHONPATH=paths[0])
    assert (same["status"], same["failures"]) == ("completed", [])
    told = run(flow, one, WITH_TARIFF="1", PYTHONPATH=paths[1])
    assert any(
        "tariff is 1.0 there, 2.0 here" in text and text.startswith("OtherVersionsError") for text in told["failures"]
    ), told


def test_the_token_of_the_home_is_enough_on_one_machine(flow, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "weftline.backends.http_server", "--port", "0", "--home", str(flow.home)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        url = process.stdout.readline().split()[2]
        assert flow.run(url, "")["status"] == "completed"
    finally:
        process.terminate()
        process.communicate(timeout=30)


def test_digests_and_signatures_are_what_they_say():
    assert signed.digest_of(b"x") == hashlib.sha256(b"x").hexdigest()
    assert signed.sign(b"k", "ab", "c") != signed.sign(b"k", "a", "bc")
