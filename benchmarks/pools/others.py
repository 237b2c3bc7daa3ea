"""Other pools, as their documentation shows them: one call submitted at a time, all awaited."""

from __future__ import annotations

from concurrent.futures import Executor, Future, ProcessPoolExecutor
from typing import Any

import calls


class OfExecutor:
    """Anything with the interface of `concurrent.futures`, which has no way to stop a call but `cancel`."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    def doubled(self, count: int) -> int:
        return sum(future.result() for future in [self._executor.submit(calls.double, number) for number in range(count)])

    def naps(self, count: int) -> None:
        for future in [self._executor.submit(calls.nap, number) for number in range(count)]:
            future.result()

    def start(self, folder: str) -> Future[int]:
        return self._executor.submit(calls.goes_on, folder)

    def stop(self, call: Future[int]) -> None:
        call.cancel()

    def close(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)


class OfDask:
    """`dask.compute` with its scheduler of processes; it takes whole graphs and stops none."""

    def __init__(self, workers: int) -> None:
        import dask

        self._executor = ProcessPoolExecutor(workers)
        self._with = {"scheduler": "processes", "pool": self._executor}
        self._dask = dask

    def doubled(self, count: int) -> int:
        return sum(self._dask.compute(*[self._dask.delayed(calls.double)(number) for number in range(count)], **self._with))

    def naps(self, count: int) -> None:
        self._dask.compute(*[self._dask.delayed(calls.nap)(number) for number in range(count)], chunksize=1, **self._with)

    def close(self) -> None:
        self._executor.shutdown()


class OfDistributed:
    """A local cluster of processes with one thread each."""

    def __init__(self, workers: int) -> None:
        from distributed import Client

        self._client = Client(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None)

    def doubled(self, count: int) -> int:
        return sum(self._client.gather([self._client.submit(calls.double, number, pure=False) for number in range(count)]))

    def naps(self, count: int) -> None:
        self._client.gather([self._client.submit(calls.nap, number, pure=False) for number in range(count)])

    def start(self, folder: str) -> Any:
        return self._client.submit(calls.goes_on, folder, pure=False)

    def stop(self, call: Any) -> None:
        self._client.cancel([call], force=True)

    def close(self) -> None:
        self._client.shutdown()


class OfRay:
    """Tasks of one processor each."""

    def __init__(self, workers: int) -> None:
        import ray

        ray.init(num_cpus=workers, include_dashboard=False, logging_level="error", log_to_driver=False)
        self._ray = ray
        self._double, self._nap, self._goes_on = (ray.remote(found) for found in (calls.double, calls.nap, calls.goes_on))

    def doubled(self, count: int) -> int:
        return sum(self._ray.get([self._double.remote(number) for number in range(count)]))

    def naps(self, count: int) -> None:
        self._ray.get([self._nap.remote(number) for number in range(count)])

    def start(self, folder: str) -> Any:
        return self._goes_on.remote(folder)

    def stop(self, call: Any) -> None:
        self._ray.cancel(call, force=True)

    def close(self) -> None:
        self._ray.shutdown()


def stdlib(workers: int) -> OfExecutor:
    return OfExecutor(ProcessPoolExecutor(workers))


def loky(workers: int) -> OfExecutor:
    from loky import get_reusable_executor

    return OfExecutor(get_reusable_executor(workers))
