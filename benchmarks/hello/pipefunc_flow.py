"""Hello through pipefunc, as a script; a run folder keeps the results."""

from pipefunc import Pipeline, pipefunc


@pipefunc("words")
def words() -> list[str]:
    return ["hello", "world"]


@pipefunc("line")
def line(words: list[str]) -> str:
    return " ".join(words)


@pipefunc("size")
def size(line: str) -> int:
    return len(line)


results = Pipeline([words, line, size]).map({}, run_folder="run", parallel=False, resume=True)
assert results["size"].output == 11
