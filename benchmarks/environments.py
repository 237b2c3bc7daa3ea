"""A virtual environment for each peer below `.venvs/`, made when it is first needed; with uv where it is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENVS = HERE / ".venvs"
INSTALL_LIMIT_S = 900

#: What is installed for each peer. The versions are those that the adapters were written for; raise them together.
REQUIREMENTS: dict[str, tuple[str, ...]] = {
    "hamilton": ("sf-hamilton==1.90.0",),
    "pipefunc": ("pipefunc==0.93.2",),
    "dask": ("dask==2026.8.0",),
    "haystack": ("haystack-ai==3.4.0",),
    "kedro": ("kedro==1.7.0",),
    "luigi": ("luigi==3.8.1",),
    "dagster": ("dagster==1.13.28",),
    "dbos": ("dbos==3.4.0",),
    "redun": ("redun==0.44.1", "numpy==2.4.6"),
    "prefect": ("prefect==3.8.8", "fastapi==0.139.*"),  # its server does not start with the newest fastapi that it allows
    "diskcache": ("diskcache==5.6.3", "numpy==2.4.6"),
    "joblib": ("joblib==1.6.0", "numpy==2.4.6"),
    "loky": ("loky==3.7.0",),
    "distributed": ("distributed==2026.8.0", "dask==2026.8.0"),
    "ray": ("ray==2.60.0",),
    "snakemake": ("snakemake==9.27.1",),
    "dvc": ("dvc==3.67.1",),
}


#: No peer reports its use to anybody.
OPT_OUT = {
    "DO_NOT_TRACK": "1",
    "DAGSTER_DISABLE_TELEMETRY": "yes",
    "HAMILTON_TELEMETRY_ENABLED": "false",
    "HAYSTACK_TELEMETRY_ENABLED": "False",
    "KEDRO_DISABLE_TELEMETRY": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
}
#: Peers write no logs to the terminal or to a server, as weftline's rows do not either.
QUIET = {
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_TO_API_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "60",
}


def surroundings(folder: str) -> dict[str, str]:
    """Environment variables of a measured process; everything that it leaves behind is below a folder."""
    of_peers = ("WEFTLINE", "PREFECT", "DAGSTER", "DBOS", "HAMILTON", "HAYSTACK", "KEDRO", "PYTHONPATH")
    kept = {name: value for name, value in os.environ.items() if name.partition("_")[0] not in of_peers}
    places = {"TMPDIR": folder, "PREFECT_HOME": f"{folder}/prefect", "XDG_CACHE_HOME": f"{folder}/cache"}
    return {**kept, **OPT_OUT, **QUIET, **places}


class NotInstalledError(Exception):
    """A peer's environment could not be made; the message is short enough for a table."""


def python_of(name: str) -> Path:
    """The interpreter of a peer's environment, made if it is missing; weftline is measured as it is installed here.

    Raises:
        NotInstalledError: the peer cannot be installed.
    """
    if name in {"weftline", "bare"}:
        return Path(sys.executable)
    folder, wanted = VENVS / name, REQUIREMENTS[name]
    python, mark = folder / "bin" / "python", folder / ".installed"
    content = "\n".join((sys.version, *wanted))
    if mark.exists() and mark.read_text() == content:
        return python
    print(f"setting up {name}: {', '.join(wanted)}", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    uv = shutil.which("uv", path=_search_path())
    if uv:
        _call([uv, "venv", "--quiet", "--python", sys.executable, str(folder)])
        _call([uv, "pip", "install", "--quiet", "--python", str(python), *wanted])
    else:
        _call([sys.executable, "-m", "venv", str(folder)])
        _call([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted])
    mark.write_text(content)
    return python


def _search_path() -> str:
    """PATH, and the folder of this interpreter before it."""
    return os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))


def _call(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_LIMIT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise NotInstalledError(f"not installed: took more than {INSTALL_LIMIT_S} s") from error
    if done.returncode:
        print(done.stderr.strip(), file=sys.stderr)
        lines = [line.strip() for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        raise NotInstalledError(f"not installed: {lines[-1][:70] if lines else 'no reason given'}")
