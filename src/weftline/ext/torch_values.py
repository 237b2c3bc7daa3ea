"""torch tensors and parameters: digested by content, stored as safetensors files, restored on the CPU. Extra: `torch`.

The format is https://huggingface.co/docs/safetensors/index#format: eight bytes of length, a JSON header, the numbers. The
header is written here, so that equal tensors give equal bytes, and the numbers are not copied on the way to the file.

What counts: type, shape, content, whether it is a parameter and whether it requires a gradient. What does not: the device and
the strides; what is restored lies on the CPU, row by row. torch has no read-only tensors. A restored one lies in a mapping of
its own, or in a copy, so that nobody who writes to it changes what is stored. One that is handed on in memory shares it.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
from typing import Any

import torch

from weftline.codec import Content, Pieces, sha256_of, whole
from weftline.errors import UndigestableError, UnencodableError

#: Content of more bytes is not put together in memory.
_APART_BYTES = 1 << 16
_ALIGNMENT = 64
#: A smaller content inside another one may begin anywhere.
_ALIGNED_FROM = 512
#: Names of types: https://github.com/huggingface/safetensors/blob/main/safetensors/src/tensor.rs
_NAMES = {
    "BOOL": "bool", "U8": "uint8", "I8": "int8", "I16": "int16", "U16": "uint16", "I32": "int32", "U32": "uint32",
    "I64": "int64", "U64": "uint64", "F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64",
    "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "C64": "complex64", "C128": "complex128",
}  # fmt: skip
#: Those that this version of torch has; `C128` is our own, for want of one in the format.
_TYPES = {name: getattr(torch, own) for name, own in _NAMES.items() if hasattr(torch, own)}
_BY_TYPE = {kind: name for name, kind in _TYPES.items()}


class TorchValues:
    """What `ports.plugins.ForeignValues` asks for."""

    name = "torch-safetensors"

    def owns(self, kind: type) -> bool:
        """Tensors and parameters; not modules, nor subclasses, which mean more than their numbers."""
        return kind in {torch.Tensor, torch.nn.Parameter}

    def digest(self, value: Any) -> bytes:
        """Over the file as it is stored."""
        try:
            return self.digest_from(value, sha256_of(self.encode(value)))
        except UnencodableError as error:
            raise UndigestableError(path=error.path, kind=error.kind, hint=error.hint) from None

    def digest_from(self, value: Any, encoded: bytes) -> bytes:
        """The same by way of the encoded bytes, which are equal for equal tensors."""
        del value
        return hashlib.sha256(b"torch/1\0" + encoded).digest()

    def encode(self, value: Any) -> Content:
        """A safetensors file with one tensor, called `tensor`."""
        fault = _fault(value)
        if fault is not None:
            raise UnencodableError(path="", kind=f"torch.{type(value).__name__} {fault[0]}", hint=fault[1])
        plain = value.detach().cpu().resolve_conj().resolve_neg().contiguous()
        size = plain.numel() * plain.element_size()
        form = {"form": type(value).__name__, "requires_grad": str(value.requires_grad)}
        tensor = {"dtype": _BY_TYPE[value.dtype], "shape": list(value.shape), "data_offsets": [0, size]}
        text = json.dumps({"__metadata__": form, "tensor": tensor}, separators=(",", ":")).encode()
        text += b" " * (-(8 + len(text)) % _ALIGNMENT)
        data = (plain.reshape(-1).view(torch.uint8).numpy().data,) if size else ()
        content = Pieces(struct.pack("<Q", len(text)), text, *data)
        return content if len(content) > _APART_BYTES else whole(content)

    def decode(self, content: bytes | memoryview) -> Any:
        """A tensor in the memory of the content if that is the reader's own, else in a copy of it."""
        try:
            (length,) = struct.unpack_from("<Q", content)
            header = json.loads(bytes(content[8 : 8 + length]))
            form, found = header["__metadata__"], header["tensor"]
            kind, shape, (start, end) = _TYPES[found["dtype"]], found["shape"], found["data_offsets"]
            if (
                min(shape, default=0) < 0
                or start
                or end != math.prod(shape) * kind.itemsize
                or end != len(content) - 8 - length
            ):
                raise ValueError("less or more than the header says")
            tensor = _filled(content, 8 + length, kind, math.prod(shape)).reshape(shape)
        except (KeyError, TypeError, struct.error) as error:
            raise ValueError(f"no safetensors file: {error}") from error
        if form["form"] == "Parameter":
            return torch.nn.Parameter(tensor, requires_grad=form["requires_grad"] == "True")
        return tensor.requires_grad_(form["requires_grad"] == "True")

    def freeze(self, value: Any) -> Any:
        """A tensor of the reader's own on the CPU; it shares its numbers, which torch cannot protect."""
        if _fault(value) is not None:
            return value  # it is refused where it is to be stored; who does not store it, hands it on as it is
        plain = value.detach().cpu()
        if isinstance(value, torch.nn.Parameter):
            return torch.nn.Parameter(plain, requires_grad=value.requires_grad)
        return plain.requires_grad_(value.requires_grad)

    def advice(self, kind: type) -> str | None:
        """For modules and optimizers."""
        if issubclass(kind, (torch.nn.Module, torch.optim.Optimizer)):
            return "hand on what it has learnt: return module.state_dict(), declared as dict[str, torch.Tensor]"
        if issubclass(kind, torch.Tensor):
            return f"a {kind.__name__} is more than its numbers: hand on a plain tensor"
        return None


def _fault(value: Any) -> tuple[str, str] | None:
    """What of a tensor has no place in the file, and what to do about it."""
    if value.requires_grad and not value.is_leaf:
        return "that is the result of a computation with gradients", "detach() it"
    if value.is_leaf and value.grad is not None:
        return "with a gradient", "detach() it, or set its grad to None"
    if value.layout is not torch.strided:
        return f"of the layout {value.layout}", "call to_dense()"
    if value.device.type == "meta":
        return "on the device meta, without content", "make it on another device"
    if value.dtype not in _BY_TYPE:
        return f"of type {value.dtype}", "convert it with to(dtype=...)"
    return None


def _filled(content: bytes | memoryview, start: int, kind: Any, count: int) -> Any:
    if not count:
        return torch.empty(0, dtype=kind)
    memory = memoryview(content)
    if memory.readonly or len(memory) < _ALIGNED_FROM:
        return torch.frombuffer(bytearray(memory[start:]), dtype=kind, count=count)
    return torch.frombuffer(memory, dtype=kind, count=count, offset=start)


VALUES = TorchValues()
