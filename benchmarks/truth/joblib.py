"""joblib.Memory: each function is cached by its arguments and its source."""

from joblib import Memory
from plain import given, nodes, tell

memory = Memory(".joblib", verbose=0)
orders, prices, report = (memory.cache(function) for function in nodes())
tell(report(prices(orders(**given()))))
