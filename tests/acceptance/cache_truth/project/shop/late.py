"""What is imported inside a function."""


def stamp(count: int) -> str:
    return f"stamp {count + 81}"
