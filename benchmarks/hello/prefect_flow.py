"""Hello through Prefect, as a script."""

from prefect import flow, task


@task
def words() -> list[str]:
    return ["hello", "world"]


@task
def line(words: list[str]) -> str:
    return " ".join(words)


@task
def size(line: str) -> int:
    return len(line)


@flow
def hello() -> int:
    return size(line(words()))


if __name__ == "__main__":
    assert hello() == 11
