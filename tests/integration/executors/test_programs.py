"""Programs that run on executors of other packages: nodes of the main program, workers that die, workers with old code."""

from __future__ import annotations

import importlib.util
import shutil

import pytest

MAKES = {
    "loky": """
        from loky import ProcessPoolExecutor
        return ExecutorBackend(factory=lambda: ProcessPoolExecutor(2), slots=2)
    """,
    "distributed": """
        import dask
        from distributed import Client, LocalCluster
        dask.config.set({"distributed.scheduler.allowed-failures": 0})
        cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0")
        client = Client(cluster)
        return ExecutorBackend(client.get_executor(), sum(client.ncores().values()))
    """,
    "mpi4py": """
        from mpi4py.futures import MPIPoolExecutor
        return ExecutorBackend(factory=lambda: MPIPoolExecutor(2), slots=2)
    """,
    "executorlib": """
        from executorlib import SingleNodeExecutor
        return ExecutorBackend(factory=lambda: SingleNodeExecutor(max_workers=2), slots=2)
    """,
}
PROGRAM = """
    import json, os, signal, sys
    from pathlib import Path
    from weftline import Pipeline, Policy, node
    from weftline.backends.executor import ExecutorBackend

    MARKS = os.environ["MARKS"]

    @node
    def numbers() -> list[int]:
        return list(range(6))

    @node(over="numbers", provides="squares", policy=Policy(max_attempts=2, backoff="none"))
    def square(numbers: int, dies: bool = False) -> int:
        print("square of", numbers)
        if dies and numbers == 3:
            try:
                os.close(os.open(os.path.join(MARKS, "died"), os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                return 9
            os.kill(os.getpid(), signal.SIGKILL)
        return numbers * numbers

    pipeline = Pipeline([numbers, square], name="squares")

    def backend():
        MAKE

    if __name__ == "__main__":
        if "again" in sys.argv:
            result = pipeline.resume(backend=backend(), params={"dies": True})
        else:
            result = pipeline.run(backend=backend(), params={"dies": "dies" in sys.argv})
        logs = [path.read_text() for path in Path(os.environ["WEFTLINE_HOME"], "logs").rglob("*.log")]
        told = [result.status, result["squares"], result.steps["square"].attempts, sorted(logs)]
        failures = [found.message for found in result.steps["square"].failures.values()]
        print(json.dumps([*told, failures]))
"""


def needs(package):
    is_there = importlib.util.find_spec(package) is not None and (package != "mpi4py" or shutil.which("mpiexec") is not None)
    return pytest.param(
        package, marks=pytest.mark.skipif(not is_there, reason=f"{package} is not installed: make test-executors")
    )


def made_for(package, program):
    return program(PROGRAM.replace("MAKE", MAKES[package].strip()))


@pytest.mark.parametrize("package", [needs(package) for package in MAKES])
def test_nodes_of_the_main_program_run_and_what_they_print_is_kept(package, program):
    status, squares, attempts, logs, _ = made_for(package, program).run()
    assert (status, squares, attempts) == ("completed", [0, 1, 4, 9, 16, 25], 1)
    assert sum("square of" in log for log in logs) == 6, logs


@pytest.mark.parametrize("package", [needs(package) for package in ["loky", "distributed", "executorlib"]])
def test_a_worker_that_dies_costs_an_attempt(package, program):
    status, squares, attempts, _, failures = made_for(package, program).run("dies")
    assert (status, squares) == ("completed", [0, 1, 4, 9, 16, 25]), failures
    assert attempts == 2


@pytest.mark.parametrize("package", [needs("mpi4py")])
def test_mpi_ends_with_a_worker_that_dies_and_the_run_is_resumed(package, program):
    """That is MPI's rule, and nothing is lost by it that was recorded."""
    made = made_for(package, program)
    process = made.start("dies")
    process.communicate(timeout=60)
    assert process.returncode != 0
    status, squares, _, _, _ = made.run("again")
    assert (status, squares) == ("completed", [0, 1, 4, 9, 16, 25])


OLD_WORKERS = """
    import json, sys
    from distributed import Client, LocalCluster
    from weftline import Pipeline, node
    from weftline.backends.executor import ExecutorBackend
    import rates

    @node
    def out() -> int:
        return rates.K

    if __name__ == "__main__":
        with LocalCluster(n_workers=1, dashboard_address=":0") as cluster, Client(cluster) as client:
            backend = ExecutorBackend(client.get_executor(), 1)
            first = Pipeline([out]).run(backend=backend, home=None)
            rates.K = 2
            second = Pipeline([out]).run(backend=backend, home=None)
            print(json.dumps([first.status, second.status, str(second.failures[0][1].finding)]))
"""


@pytest.mark.parametrize("package", [needs("distributed")])
def test_workers_with_old_code_are_refused(package, program):
    made = program(OLD_WORKERS)
    (made.folder / "rates.py").write_text("K = 1\n")
    first, second, told = made.run()
    assert (first, second) == ("completed", "failed")
    assert "rates.K is 1 there, 2 here" in told
    assert "have to be started again" in told


@pytest.mark.parametrize("package", [needs("distributed")])
def test_a_second_attempt_at_an_equal_call_is_one(package, program):
    """Dask gives what an equal call has returned, as long as somebody holds that."""
    made = program(
        """
        import json, os
        from distributed import Client
        from weftline import Pipeline, node
        from weftline.backends.executor import ExecutorBackend

        @node
        def marks() -> int:
            with open(os.path.join(os.environ["MARKS"], "runs"), "a") as file:
                file.write("x")
            return 1

        if __name__ == "__main__":
            with Client(n_workers=1, threads_per_worker=1, dashboard_address=":0") as client:
                executor = client.get_executor()
                for _ in range(3):
                    Pipeline([marks]).run(backend=ExecutorBackend(executor, 1), home=None)
            print(json.dumps(len(open(os.path.join(os.environ["MARKS"], "runs")).read())))
        """
    )
    assert made.run() == 3
