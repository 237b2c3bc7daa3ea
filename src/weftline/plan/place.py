"""Whether the chosen backend can do what the nodes ask for; asked before anything runs."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator

from weftline.digest.origin import main_file
from weftline.errors import HardTimeoutError, NoDeviceError, TooLargeRequestError, UnshippableNodeError, WeftlineError
from weftline.model.graph import Graph
from weftline.model.node import NodeSpec
from weftline.ports.backend import Capabilities


def misfits(graph: Graph, selected: Iterable[int], backend: str, capabilities: Capabilities) -> Iterator[WeftlineError]:
    """Findings for nodes that the backend cannot run as they want."""
    fitting: set[tuple[int, int]] = set()  # by address: nodes of large graphs share what they ask for, and the graph holds it
    for number in selected:
        node = graph.nodes[number]
        asked = id(node.policy), id(node.resources)
        if asked not in fitting:
            found = list(_too_much(node, backend, capabilities))
            yield from found
            if not found:
                fitting.add(asked)
        if capabilities.ships:
            yield from _unshippable(node, backend)


def _too_much(node: NodeSpec, backend: str, capabilities: Capabilities) -> Iterator[WeftlineError]:
    """What a node's policy and resources ask for, and the backend does not have."""
    timeout_s = node.policy.timeout_s
    if timeout_s is not None and not capabilities.can_kill:
        yield HardTimeoutError(node=node.name, timeout_s=timeout_s, backend=backend, place=node.place)
    asked = node.resources
    if asked.cpu > capabilities.slots:
        request, room = f"{asked.cpu:g} CPU", f"{capabilities.slots} slots"
        yield TooLargeRequestError(node=node.name, asked=request, backend=backend, available=room, place=node.place)
    for name, amount in asked.tags.items():
        there = capabilities.named.get(name, 0.0)
        if amount > there:
            room = f"{there:g}" if there else f"none: run with --resource {name}=N"
            request = f"{amount:g} {name}"
            yield TooLargeRequestError(node=node.name, asked=request, backend=backend, available=room, place=node.place)
    if asked.gpu:
        yield from _without_device(node, backend, capabilities)
    if asked.memory_gb is not None and asked.memory_gb > capabilities.memory_gb:
        request, room = f"{asked.memory_gb:g} GiB of memory", f"{capabilities.memory_gb:.1f}"
        yield TooLargeRequestError(node=node.name, asked=request, backend=backend, available=room, place=node.place)


def _without_device(node: NodeSpec, backend: str, capabilities: Capabilities) -> Iterator[WeftlineError]:
    """Whether the GPUs that a call wants are there: it never runs without."""
    asked, devices = node.resources, capabilities.devices
    if not devices and not capabilities.sets_env:
        yield NoDeviceError(node=node.name, detail=f"backend {backend!r} cannot give a call GPUs of its own", place=node.place)
    elif not devices:
        yield NoDeviceError(node=node.name, detail="no GPU is found here", place=node.place)
    elif asked.gpu > len(devices):
        request = f"{asked.gpu:g} GPUs"
        yield TooLargeRequestError(
            node=node.name, asked=request, backend=backend, available=str(len(devices)), place=node.place
        )
    elif asked.gpu_memory_gb:
        able = [device for device in devices if not device.memory_gb or device.memory_gb >= asked.gpu_memory_gb]
        if len(able) < asked.gpu:
            room = f"{', '.join(f'{device.memory_gb:.1f}' for device in devices)}"
            request = f"{asked.gpu_memory_gb:g} GiB of GPU memory"
            yield TooLargeRequestError(node=node.name, asked=request, backend=backend, available=room, place=node.place)


def _unshippable(node: NodeSpec, backend: str) -> Iterator[WeftlineError]:
    """Whether a node's code can be named to another process."""
    root = node.body.root
    module = getattr(root, "__module__", None) or type(root).__module__
    if module == "__main__" and main_file() is None:
        detail = "it is defined in a shell or a notebook, which no other process can import"
        yield UnshippableNodeError(node=node.name, backend=backend, detail=detail, place=node.place)
        return
    try:
        pickle.dumps(node.body)
    except Exception as error:  # noqa: BLE001 - classes may refuse to be pickled with any error; all mean the same here
        yield UnshippableNodeError(node=node.name, backend=backend, detail=str(error), place=node.place)
