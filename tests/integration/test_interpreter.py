"""Calls in another Python: environments that are really made, with uv and with pip, and workers that really run in them."""

import importlib.metadata
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from weftline import Environment
from weftline.backends.environments import environment_python
from weftline.backends.interpreter import InterpreterBackend
from weftline.errors import EnvironmentFailedError
from weftline.model.call import Call
from weftline.testing import BackendContract
from weftline.testing.calls import double

from .wheels import put_wheel

HAS_UV = shutil.which("uv") is not None


def other_python():
    """The version of a Python that works, and is not the one of these tests; None if there is none."""
    for minor in range(11, 16):
        found = shutil.which(f"python3.{minor}")
        if minor != sys.version_info.minor and found:
            asked = subprocess.run([found, "-c", "import venv"], capture_output=True, check=False)
            if asked.returncode == 0:
                return f"3.{minor}"
    return None


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """What environments are made of; weftline's own requirements are empty ones."""
    folder = tmp_path_factory.mktemp("wheels")
    for requirement in importlib.metadata.requires("weftline"):
        if "extra" not in requirement:
            put_wheel(folder, re.match(r"[\w.-]+", requirement).group(), "99.0")
    put_wheel(folder, "tariff", "1.0", "RATE = 1\n")
    put_wheel(folder, "tariff", "2.0", "RATE = 2\n")
    return folder


@pytest.fixture(scope="module")
def environments(tmp_path_factory):
    return tmp_path_factory.mktemp("environments")


@pytest.fixture(autouse=True)
def offline(wheels, monkeypatch):
    """The settings of uv and pip reach them; nothing else does."""
    monkeypatch.setenv("UV_FIND_LINKS", str(wheels))
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_DISABLE_PIP_VERSION_CHECK", "1")


@pytest.fixture
def without_uv(monkeypatch):
    folders = [folder for folder in os.get_exec_path() if not Path(folder, "uv").exists()]
    monkeypatch.setenv("PATH", os.pathsep.join(folders))


class TestInterpreter(BackendContract):
    @pytest.fixture(autouse=True)
    def kept(self, environments):
        self.environments = environments

    def backend(self, slots):
        return InterpreterBackend(Environment(("tariff",)), slots, self.environments)


def asked(python, program):
    return subprocess.run([python, "-c", program], capture_output=True, text=True, check=True).stdout.strip()


def ends(process, within_s=10.0):
    """Whether a process is gone in time."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


def one_report(backend, within_s=60.0):
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        reports = backend.poll(0.1)
        if reports:
            (report,) = reports
            return report
    raise AssertionError("no report came")


# --- making -------------------------------------------------------------------------------------------------------


def test_an_environment_has_what_was_asked_for_and_this_weftline(tmp_path):
    python = environment_python(Environment(("tariff<2",)), tmp_path)
    program = "import tariff, weftline, importlib.metadata as m; print(tariff.RATE, weftline.__path__, m.version('weftline'))"
    told = asked(python, program)
    assert told.startswith("1 ")
    assert len(list(tmp_path.glob("*/made.json"))) == 1
    installed = json.loads(next(tmp_path.glob("*/made.json")).read_text())["installed"]
    assert (installed["tariff"], installed["rich"], installed["typer"]) == ("1.0", "99.0", "99.0")


def test_it_is_made_with_venv_and_pip_where_there_is_no_uv(tmp_path, without_uv):
    assert shutil.which("uv") is None
    assert asked(environment_python(Environment(("tariff",)), tmp_path), "import tariff; print(tariff.RATE)") == "2"


def test_another_python_has_another_environment(tmp_path):
    version = other_python()
    if version is None:
        pytest.skip("this machine has no second Python")
    program = "import sys, tariff; print(*sys.version_info[:2], sep='.')"
    assert asked(environment_python(Environment(("tariff",), version), tmp_path), program) == version
    assert asked(environment_python(Environment(("tariff",)), tmp_path), program) != version
    assert len(list(tmp_path.glob("*/made.json"))) == 2


def test_a_python_that_is_not_there_is_a_clear_error(tmp_path):
    with pytest.raises(EnvironmentFailedError) as caught:
        environment_python(Environment(python="3.99"), tmp_path)
    assert "there is no Python 3.99" in caught.value.message
    assert "uv python install 3.99" in caught.value.fix


@pytest.mark.parametrize("tool", ["uv", "pip"])
def test_a_failure_tells_what_the_tool_said_last(tmp_path, tool, request):
    if tool == "uv" and not HAS_UV:
        pytest.skip("uv is not installed")
    if tool == "pip":
        request.getfixturevalue("without_uv")
    with pytest.raises(EnvironmentFailedError) as caught:
        environment_python(Environment(("no-such-thing==7",)), tmp_path)
    message = caught.value.message
    assert "python as here, no-such-thing==7" in message
    assert "no-such-thing" in message.partition("says\n")[2], message
    assert not list(tmp_path.glob("*/made.json"))


MAKER = """
import sys, time
from pathlib import Path
from weftline import Environment
from weftline.backends.environments import environment_python
folder = Path(sys.argv[1])
(folder / f"here-{sys.argv[2]}").touch()
while len(list(folder.glob("here-*"))) < int(sys.argv[3]):
    time.sleep(0.005)
print(environment_python(Environment(("tariff",)), folder))
"""


def maker(folder, name, together=1, **environment):
    command = [sys.executable, "-c", MAKER, str(folder), name, str(together)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment}, start_new_session=True
    )


def counting_uv(folder, then):
    """A program called uv that leaves a line for each time, and then does something."""
    tools = folder / "tools"
    tools.mkdir()
    (tools / "uv").write_text(f'#!/bin/sh\necho "$$ $1" >> {folder}/uses\n{then}\n')
    (tools / "uv").chmod(0o755)
    return {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}


def test_several_processes_that_want_one_environment_make_it_once(tmp_path):
    if not HAS_UV:
        pytest.skip("uv is not installed")
    environment = counting_uv(tmp_path, f'exec {shutil.which("uv")} "$@"')
    makers = [maker(tmp_path, str(number), 4, **environment) for number in range(4)]
    told = {process.communicate(timeout=120)[0] for process in makers}
    assert all(process.returncode == 0 for process in makers)
    assert len(told) == 1
    assert [line.split()[1] for line in (tmp_path / "uses").read_text().splitlines()] == ["venv", "pip"]


def test_what_a_process_leaves_that_dies_while_making_is_not_used(tmp_path):
    environment = counting_uv(tmp_path, 'if [ "$1" = venv ]; then mkdir -p "$4"; touch "$4/half"; fi; sleep 60')
    process = maker(tmp_path, "a", **environment)
    until = time.monotonic() + 30
    while not list(tmp_path.glob("*/half")):
        assert time.monotonic() < until
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    (tool, _), *_ = [line.split() for line in (tmp_path / "uses").read_text().splitlines()]
    os.killpg(int(tool), signal.SIGKILL)  # the kernel would do that for a maker that was alone in its container
    python = environment_python(Environment(("tariff",)), tmp_path)
    assert asked(python, "import tariff; print(tariff.RATE)") == "2"
    assert not list(tmp_path.glob("*/half"))


def test_an_environment_whose_python_is_gone_is_made_again(tmp_path):
    python = environment_python(Environment(("tariff",)), tmp_path)
    Path(python).unlink()
    assert asked(environment_python(Environment(("tariff",)), tmp_path), "import tariff; print(tariff.RATE)") == "2"


# --- the backend --------------------------------------------------------------------------------------------------


def test_calls_wait_for_the_environment_can_be_withdrawn_and_nothing_is_left_when_it_closes(tmp_path, monkeypatch):
    for name, value in counting_uv(tmp_path, "sleep 60").items():
        monkeypatch.setenv(name, value)
    backend = InterpreterBackend(Environment(("tariff",)), 1, tmp_path)
    began = time.monotonic()
    for number in range(2):
        backend.submit(Call((0, number, 1), double.spec, {"number": number}, {}))
    assert not backend.poll(0.05)
    backend.cancel((0, 1, 1))
    assert one_report(backend).cancelled
    until = time.monotonic() + 30
    while not (tmp_path / "uses").exists():
        assert time.monotonic() < until
        time.sleep(0.01)
    backend.close()
    assert time.monotonic() - began < 30
    assert ends(int((tmp_path / "uses").read_text().split()[0])), "the tool still runs"


@pytest.mark.parametrize("options", [[], ["-O"], ["-OO"]])
def test_it_leaves_out_asserts_where_the_program_does(options):
    """Whether they run is a part of keys, also of those of another Python."""
    told = "from weftline.backends.launch import with_python; print(*with_python('other').python)"
    done = subprocess.run([sys.executable, *options, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["other", *options]


def test_after_it_was_closed_it_is_used_again(tmp_path, monkeypatch):
    backend = InterpreterBackend(Environment(("tariff<2",)), 1, tmp_path)
    with monkeypatch.context() as patched:
        for name, value in counting_uv(tmp_path, "sleep 60").items():
            patched.setenv(name, value)
        backend.submit(Call((0, 0, 1), double.spec, {"number": 1}, {}))
        backend.close()
    for number in range(2):  # whatever it was doing: making the environment, running calls
        backend.submit(Call((0, number, 1), double.spec, {"number": number}, {}))
        report = one_report(backend)
        backend.close()
        assert (report.handle, report.outputs) == ((0, number, 1), (2 * number,))


def test_a_second_attempt_tries_to_make_it_again(tmp_path, wheels):
    backend = InterpreterBackend(Environment(("latecomer",)), 1, tmp_path)
    try:
        for number in range(2):  # the second is told without another try
            backend.submit(Call((0, number, 1), double.spec, {"number": 4}, {}))
            failure = one_report(backend).failure
            assert (failure.kind, failure.transient) == ("EnvironmentFailedError", False)
            assert "latecomer" in failure.message
        put_wheel(wheels, "latecomer", "1.0")
        backend.submit(Call((0, 0, 2), double.spec, {"number": 4}, {}))
        assert one_report(backend).outputs == (8,)
    finally:
        backend.close()
        (wheels / "latecomer-1.0-py3-none-any.whl").unlink(missing_ok=True)


FLOW = """
    import enum, json, os, sys
    from pathlib import Path
    from typing import NamedTuple
    from weftline import Environment, Pipeline, node
    import prices

    class Colour(enum.Enum):
        RED = 1

    class Line(NamedTuple):
        amount: int
        colour: Colour = Colour.RED

        @staticmethod
        def doubled(amount):
            return 2 * amount

    @node(provides="rate")
    def rate(factor: int = 1) -> int:
        import tariff
        print("looked up")
        return tariff.RATE * prices.FACTOR * Line(factor).amount * Colour.RED.value

    @node(provides="python")
    def python() -> str:
        return ".".join(map(str, sys.version_info[:2]))

    pipeline = Pipeline([rate, python])

    if __name__ == "__main__":
        requirement, version, patched = sys.argv[1:]
        if patched:
            prices.FACTOR = int(patched)
        environment = Environment((requirement,), version) if requirement else None
        result = pipeline.run(backend=environment, on_failure="continue")
        steps = {name: step.decision for name, step in result.steps.items()}
        failures = [found.message for _, found in result.failures]
        values = {} if failures else {key: result[key] for key in ("rate", "python")}
        logs = "".join(path.read_text() for path in Path(os.environ["WEFTLINE_HOME"]).rglob("*.log"))
        print(json.dumps({"steps": steps, "values": values, "failures": failures, "logs": logs}))
"""


@pytest.fixture
def flow(program):
    made = program(FLOW)
    made.file.with_name("prices.py").write_text("FACTOR = 10\n")
    return made


def test_a_run_uses_the_environment_and_its_results_are_keyed_by_it(flow):
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    first = flow.run("tariff<2", "", "")
    assert (first["values"], first["failures"]) == ({"rate": 10, "python": here}, [])
    assert "looked up" in first["logs"]
    elsewhere = flow.folder / "site-packages"  # of a Python that has something else there
    elsewhere.mkdir()
    (elsewhere / "tariff.py").write_text("RATE = 7\n")
    assert flow.run("tariff==1.0", "", "", PYTHONPATH=str(elsewhere))["values"]["rate"] == 10
    again = flow.run("tariff<2", "", "")
    assert again["steps"] == {"rate": "CACHED", "python": "CACHED"}
    other = flow.run("tariff>=2", "", "")
    assert other["steps"] == {"rate": "RUN", "python": "RUN"}
    assert other["values"]["rate"] == 20
    nowhere = flow.run("", "", "")
    assert "No module named 'tariff'" in nowhere["failures"][0], "it took the result of another environment"


def test_another_python_reads_the_same_sources_and_notices_others(flow):
    version = other_python()
    if version is None:
        pytest.skip("this machine has no second Python")
    assert flow.run("tariff<2", version, "")["values"] == {"rate": 10, "python": version}
    refused = flow.run("tariff<2", version, "11")
    assert any("prices.FACTOR" in text or "FACTOR is 10 there, 11 here" in text for text in refused["failures"]), refused
