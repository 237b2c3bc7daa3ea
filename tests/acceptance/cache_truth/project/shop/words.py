"""Phrases, for a module that is imported under another name."""


def greeting(count: int) -> str:
    return f"{count} prices"


def farewell(count: int) -> str:
    return f"{count} more tomorrow"
