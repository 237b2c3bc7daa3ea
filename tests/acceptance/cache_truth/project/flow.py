"""Three nodes: orders are read, priced, and summed up. Each line of a node uses one thing that an edit of the table changes."""

import os
from pathlib import Path

import shop.limits
import shop.words as phrases
import tariffs
from shop import average, classes, functions, kinds, values
from shop.orders import Order, read
from shop.trace import ran

from weftline import Pipeline, env, node

SHARE = 6
SEASONS = {"spring": [3, 4, 5], "autumn": [9, (10, 11)]}


def clip(value: int) -> int:
    """A helper in the module of the node."""
    return min(value, SHARE)


def unused(value: int) -> int:
    return value + 1


@node(provides="orders", version="1", depends=[Path("data/closed.txt"), Path("data/zones")])
def orders(source: Path = Path("data/orders.csv"), limit: int = 4) -> list[Order]:
    """Reads what is open."""
    ran("orders")
    closed = Path("data/closed.txt").read_text().split()
    zones = sorted(file.read_text().strip() for file in Path("data/zones").iterdir())
    found = [order for order in read(source) if order.item not in closed]
    return [Order(order.item, order.count, zones[order.count % len(zones)]) for order in found][:limit]


@node(provides="prices")
def prices(orders: list[Order]) -> dict[str, float]:
    """One figure for each thing that the functions and classes below compute."""
    ran("prices")
    count = sum(order.size() for order in orders)
    total = clip(count) * 2 + SEASONS["autumn"][0]
    return {
        "zones": float(sum(len(order.zone) for order in orders)),
        "total": float(total),
        **{name: float(figure) for name, figure in functions.figures(count).items()},
        **{name: float(figure) for name, figure in classes.figures(count).items()},
        **{name: float(figure) for name, figure in values.figures(count).items()},
        **{name: float(figure) for name, figure in kinds.figures(count).items()},
    }


@node(provides="report", depends=[env("CURRENCY")])
def report(prices: dict[str, float], title: str = "Today") -> dict[str, str]:
    """The prices in words."""
    from shop.late import stamp

    ran("report")

    def line(name: str) -> str:
        return f"{name}: {prices[name]:.2f}"

    return {
        "title": f"{title} {os.environ['CURRENCY']}",
        "lines": "; ".join(line(name) for name in prices),
        "mean": f"{average(list(prices.values())):.3f}",
        "limit": str(shop.limits.LARGE),
        "greeting": phrases.greeting(len(prices)),
        "stamp": stamp(len(prices)),
        "duty": str(tariffs.duty(len(prices))),
        "shade": os.environ.get("SHADE", "light"),
        "slogan": Path("data/slogan.txt").read_text().strip(),
    }


pipeline = Pipeline([orders, prices, report])
