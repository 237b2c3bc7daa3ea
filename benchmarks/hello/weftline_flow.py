"""Hello through weftline."""

from weftline import Pipeline, node


@node(provides="words")
def words() -> list[str]:
    return ["hello", "world"]


@node(provides="line")
def line(words: list[str]) -> str:
    return " ".join(words)


@node(provides="size")
def size(line: str) -> int:
    return len(line)


pipeline = Pipeline([words, line, size])
