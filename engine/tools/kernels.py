"""Counts the kernels of a step and the bytes that they move, and bounds the time of a step by them.

Small networks are bound by launching kernels and by memory, not by arithmetic: docs/performance.md, "Share of the
bound".
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

_aten = torch.ops.aten
# Allocate memory, or read one number, without a kernel.
_NO_KERNEL = frozenset(
    {"empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided", "_local_scalar_dense", "is_pinned"}
)
# Overwrite their first argument without reading it.
_OVERWRITING = frozenset({"copy_", "fill_", "zero_", "normal_", "uniform_", "random_", "bernoulli_"})
# Batch norm reads its input twice: for the statistics, and to normalise; its gradient reads both inputs twice.
_READ_TWICE = {
    "native_batch_norm": 1,
    "_native_batch_norm_legit": 1,
    "cudnn_batch_norm": 1,
    "_batch_norm_with_update": 1,
    "native_batch_norm_backward": 2,
    "cudnn_batch_norm_backward": 2,
    "batch_norm_backward": 2,
}
_COPIED = 2**28  # bytes: far more than any cache holds
_NODES = 2000
_REPEATS = 5


class Kernels(TorchDispatchMode):
    """Counts the kernels of the calls inside the context, and the bytes of each.

    An operation of torch counts as one kernel, and each gradient of a convolution as one; views are free. Every operand
    is taken to be moved once, and nothing to be kept in a cache.

    Args:
        host: addresses of tensors on the host, whose values may be read.
        device: count only the kernels of this kind of device, such as ``cuda``; None counts all.

    Attributes:
        sizes: the bytes that each kernel moves.
        reads: the number of values that the host has read from the device.
    """

    def __init__(self, host: set[int] | None = None, device: str | None = None) -> None:
        super().__init__()
        self._host, self._device = host or set(), device
        self.sizes: list[int] = []
        self.reads = 0

    @property
    def count(self) -> int:
        """The number of kernels."""
        return len(self.sizes)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        results = func(*args, **kwargs)
        name = func._schema.name.rpartition("::")[2]
        if self._device and all(leaf.device.type != self._device for leaf in _tensors((args, kwargs, results))):
            return results
        if func is _aten._local_scalar_dense.default:
            self.reads += args[0].data_ptr() not in self._host
        elif func is _aten.convolution_backward.default:
            self.sizes += _of_gradients(args, results)
        elif func.namespace != "profiler" and name not in _NO_KERNEL and not _is_view(func):
            self.sizes.append(_moved(func, name, args, kwargs, results))
        return results


def _is_view(func: Any) -> bool:
    return any(out.alias_info is not None and not out.alias_info.is_write for out in func._schema.returns)


def _moved(func: Any, name: str, args: Any, kwargs: Any, results: Any) -> int:
    """Return the bytes that a kernel reads and writes."""
    given = [*zip(func._schema.arguments, args, strict=False)]
    given += [(argument, kwargs[argument.name]) for argument in func._schema.arguments if argument.name in kwargs]
    written = [leaf for argument, value in given if _is_written(argument) for leaf in _tensors(value)]
    # `ones_like` and its kind ask for a shape alone.
    unread = 1 if name in _OVERWRITING or name.endswith("_like") else 0
    read = [*_tensors((args[unread:], kwargs))]
    read += [*_tensors(args)][: _READ_TWICE.get(name, 0)]
    made = [leaf for leaf in _tensors(results) if all(leaf is not other for other in written)]
    return sum(map(_bytes, (*read, *written, *made)))


def _is_written(argument: Any) -> bool:
    return argument.alias_info is not None and argument.alias_info.is_write


def _of_gradients(args: Any, results: Any) -> Iterator[int]:
    """Yield the bytes of each gradient of a convolution: of its input, its kernel and its bias."""
    output, images, kernel = args[:3]
    for result, other in zip(results, (kernel, images, None), strict=True):
        if result is not None:
            yield _bytes(output) + _bytes(result) + (0 if other is None else _bytes(other))


def _tensors(tree: Any) -> Iterator[Tensor]:
    return (leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor))


def _bytes(tensor: Tensor) -> int:
    """Return the bytes of a tensor in memory; an expanded dimension is stored once."""
    count = tensor.element_size()
    for size, stride in zip(tensor.shape, tensor.stride(), strict=True):
        count *= size if stride else min(size, 1)
    return count


@dataclass(frozen=True)
class Machine:
    """What bounds small kernels on a device.

    Attributes:
        bandwidth: bytes read and written per second by a large copy.
        node_seconds: the time of the smallest kernel in a CUDA graph; of a call on a CPU.
        launch_seconds: the time of the smallest kernel if the host launches it.
    """

    bandwidth: float
    node_seconds: float
    launch_seconds: float = 0.0

    def bound(self, sizes: list[int]) -> float:
        """Return the least time of kernels one after the other, in seconds: sum(max(bytes / bandwidth, node time))."""
        return sum(max(size / self.bandwidth, self.node_seconds) for size in sizes)


def measure(device: torch.device) -> Machine:
    """Measure a device. Takes less than a second, and memory for two large tensors."""
    large, other = (torch.zeros(_COPIED, dtype=torch.uint8, device=device) for _ in range(2))
    seconds = _timed(lambda: other.copy_(large), device)
    small = torch.zeros(1, device=device)

    def nodes() -> None:
        for _ in range(_NODES):
            small.add_(1)

    launched = _timed(nodes, device)
    in_graph = _timed(_captured(nodes), device) if device.type == "cuda" else launched
    return Machine(2 * _COPIED / seconds, in_graph / _NODES, launched / _NODES)


def _captured(work: Callable[[], object]) -> Callable[[], object]:
    """Return the replay of a CUDA graph of this work."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    return graph.replay


def _timed(work: Callable[[], object], device: torch.device) -> float:
    """Return the median seconds of some work, after one repetition that does not count."""
    spent = []
    for _ in range(_REPEATS + 1):
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        began = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        spent.append(time.perf_counter() - began)
    return statistics.median(spent[1:])
