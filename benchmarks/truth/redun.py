"""redun: each function is a task; files are redun.File and Dir among its arguments; the database is a file."""

import logging
from pathlib import Path

from plain import given, nodes, tell
from redun import File, Scheduler, task
from redun.config import Config

logging.disable(logging.WARNING)
Path(".redun").mkdir(exist_ok=True)
orders, prices, report = (task(namespace="shop")(function) for function in nodes())
params = {name: File(str(value)) if isinstance(value, Path) else value for name, value in given().items()}
scheduler = Scheduler(config=Config({"backend": {"db_uri": "sqlite:///.redun/redun.db"}}))
scheduler.load()
tell(scheduler.run(report(prices(orders(**params)))))
