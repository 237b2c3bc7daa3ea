"""Equal values have one digest however they are made, and no two others share one: hundreds of thousands of near misses.

`WEFTLINE_DIGEST_VALUES=5000000 pytest tests/property/test_digest_pairs.py` tries millions.
"""

import hashlib
import itertools
import os
import random
from collections.abc import Iterator

import pydantic
import pytest
from tests.property.digest_values import BUILDERS, FAMILIES, NOTHING, Random, Spec, arrays, build, leaf, stream

from weftline.digest import of
from weftline.ports.plugins import InstalledValues

VALUES = int(os.environ.get("WEFTLINE_DIGEST_VALUES", "200_000"))


class Model(pydantic.BaseModel):
    x: object
    y: object


class Other(Model):
    pass


def models(rng: Random) -> Iterator[Spec]:
    x, y = leaf(rng), leaf(rng)
    for one, two in ((x, y), (y, x), (x, NOTHING)):
        yield from (("model", name, one, two) for name in ("Model", "Other"))
        yield ("instance", "Left", one, two)


def a_model(rng: Random, name: str, x: Spec, y: Spec) -> Model:
    first, second = build(x, rng), build(y, rng)
    kind = {"Model": Model, "Other": Other}[name]
    return kind(x=first, y=second) if rng.random() < 0.5 else kind.model_validate({"y": second, "x": first})


BUILDERS["model"] = a_model


def values() -> Iterator[Spec]:
    return stream(20261120, [*FAMILIES, *FAMILIES, arrays, models])


def name_of(spec: Spec) -> bytes:
    return hashlib.blake2b(repr(spec).encode("utf-8", "surrogatepass"), digest_size=16).digest()


@pytest.mark.timeout(60 + VALUES // 2_000)
def test_no_two_values_share_a_digest_and_equal_ones_always_do():
    digester = InstalledValues().digester
    rng = random.Random(7)
    names: dict[bytes, bytes] = {}  # by digest; the specifications of millions would fill the memory
    for spec in values():
        name = name_of(spec)
        digest = of(build(spec, rng), digester)
        if names.setdefault(digest, name) != name:
            other = next(spec for spec in values() if name_of(spec) == names[digest])
            pytest.fail(f"one digest for two values:\n{spec}\n{other}")
        if name[0] < 128:  # half of them is made again, in another way
            assert of(build(spec, rng), digester) == digest, f"another digest for the same value: {spec}"
        if len(names) == VALUES:
            break


def test_every_kind_of_value_is_tried():
    seen: set[object] = set()
    for spec in itertools.islice(values(), 20_000):
        todo = [spec]
        while todo:
            part = todo.pop()
            if isinstance(part, tuple):
                seen.add(part[0] if part and isinstance(part[0], str) else None)
                todo.extend(part[1:] if part and isinstance(part[0], str) else part)
    assert set(BUILDERS) <= seen


def test_what_is_built_twice_is_built_in_different_ways():
    spec = (
        "set",
        *(("str", f"word {number}") for number in range(100)),
    )  # so many that some meet in the table, whatever the seed
    assert len({tuple(build(spec, random.Random(seed))) for seed in range(40)}) > 1
    spec = ("dict", *((("int", number), NOTHING) for number in range(9)))
    assert len({tuple(build(spec, random.Random(seed))) for seed in range(40)}) > 1
    spec = ("array", "<i8", (2, 2), False, bytes(32))
    assert len({build(spec, random.Random(seed)).strides for seed in range(40)}) > 1
