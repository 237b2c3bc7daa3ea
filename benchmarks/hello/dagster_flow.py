"""Hello through Dagster, for `dagster job execute`."""

from dagster import job, op


@op
def words() -> list[str]:
    return ["hello", "world"]


@op
def line(words: list[str]) -> str:
    return " ".join(words)


@op
def size(line: str) -> int:
    return len(line)


@job
def hello():
    size(line(words()))
