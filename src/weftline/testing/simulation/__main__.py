"""Plays seeds from the command line, and tells the story of the first that breaks a rule."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from weftline.testing.simulation.draw import draw
from weftline.testing.simulation.story import broken_by, story, written
from weftline.testing.simulation.world import World


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0 if all rules are kept, else 1."""
    parser = argparse.ArgumentParser(prog="python -m weftline.testing.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many seeds are played")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first of them")
    parser.add_argument("--seed", type=int, help="play one seed, and tell its story")
    parser.add_argument("--quick", action="store_true", help="tell which rule is broken, without making the scenario smaller")
    asked = parser.parse_args(arguments)
    if asked.seed is not None:
        return _one(asked.seed)
    return _many(range(asked.first, asked.first + asked.seeds), quick=asked.quick)


def _one(seed: int) -> int:
    told = story(seed)
    if told:
        _say(told)
        return 1
    _say(written(draw(seed)) + "\n")
    World(draw(seed), _say).play()
    _say(f"\nseed {seed} keeps all rules")
    return 0


def _many(seeds: range, *, quick: bool) -> int:
    began, processor = time.perf_counter(), time.process_time()
    for at, seed in enumerate(seeds):
        broken = broken_by(draw(seed))
        if broken is not None:
            _say(f"seed {seed}, number {at + 1}, breaks the rule: {broken}")
            if not quick:
                _say(story(seed))
            return 1
    took_s, processor_s = time.perf_counter() - began, time.process_time() - processor
    rates = f"{len(seeds) / took_s:.0f} runs/s, {len(seeds) / processor_s:.0f} per second of processor time"
    _say(f"{len(seeds)} seeds keep all rules: {took_s:.1f} s, {rates}")
    return 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
