"""torch tensors: digests by content, safetensors and back, in the memory of the content where it is the reader's own."""

import collections
import hashlib
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: `make test-torch` installs it and runs these")

import safetensors.torch  # noqa: E402

from weftline import Pipeline, node  # noqa: E402
from weftline.codec import Codec, Encoded, Pieces, whole  # noqa: E402
from weftline.digest import of  # noqa: E402
from weftline.errors import UndigestableError, UnencodableError, WeftlineError  # noqa: E402
from weftline.ext.torch_values import VALUES  # noqa: E402
from weftline.ports.plugins import InstalledValues  # noqa: E402

FOREIGN = InstalledValues()
KINDS = [
    torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.uint16, torch.uint32, torch.uint64,
    torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64, torch.float8_e4m3fn, torch.float8_e5m2,
]  # fmt: skip


def bits(tensor):
    return tensor.detach().contiguous().reshape(-1).view(torch.uint8)


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("shape", [(), (6,), (2, 3), (0,), (2, 0)], ids=str)
def test_tensors_come_back_and_safetensors_reads_them(kind, shape):
    tensor = torch.arange(int(np.prod(shape)), dtype=torch.float32).reshape(shape).to(kind)
    content = VALUES.encode(tensor)
    for again in (VALUES.decode(content), safetensors.torch.load(content)["tensor"]):
        assert (type(again), again.dtype, again.shape) == (torch.Tensor, kind, tensor.shape)
        assert torch.equal(bits(again), bits(tensor))
    assert VALUES.digest(VALUES.decode(content)) == VALUES.digest(tensor)


def test_complex_numbers_of_two_doubles_come_back():
    tensor = torch.tensor([1 + 2j], dtype=torch.complex128)
    assert torch.equal(VALUES.decode(VALUES.encode(tensor)), tensor)


BASE = torch.arange(24.0).reshape(4, 6)
EQUAL = {
    "copy": (BASE, BASE.clone()),
    "columns": (BASE[:, ::2], BASE[:, ::2].clone()),
    "transposed": (BASE.T, BASE.T.contiguous()),
    "channels last": (
        torch.arange(24.0).reshape(1, 2, 3, 4).to(memory_format=torch.channels_last),
        torch.arange(24.0).reshape(1, 2, 3, 4),
    ),
    "conjugated": (torch.tensor([1 + 2j]).conj(), torch.tensor([1 - 2j])),
    "repeated": (torch.ones(1).expand(3), torch.ones(3)),
}


@pytest.mark.parametrize("pair", EQUAL.values(), ids=EQUAL)
def test_how_a_tensor_lies_in_memory_does_not_count(pair):
    assert VALUES.digest(pair[0]) == VALUES.digest(pair[1])
    assert torch.equal(VALUES.decode(VALUES.encode(pair[0])), pair[1])


def test_all_of_these_differ():
    values = [
        torch.zeros(3), torch.zeros(4), torch.zeros(3, 1), torch.zeros(0), torch.zeros(()), torch.zeros(3, dtype=torch.float64),
        torch.zeros(3, dtype=torch.int32), torch.zeros(12, dtype=torch.uint8), torch.tensor([0, 0, -0.0]), torch.ones(3),
        torch.zeros(3, requires_grad=True), torch.nn.Parameter(torch.zeros(3)),
        torch.nn.Parameter(torch.zeros(3), requires_grad=False), torch.zeros(3, dtype=torch.bfloat16),
        torch.zeros(3, dtype=torch.float16), torch.tensor([float("nan")]),
    ]  # fmt: skip
    assert len(set(map(VALUES.digest, values))) == len(values)
    assert of(torch.zeros(3), FOREIGN.digester) != of(np.zeros(3, "f4"), FOREIGN.digester)


@pytest.mark.parametrize("requires_grad", [True, False])
def test_parameters_and_leaves_come_back_as_such(requires_grad):
    for value in (torch.nn.Parameter(torch.ones(2), requires_grad), torch.ones(2, requires_grad=requires_grad)):
        for again in (VALUES.decode(VALUES.encode(value)), VALUES.freeze(value)):
            assert type(again) is type(value)
            assert again.requires_grad is requires_grad
            assert again.is_leaf


REFUSED = {
    "a result with gradients": lambda: torch.ones(2, requires_grad=True) * 2,
    "sparse": lambda: torch.eye(2).to_sparse(),
    "without content": lambda: torch.empty(2, device="meta"),
}


def with_gradient():
    value = torch.nn.Parameter(torch.ones(2))
    value.sum().backward()
    return value


@pytest.mark.parametrize("make", [*REFUSED.values(), with_gradient], ids=[*REFUSED, "gradient"])
def test_what_is_more_than_its_numbers_is_refused_with_advice(make):
    value = make()
    with pytest.raises(UnencodableError) as caught:
        VALUES.encode(value)
    assert caught.value.hint
    with pytest.raises(UndigestableError):
        VALUES.digest(value)
    assert VALUES.freeze(value) is value


def test_a_large_tensor_is_stored_from_its_memory_and_restored_in_that_of_the_file():
    large = torch.arange(300_000.0)
    pieces = VALUES.encode(large)
    assert isinstance(pieces, Pieces)
    assert any(np.shares_memory(np.frombuffer(part, "u1"), large.numpy()) for part in pieces.parts)
    mapped = bytearray(whole(pieces))
    again = VALUES.decode(memoryview(mapped))
    assert np.shares_memory(again.numpy(), np.frombuffer(mapped, "u1"))
    assert torch.equal(again, large)
    assert VALUES.digest_from(large, hashlib.sha256(mapped).digest()) == VALUES.digest(large)


def test_bytes_that_others_read_too_are_not_written_to():
    content = whole(VALUES.encode(torch.arange(300_000.0)))
    before = bytes(bytearray(content))
    VALUES.decode(content)[:] = 7
    VALUES.decode(memoryview(content))[:] = 7
    assert content == before


def test_a_tensor_that_is_written_to_does_not_change_what_is_stored(tmp_path):
    @node(provides="weights")
    def weights() -> torch.Tensor:
        return torch.arange(600_000.0)

    pipeline = Pipeline([weights])
    pipeline.run(home=tmp_path / "home")
    stored = pipeline.run(home=tmp_path / "home")
    assert stored.steps["weights"].cached
    stored["weights"].zero_()
    again = pipeline.run(home=tmp_path / "home")
    assert again.steps["weights"].cached
    assert torch.equal(again["weights"], torch.arange(600_000.0))


def test_a_state_dict_comes_back_with_its_versions_and_loads():
    def model():
        return torch.nn.Sequential(torch.nn.Linear(700, 600), torch.nn.BatchNorm1d(600))

    state = model().state_dict()
    codec = Codec(dict[str, torch.Tensor], FOREIGN)
    encoded = codec.encode(state)
    assert isinstance(encoded.content, Pieces)
    assert any(np.shares_memory(np.frombuffer(part, "u1"), state["0.weight"].numpy()) for part in encoded.content.parts)
    mapped = bytearray(whole(encoded.content))
    again = codec.decode(Encoded("tree", memoryview(mapped)))
    assert type(again) is collections.OrderedDict
    assert list(again) == list(state)
    assert vars(again) == vars(state)
    assert all(torch.equal(again[name], state[name]) for name in state)
    assert np.shares_memory(again["0.weight"].numpy(), np.frombuffer(mapped, "u1"))
    model().load_state_dict(again)
    assert of(again, FOREIGN.digester) == of(state, FOREIGN.digester)


def test_a_module_is_refused_with_advice_before_anything_runs(tmp_path):
    @node(provides="model")
    def train() -> torch.nn.Linear:
        raise AssertionError("it must not run")

    with pytest.raises(WeftlineError, match=r"state_dict\(\)"):
        Pipeline([train]).run(home=tmp_path)
    with pytest.raises(UnencodableError, match=r"state_dict\(\)") as caught:
        Codec(dict[str, Any], FOREIGN).encode({"m": [torch.nn.Linear(1, 1)]})
    assert caught.value.path == "value['m'][0]"


DAMAGED = {
    "nothing": b"",
    "length alone": b"\xff" * 8,
    "text": b"x" * 80,
    "end cut": VALUES.encode(BASE)[:-1],
    "header cut": VALUES.encode(BASE)[:40],
    "too long": VALUES.encode(BASE) + b"x",
    "another shape": VALUES.encode(BASE).replace(b"[4,6]", b"[4,7]"),
    "negative": VALUES.encode(BASE).replace(b"[4,6]", b"[-4,-6]"),
    "unknown type": VALUES.encode(BASE).replace(b"F32", b"F31"),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_damage_is_a_value_error(content):
    with pytest.raises(ValueError):
        VALUES.decode(content)


GOLDEN = {
    "floats": (torch.arange(6.0).reshape(2, 3), "30a5872362acdb21"),
    "bfloat16": (torch.arange(3).to(torch.bfloat16), "fb84ab2a18a2240e"),
    "parameter": (torch.nn.Parameter(torch.ones(2)), "8d76c787e56d776b"),
    "scalar": (torch.tensor(3), "242f4fd714c61075"),
}


@pytest.mark.parametrize(("value", "digest"), GOLDEN.values(), ids=GOLDEN)
def test_digests_do_not_move_between_versions(value, digest):
    assert VALUES.digest(value).hex()[:16] == digest
