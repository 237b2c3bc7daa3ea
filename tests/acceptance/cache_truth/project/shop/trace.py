"""Says which nodes ran, so that nobody's word has to be taken for it."""

import os
from pathlib import Path


def ran(name: str) -> None:
    with Path(os.environ["RAN"]).open("a") as file:
        file.write(f"{name}\n")
