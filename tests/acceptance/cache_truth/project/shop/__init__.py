"""A shop: what the nodes of the flow are made of."""

from shop.sums import mean as average

__all__ = ["average"]
