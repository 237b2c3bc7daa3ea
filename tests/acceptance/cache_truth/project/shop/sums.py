"""Means; the package hands one of them on under another name."""


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]
