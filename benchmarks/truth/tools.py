"""The tools of the truth table: how each is given the project, how it is run, and what its users cannot say to it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from truth.translate import plain, scripts, with_private_helpers

HERE = Path(__file__).resolve().parent

Files = dict[str, str]
Params = dict[str, int | str]

DECLARED_FILES = frozenset({
    "declared file",
    "file in a declared folder",
    "file added to a declared folder",
    "file removed from a declared folder",
    "file in a declared folder renamed",
})  # fmt: skip
DECLARED_VARIABLES = frozenset({"declared environment variable"})
LIBRARIES = frozenset({"version of a library", "folder of a library"})


def as_it_is(files: Files, params: Params) -> Files:
    del params
    return files | {"plain.py": (HERE / "plain.py").read_text()}


def as_functions(files: Files, params: Params) -> Files:
    """The same modules without weftline; the flow is `steps.py`."""
    del params
    made = {name: plain(text) if name.endswith(".py") else text for name, text in files.items()}
    made["steps.py"] = made.pop("flow.py")
    return made | {"plain.py": (HERE / "plain.py").read_text()}


def for_hamilton(files: Files, params: Params) -> Files:
    """As Hamilton has it: helpers in a module of nodes begin with `_`, and a path is a text.

    It knows no fingerprint of a `Path`, so that the node would always run.
    """
    made = as_functions(files, params)
    text = replaced(made["steps.py"], 'source: Path = Path("data/orders.csv")', 'source: str = "data/orders.csv"')
    text = replaced(text, "in read(source)", "in read(Path(source))")
    made["steps.py"] = with_private_helpers(text)
    return made


def with_redun_files(files: Files, params: Params) -> Files:
    """The files that the first node reads are arguments of it, of redun's own classes."""
    made = as_functions(files, params)
    text = replaced(made["steps.py"], "import os\n", "import os\n\nfrom redun import Dir, File\n")
    text = replaced(text, 'source: Path = Path("data/orders.csv")', 'source: File = File("data/orders.csv")')
    text = replaced(text, "in read(source)", "in read(Path(source.path))")
    extra = 'closing: File = File("data/closed.txt"), zoning: Dir = Dir("data/zones")'
    made["steps.py"] = replaced(text, ") -> list[Order]:\n", f", {extra}) -> list[Order]:\n")
    return made


def replaced(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, old
    return text.replace(old, new)


def as_scripts(files: Files, tail: str) -> Files:
    made = {name: text for name, text in as_functions(files, {}).items() if name != "steps.py"}
    for role, text in scripts(files).items():
        made[f"stages/{role}.py"] = text + tail.format(role=role)
    made["keeping.py"] = (HERE / "keeping.py").read_text()
    return made


SNAKEMAKE_TAIL = """
from keeping import run_stage

run_stage("{role}", NODE, dict(snakemake.params.items()) | {{k: v for k, v in snakemake.input.items() if k == "source"}})
"""
DVC_TAIL = """
if __name__ == "__main__":
    import json
    from pathlib import Path

    from keeping import run_stage

    run_stage("{role}", NODE, json.loads(Path("params.yaml").read_text()))
"""


def defaults(files: Files) -> Params:
    """The parameters of the first node: such tools have them in a file of their own."""
    limit = re.search(r"limit: int = (\d+)", files["flow.py"])
    assert limit is not None
    return {"source": "data/orders.csv", "limit": int(limit[1])}


def for_snakemake(files: Files, params: Params) -> Files:
    del params  # they are given on its command line
    written = {"Snakefile": (HERE / "Snakefile").read_text(), "config.yaml": json.dumps(defaults(files))}
    return as_scripts(files, SNAKEMAKE_TAIL) | written


def for_dvc(files: Files, params: Params) -> Files:
    written = {"dvc.yaml": (HERE / "dvc.yaml").read_text(), "params.yaml": json.dumps(defaults(files) | params)}
    return as_scripts(files, DVC_TAIL) | written


def for_dvc_with_package(files: Files, params: Params) -> Files:
    """The folder of the package is a dependency of each stage, beside its script."""
    made = for_dvc(files, params)
    made["dvc.yaml"] = re.sub(r"deps: \[(stages/\w+\.py)", r"deps: [\1, shop", made["dvc.yaml"])
    return made


def program(name: str) -> Callable[[Params], list[str]]:
    return lambda params: ["python", "-P", str(HERE / f"{name}.py"), json.dumps(params)]


def snakemake(params: Params) -> list[str]:
    given = [f"{name}={value}" for name, value in params.items()]
    return ["snakemake", "--cores", "1", "--quiet", "all", *(["--config", *given] if given else [])]


@dataclass(frozen=True)
class Tool:
    """A column of the table.

    Attributes:
        name: of the column.
        environment: whose Python runs it; see `environments.py`.
        distribution: whose version is printed.
        files: what the project is for it.
        command: what is typed; the first word is looked up in its environment.
        note: how it is used.
        cannot: rows whose declaration it has no counterpart for.
        setup: typed once, before the first run.
    """

    name: str
    environment: str
    distribution: str
    files: Callable[[Files, Params], Files]
    command: Callable[[Params], list[str]]
    note: str
    cannot: frozenset[str] = frozenset()
    setup: tuple[str, ...] = ()


NO_FILES = DECLARED_FILES | DECLARED_VARIABLES
DVC_INIT = ("dvc", "init", "--no-scm", "--quiet")

TOOLS = [
    Tool("weftline", "weftline", "weftline", as_it_is, program("weftline"), "the flow as it stands"),
    Tool(
        "hamilton",
        "hamilton",
        "sf-hamilton",
        for_hamilton,
        program("hamilton"),
        "driver with_cache; its key has the node's own source and its inputs; helpers begin with _, the path is a str",
        NO_FILES,
    ),
    Tool(
        "joblib",
        "joblib",
        "joblib",
        as_functions,
        program("joblib"),
        "Memory.cache on each function; compares the function's own source, and the arguments by content",
        NO_FILES,
    ),
    Tool(
        "pipefunc",
        "pipefunc",
        "pipefunc",
        as_functions,
        program("pipefunc"),
        "cache=True, cache_type='disk'; its key has a fingerprint of the function, and the pipeline's inputs",
        NO_FILES,
    ),
    Tool(
        "redun",
        "redun",
        "redun",
        with_redun_files,
        program("redun"),
        "tasks without version=; its key has the task's own source and its arguments; files are File and Dir arguments",
        DECLARED_VARIABLES,
    ),
    Tool(
        "prefect",
        "prefect",
        "prefect",
        as_functions,
        program("prefect"),
        "tasks with INPUTS + TASK_SOURCE and persist_result=True",
        NO_FILES,
    ),
    Tool(
        "snakemake",
        "snakemake",
        "snakemake",
        for_snakemake,
        snakemake,
        "a rule with script: for each node, default triggers; software is tracked by conda or containers, which are not tried",
        LIBRARIES,
    ),
    Tool(
        "dvc",
        "dvc",
        "dvc",
        for_dvc,
        lambda params: ["dvc", "repro", "--quiet"],
        "a stage for each node; its script and its data are deps, as in the tutorial",
        DECLARED_VARIABLES,
        DVC_INIT,
    ),
    Tool(
        "dvc +shop",
        "dvc",
        "dvc",
        for_dvc_with_package,
        lambda params: ["dvc", "repro", "--quiet"],
        "the same, and the folder with the helpers is one of each stage's deps",
        DECLARED_VARIABLES,
        DVC_INIT,
    ),
]
ORACLE = Tool("plain", "weftline", "weftline", as_functions, program("plain"), "the functions called one by one: no cache")
