"""The suite of all backends, on executors of other packages; `make test-executors` installs those."""

from __future__ import annotations

import importlib.util
import shutil

import pytest

from weftline.backends.executor import ExecutorBackend
from weftline.testing import BackendContract


def needs(package):
    is_there = importlib.util.find_spec(package) is not None
    return pytest.mark.skipif(not is_there, reason=f"{package} is not installed: make test-executors")


@needs("loky")
class TestLoky(BackendContract):
    def backend(self, slots):
        from loky import ProcessPoolExecutor

        return ExecutorBackend(factory=lambda: ProcessPoolExecutor(slots), slots=slots)


@needs("distributed")
class TestDask(BackendContract):
    """One cluster for the whole suite: the executor stays its owner's, and outlives many backends."""

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def cluster(cls):
        from distributed import Client, LocalCluster

        with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster, Client(cluster) as client:
            cls.client = client
            yield

    def backend(self, slots):
        workers = list(self.client.ncores())[:slots]
        return ExecutorBackend(self.client.get_executor(workers=workers), slots)


@needs("distributed")
class TestDaskInOneProcess(BackendContract):
    """Workers that are threads of this process, as in notebooks."""

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def cluster(cls):
        from distributed import Client

        with Client(processes=False, n_workers=1, threads_per_worker=2, dashboard_address=":0") as client:
            cls.client = client
            yield

    def backend(self, slots):
        return ExecutorBackend(self.client.get_executor(), slots)


@needs("mpi4py")
@pytest.mark.skipif(shutil.which("mpiexec") is None, reason="there is no mpiexec: make test-executors")
class TestMpi(BackendContract):
    def backend(self, slots):
        from mpi4py.futures import MPIPoolExecutor

        return ExecutorBackend(factory=lambda: MPIPoolExecutor(slots), slots=slots)


#: What executorlib itself does with pydantic while it is imported.
WARNS = pytest.mark.filterwarnings(
    "ignore:`pydantic.config.Extra`:DeprecationWarning", "ignore:Support for class-based:DeprecationWarning"
)


@WARNS
@needs("executorlib")
class TestExecutorlib(BackendContract):
    """A process for each call."""

    def backend(self, slots):
        from executorlib import SingleNodeExecutor

        return ExecutorBackend(factory=lambda: SingleNodeExecutor(max_workers=slots), slots=slots)


@WARNS
@needs("executorlib")
class TestExecutorlibWithWorkers(BackendContract):
    """Processes that stay, one for each slot."""

    def backend(self, slots):
        from executorlib import SingleNodeExecutor

        return ExecutorBackend(SingleNodeExecutor(max_workers=slots, block_allocation=True))
