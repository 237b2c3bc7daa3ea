"""Broken manifests without end: sound ones are spoilt, in their structure and in their text, and all of them are looked at.

    python -m tests.property.manifest_fuzz --minutes 10 --seed 1

Whatever a file holds, it is loaded or refused with places, soon and in little memory. An input that breaks that rule is kept.
"""

from __future__ import annotations

import argparse
import copy
import json
import random
import resource
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.unit.author.manifest import test_check, test_older

from weftline import node
from weftline.author.group import PipelineGroup
from weftline.author.manifest.load import load_manifest
from weftline.author.manifest.located import read
from weftline.author.manifest.migrate import migrated
from weftline.author.manifest.source import text_of
from weftline.author.manifest.written import flow
from weftline.author.registry import Registry
from weftline.errors import (
    CannotMigrateError,
    InvalidPipelineError,
    TargetNotFoundError,
    UnreadableManifestError,
    WeftlineError,
)

CPU_S = 1.0
GROWTH_MB = 100
OLDER = [test_older.GROUP, test_older.TWO_PHASE, test_older.INLINE, test_older.POLICIES, test_older.HEADER]
SEEDS = [*test_check.SOUND.values(), *OLDER]
WORDS = sorted({word for text in SEEDS for word in text.replace(":", " ").replace("{", " ").replace(",", " ").split()})


VALUES = [document.value for text in SEEDS for document in read(text, "seed")[0]]


class Raw(str):
    """Text that is written as it is."""


def registry() -> Registry:
    """Names that the sound manifests speak of."""
    found = Registry()

    @node(provides="text")
    def made(size: int = 1, region: str = "eu", level: int = 1) -> str:
        return region * size * level

    @node(requires={"text": "text"}, provides="chunks")
    def cut(text: str, size: int = 3) -> list[str]:
        return [text] * size

    for name in ("papers.fetch", "documents.ingest", "documents.download"):
        found.nodes.add(name, made)
    for name in ("papers.cut", "papers.put", "documents.chunk", "documents.index"):
        found.nodes.add(name, cut)
    for name in ("sales.pull", "sales.clean", "y"):
        found.pipelines.add(name, made)
    for name in ("sales.load", "sales.report"):
        found.groups.add(name, PipelineGroup(name).add("pull", "sales.pull"))
    return found


# --- how manifests are spoilt -------------------------------------------------------------------------------------


def strange(rng: random.Random) -> Any:
    """A value that nobody expects."""
    depth, size = rng.choice([3, 60, 70, 1000]), rng.choice([10, 400, 5000, 30_000])
    return rng.choice(
        [
            None,
            True,
            -1,
            0,
            10 ** rng.randrange(400),
            rng.random() * 10 ** rng.randrange(-300, 300),
            "",
            "x" * size,
            rng.choice(WORDS),
            "{{ params." + rng.choice(["x", "", "x }}{{ params.y", "params"]) + " }}",
            "\x85\u2028\ufeff\U0001f600",
            [],
            {},
            [None] * min(size, 400),
            {"a": {"b": [{}]}},
            Raw("[" * depth + "]" * depth),
            Raw("{a: " * depth + "1" + "}" * depth),
            Raw("[" * depth),
            Raw("0x" + "f" * size),
            Raw("9" * size),
            Raw(f"1e{size}"),
            Raw(".nan"),
            Raw("-.inf"),
            Raw("&a [1, *a]"),
            Raw("&b {x: 1}"),
            Raw("*b"),
            Raw("*nobody"),
            Raw("!!python/object/apply:os.system [id]"),
            Raw("!!binary aGk="),
            Raw("!!set {a, b}"),
            Raw("!mine x"),
            Raw("{<<: {a: 1}}"),
            Raw("{1: 2, 1: 3, [a]: b, {c: d}: e, ~: f}"),
            Raw("2026-01-05"),
            Raw("'it''s'"),
            Raw('"\\x00\\ud800\\U0010ffff"'),
            Raw("|\n    text\n"),
            Raw("? a\n: b"),
        ]
    )


def turned(value: Any, rng: random.Random) -> Any:
    """The same in another order, with strange values where every value is allowed."""
    if isinstance(value, dict):
        names = list(value)
        rng.shuffle(names)
        found = {name: turned(value[name], rng) for name in names}
        for name in {"params", "defaults", "config"} & found.keys():
            plain = [each for each in (strange(rng) for _ in range(5)) if not isinstance(each, Raw)]
            found[name] = {**found[name], rng.choice(["region", "size", "level"]): rng.choice([*plain, "a\nb", "x: y # z"])}
        return found
    return [turned(each, rng) for each in value] if isinstance(value, list) else value


def commented(text: str, rng: random.Random) -> str:
    """The text with comments and empty lines."""
    lines = []
    for line in text.split("\n"):
        if rng.random() < 0.2:
            lines.append(rng.choice(["", "# above", " " * (len(line) - len(line.lstrip())) + "# in it: [x"]))
        lines.append(line + rng.choice(["", "", "", "  # behind", " # a # b"]))
    return "\n".join(lines)


def parts(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of everything in a value."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, each in inner:
        yield from parts(each, (*path, step))


def spoil(value: Any, others: list[Any], rng: random.Random) -> Any:
    """The value with one mistake in its structure."""
    paths = list(parts(value))[1:]
    if not paths:
        return strange(rng)
    path = rng.choice(paths)
    around = value
    for step in path[:-1]:
        around = around[step]
    step = path[-1]
    kind = rng.randrange(8)
    if kind == 0:
        around[step] = strange(rng)
    elif kind == 1:
        around.pop(step)
    elif kind == 2 and isinstance(around, dict):
        around[rng.choice([*WORDS, step[:-1], step + "s", step.upper(), "", "a.b", "é", "0"])] = around.pop(step)
    elif kind == 3 and isinstance(around, list):
        around.extend(copy.deepcopy(around[step]) for _ in range(rng.choice([1, 3, 100])))
    elif kind == 4:
        other = rng.choice(others)
        where = rng.choice(list(parts(other)))
        for each in where:
            other = other[each]
        around[step] = copy.deepcopy(other)
    elif kind == 5 and isinstance(around, dict):
        around |= {f"k{number}": strange(rng) for number in range(rng.choice([1, 5, 50]))}
    elif kind == 6:
        around[step] = {"a": around[step]} if rng.random() < 0.5 else [around[step]]
    else:
        around[step] = rng.choice(WORDS)
    return value


def text_for(value: Any, rng: random.Random, indent: int = 0) -> str:
    """A value as YAML, in one of its styles."""
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, dict) and value and rng.random() < 0.7:
        space = "\n" + " " * indent
        return "".join(f"{space}{_key(key, rng)}: {text_for(each, rng, indent + 2)}" for key, each in value.items())
    if isinstance(value, list) and value and rng.random() < 0.7:
        space = "\n" + " " * indent
        return "".join(f"{space}- {text_for(each, rng, indent + 2)}" for each in value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(key, rng)}: {_inline(each, rng)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_inline(each, rng) for each in value) + "]"
    return str(value) if rng.random() < 0.1 else flow(value)


def _inline(value: Any, rng: random.Random) -> str:
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(key, rng)}: {_inline(each, rng)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_inline(each, rng) for each in value) + "]"
    return flow(value)


def _key(key: str, rng: random.Random) -> str:
    return (
        str(key)
        if rng.random() < 0.98
        else rng.choice([f"? {key}\n", f"!!str {key}", f"&k {key}", f'"{key}"', "*k", "<<", "null"])
    )


def scratch(text: str, rng: random.Random) -> str:
    """The text with a few mistakes in its letters and lines."""
    for _ in range(rng.choice([0, 0, 1, 1, 2, 5])):
        at, lines = rng.randrange(len(text) + 1), text.split("\n")
        line = rng.randrange(len(lines))
        kind = rng.randrange(7)
        if kind == 0:
            text = text[:at] + rng.choice(list(":{}[],&*#?|->!%@`'\"\\\t\n\r\x00\x07\x85\u2028\ufeff \u00a0")) + text[at:]
        elif kind == 1:
            text = text[:at] + text[at + rng.choice([1, 3, 30]) :]
        elif kind == 2:
            text = "\n".join([*lines[:line], *lines[line : line + 1] * rng.choice([2, 50]), *lines[line + 1 :]])
        elif kind == 3:
            text = "\n".join([*lines[:line], " " * rng.choice([1, 2, 100]) + lines[line], *lines[line + 1 :]])
        elif kind == 4:
            text = text[:at]
        elif kind == 5:
            text = "\n".join([*lines[:line], rng.choice(["---", "...", "%YAML 1.1", "# x", "<<: *b", ""]), *lines[line:]])
        else:
            text = text[:at] + text_for(strange(rng), rng) + text[at:]
    return text


def bomb(rng: random.Random) -> str:
    """Anchors that repeat each other."""
    width, depth = rng.choice([2, 5, 10, 100]), rng.choice([3, 10, 50])
    lines = [f"a0: &a0 [{', '.join(['x'] * width)}]"]
    lines += [f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * width)}]" for at in range(1, depth)]
    return "\n".join(lines)


def crowd(rng: random.Random) -> str:
    """Many of one thing, most of them wrong."""
    count = rng.choice([100, 1000, 3000])
    text = rng.choice(SEEDS)
    lines = text.splitlines()
    listed = [line for line in lines if line.lstrip().startswith("- ")] or lines[-1:]
    extra = [
        rng.choice(listed).replace("name: ", f"name: n{number}").replace("type", rng.choice(["type", "tpye"]))
        for number in range(count)
    ]
    at = lines.index(listed[-1]) + 1
    return "\n".join([*lines[:at], *extra, *lines[at:]])


def mutant(seed: int) -> bytes:
    """A file; the same for the same seed."""
    rng = random.Random(seed)
    kind = rng.random()
    if kind < 0.03:
        return rng.randbytes(rng.choice([1, 20, 500, 5000]))
    if kind < 0.05:
        return bomb(rng).encode()
    if kind < 0.07:
        return scratch(crowd(rng), rng).encode("utf-8", "surrogatepass")
    chosen = rng.sample(SEEDS, rng.choice([1, 1, 1, 2]))
    texts = []
    for text in chosen:
        (document,) = read(text, "seed")[0]
        if rng.random() < 0.3:
            texts.append(text)
            continue
        value = document.value
        if rng.random() < 0.3:
            texts.append(commented(text_for(turned(copy.deepcopy(value), rng), rng).lstrip("\n"), rng))
            continue
        for _ in range(rng.choice([1, 1, 2, 4, 10])):
            value = spoil(value, VALUES, rng) if isinstance(value, (dict, list)) else strange(rng)
        texts.append(json.dumps(value, default=str) if rng.random() < 0.05 else text_for(value, rng).lstrip("\n"))
    text = scratch("\n---\n".join(texts) + "\n", rng)
    encoding = rng.choice(["utf-8"] * 30 + ["utf-8-sig", "utf-16", "utf-32-be", "latin-1"])
    return text.encode(encoding, "replace")


# --- what is asked of each -----------------------------------------------------------------------------------------

REGISTRY = registry()


def looked_at(data: bytes, file: Path) -> str:
    """Loads a file, composes what it declares, and rewrites it.

    Returns:
        In a word what became of it.

    Raises:
        AssertionError: a finding has no place.
        Exception: whatever else was raised is a fault.
    """
    file.write_bytes(data)
    try:
        made = load_manifest(file, registry=REGISTRY)
        assert made.graph.nodes
        word = "older" if made.notes else "loaded"
    except TargetNotFoundError:
        word = "nothing"
    except InvalidPipelineError as error:
        check_findings(error.findings)
        word = "refused"
    try:
        text = text_of(file)
        again = migrated(text, str(file), REGISTRY.nodes.names)
        assert bool(again.notes) == (again.text != text)
    except InvalidPipelineError as error:
        check_findings(error.findings)
    except UnreadableManifestError:
        pass
    except CannotMigrateError:  # directives between documents, and the like
        word = "kept"
    return word


def check_findings(findings: Sequence[WeftlineError]) -> None:
    """There are some, each with its place, and short enough to be read."""
    assert findings
    for found in findings:
        assert found.place is not None, f"no place: {found.code}"
        assert found.message, found.code
        assert found.fix, found.code
        assert all(len(line) < 5_000 for line in found.lines()), f"too long: {found.code}"


class TooLongError(Exception):
    """The input keeps us busy."""


def main() -> int:
    """Looks at files until the time is over."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--minutes", type=float, default=1.0)
    asked.add_argument("--seed", type=int, default=0, help="of the first file")
    asked.add_argument("--only", action="store_true", help="look at one file alone, and show it")
    options = asked.parse_args()

    def ring(*_: Any) -> None:
        raise TooLongError

    signal.signal(signal.SIGVTALRM, ring)
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    counts: Counter[str] = Counter()
    faults = 0
    with TemporaryDirectory() as folder:
        file = Path(folder) / "a.yaml"
        for text in SEEDS:
            looked_at(text.encode(), file)
        if options.only:
            sys.stdout.buffer.write(mutant(options.seed))
        end, seed, slowest = time.monotonic() + 60 * options.minutes, options.seed, 0.0
        while time.monotonic() < end:
            data = mutant(seed)
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            signal.setitimer(signal.ITIMER_VIRTUAL, 10 * CPU_S)
            began = time.process_time()
            try:
                word = looked_at(data, file)
                taken = time.process_time() - began
                grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
                slowest = max(slowest, taken)
                if taken > CPU_S or grown > GROWTH_MB:
                    word = "fault"
                    print(f"seed {seed}: {taken:.2f} s, {grown:.0f} MB, {len(data)} bytes")
            except Exception as error:
                word = "fault"
                print(f"seed {seed}: {type(error).__name__}: {str(error)[:200]}")
            finally:
                signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            faults += word == "fault"
            counts[word] += 1
            seed += 1
            if options.only:
                break
    print(
        f"{sum(counts.values())} files from seed {options.seed}: {dict(counts.most_common())}; at most {slowest:.2f} s of CPU"
    )
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
