"""Prefect: each function is a task with the cache policy INPUTS + TASK_SOURCE, whose results are kept."""

from plain import given, nodes, tell
from prefect import flow, task
from prefect.cache_policies import INPUTS, TASK_SOURCE

cached = task(cache_policy=INPUTS + TASK_SOURCE, persist_result=True)
orders, prices, report = (cached(function) for function in nodes())


@flow
def shop() -> dict[str, str]:
    return report(prices(orders(**given())))


tell(shop())
