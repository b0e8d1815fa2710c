"""A pretended GPU: tensors that say ``cuda:0``, compute on the CPU, and refuse to mix with tensors of the CPU.

It finds on any machine what otherwise only a GPU would: a tensor left on the wrong device, a random number drawn from a
generator of the host, code for CUDA alone that cannot run. It does not know CUDA's kernels, streams and memory; a
captured step is simply repeated. To torch's own C++ the tensors are the CPU's, as autograd would ask a GPU for its
stream, so ``torch.autocast`` does nothing here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map

from engine.core import cuda_graphs
from runs.machine import devices

GPU = torch.device("cuda:0")
CPU = torch.device("cpu")
NAME, MEMORY = "a pretended GPU", 80 * 2**30
COPIES = {"aten::copy_", "aten::_to_copy"}
INDEXED = {"aten::index", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_"}
# These return what is not a tensor.
READS = {"aten::_local_scalar_dense", "aten::equal"}


class PretendedTensor(Tensor):
    """A tensor of the pretended GPU.

    Attributes:
        on_host: the tensor of the CPU that has its content.
    """

    on_host: Tensor
    # The properties of the class Tensor cannot be overridden in the eyes of mypy.
    device = property(lambda self: GPU)  # type: ignore[assignment]
    is_cuda = property(lambda self: True)  # type: ignore[assignment]
    is_cpu = property(lambda self: False)  # type: ignore[assignment]
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, on_host: Tensor) -> Self:
        size, strides = on_host.size(), on_host.stride()
        made: Self = Tensor._make_wrapper_subclass(cls, size, strides, on_host.storage_offset(), dtype=on_host.dtype)
        made.on_host = on_host
        return made

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return call(func, args, kwargs or {})

    def __repr__(self, **options: Any) -> str:
        return f"on {GPU}: {self.on_host}"

    def get_device(self) -> int:
        """Return the number of the GPU."""
        return 0

    def data_ptr(self) -> int:
        """Return the address of the content."""
        return self.on_host.data_ptr()

    def tolist(self) -> Any:
        """Return the content as lists of numbers."""
        return self.on_host.tolist()

    def numpy(self, **options: Any) -> Any:
        """Raise the error of a GPU."""
        raise TypeError("can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() to copy the tensor first.")

    def pin_memory(self, *_: Any) -> Tensor:
        """Raise the error of a GPU."""
        raise RuntimeError("cannot pin 'torch.cuda.FloatTensor' only dense CPU tensors can be pinned")

    def cpu(self, *_: Any, **options: Any) -> Tensor:
        """Return a copy on the CPU."""
        return self.to(CPU)

    def to(self, *args: Any, **options: Any) -> Tensor:
        """Return this tensor on another device, of another type or in another order; itself if nothing differs."""
        if isinstance(like := options.pop("other", args[0] if args else None), Tensor):
            args = (like.device, like.dtype)
        copied = options.pop("copy", False)
        device, dtype, _, form = torch._C._nn._parse_to(*args, **options)  # type: ignore[attr-defined]
        dtype = dtype or self.dtype
        if device is not None and device.type == "cpu":
            return torch.ops.aten._to_copy.default(self, device=CPU, dtype=dtype)  # type: ignore[no-any-return]
        ordered = form in (None, torch.preserve_format) or self.is_contiguous(memory_format=form)
        if dtype == self.dtype and ordered and not copied:
            return self
        return torch.ops.aten._to_copy.default(self, dtype=dtype, memory_format=form)  # type: ignore[no-any-return]

    def new_tensor(self, data: Any, **options: Any) -> Tensor:
        """Return data as a tensor of this device and type."""
        return torch.tensor(data, **{"dtype": self.dtype, "device": GPU} | options)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if id(self) not in memo:
            new: Tensor = PretendedTensor(self.on_host.detach().clone())
            if isinstance(self, nn.Parameter):
                new = nn.Parameter(new, requires_grad=self.requires_grad)
            memo[id(self)] = new.requires_grad_(self.requires_grad)
            new.grad = None if self.grad is None else self.grad.__deepcopy__(memo)
        found: Tensor = memo[id(self)]
        return found

    def __reduce_ex__(self, protocol: Any) -> Any:
        # A checkpoint is read to the CPU.
        return self.on_host.detach().clone().__reduce_ex__(protocol)


def call(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Call an operator of torch with tensors of which some are on the pretended GPU.

    Raises:
        RuntimeError: tensors of both devices meet, as a GPU's error.
    """
    name = func._schema.name
    leaves = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    there = [leaf for leaf in leaves if isinstance(leaf, PretendedTensor)]
    # Single numbers may be on the CPU, and so may the indices of a read.
    here = [leaf for leaf in leaves if leaf.dim() and not isinstance(leaf, PretendedTensor)]
    if there and here and name not in COPIES and not (name in INDEXED and isinstance(args[0], PretendedTensor)):
        shapes = ", ".join(str(tuple(leaf.shape)) for leaf in here)
        raise RuntimeError(f"{name}: all tensors must be on cuda:0, but these are on the CPU: {shapes}.")
    if there and kwargs.get("generator") is not None:
        raise RuntimeError(f"{name}: the generator is the CPU's.")
    device = kwargs.get("device")
    if device is not None:
        kwargs = kwargs | {"device": CPU}
    if device is None or (there and in_backward()):  # there torch itself asks for the device that it sees
        stays = bool(there) if name != "aten::copy_" else isinstance(args[0], PretendedTensor)
    else:
        stays = is_gpu(device)
    found = func(*tree_map(on_host, args), **tree_map(on_host, kwargs))
    if name in READS:
        return found
    if not stays:
        return args[0] if name == "aten::copy_" else found
    found = tree_map(on_gpu, found)
    return return_and_correct_aliasing(func, args, kwargs, found) if there else found


def on_host(leaf: Any) -> Any:
    """Return the content of a tensor of the pretended GPU; everything else as it is."""
    return leaf.on_host if isinstance(leaf, PretendedTensor) else leaf


def on_gpu(leaf: Any) -> Any:
    """Return a tensor of the CPU as one of the pretended GPU; everything else as it is."""
    return PretendedTensor(leaf) if type(leaf) is Tensor else leaf


def in_backward() -> bool:
    """Return whether autograd is computing gradients."""
    return torch._C._current_graph_task_id() != -1


def is_gpu(device: Any) -> bool:
    """Return whether that is the pretended GPU."""
    return device is not None and torch.device(device).type == "cuda"


class Factories(TorchDispatchMode):
    """Makes new tensors on the pretended GPU, if they are to be there."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if is_gpu(kwargs.get("device")) or any(issubclass(each, PretendedTensor) for each in types):
            return call(func, args, kwargs)
        found = func(*args, **kwargs)
        if in_backward() and not any(isinstance(leaf, Tensor) for leaf in tree_leaves((args, kwargs))):
            return tree_map(on_gpu, found)  # zeros in the place of a gradient
        return found


class Repeater:
    """Captures a step by keeping it: see :class:`engine.core.cuda_graphs.Recorder`."""

    def __init__(self, device: torch.device) -> None:
        assert is_gpu(device)

    def warm_up(self, step: cuda_graphs.Step) -> None:
        """Run a step."""
        step()

    def capture(self, step: cuda_graphs.Step) -> cuda_graphs.Step:
        """Return the step itself."""
        return step

    def release(self) -> None:
        """Nothing is held."""


class Stream:
    """The only stream."""

    def is_capturing(self) -> bool:
        """Return False: a capture runs nothing here."""
        return False


class Properties:
    """The properties of the pretended GPU."""

    name, total_memory = NAME, MEMORY


def nothing(*_: Any) -> None:
    """Do nothing."""


@contextmanager
def pretended_gpu() -> Iterator[None]:
    """In this context, this process has one GPU, which is pretended."""
    # The first mode of a process imports it, and it would take the answers below for torch's own functions.
    import torch._dynamo

    with pytest.MonkeyPatch.context() as patch:
        answers: dict[str, Callable[..., Any]] = {
            "is_available": lambda: True,
            "device_count": lambda: 1,
            "get_device_name": lambda *_: NAME,
            "get_device_properties": lambda *_: Properties,
            "max_memory_allocated": lambda *_: MEMORY // 80,
            "max_memory_reserved": lambda *_: MEMORY // 80,
            "get_rng_state": lambda *_: torch.get_rng_state(),
            "set_rng_state": lambda state, *_: torch.set_rng_state(state),
            "manual_seed_all": nothing,
            **dict.fromkeys(("_lazy_init", "set_device", "synchronize", "empty_cache"), nothing),
            **dict.fromkeys(("reset_peak_memory_stats", "set_sync_debug_mode"), nothing),
        }
        for name, answer in answers.items():
            patch.setattr(torch.cuda, name, answer)
        patch.setattr(torch.accelerator, "current_stream", lambda *_: Stream())
        patch.setattr(Tensor, "pin_memory", lambda self, *_: self)
        patch.setattr(cuda_graphs, "CudaRecorder", Repeater)
        patch.setattr(devices, "gpus", lambda: [devices.Gpu(0, NAME, 0, MEMORY, 0)])
        patch.setattr(nn.Module, "load_state_dict", copying(nn.Module.load_state_dict))
        lifted = torch._C._only_lift_cpu_tensors()
        torch._C._set_only_lift_cpu_tensors(True)  # `torch.tensor` asks for the device only after that
        torch.__future__.set_swap_module_params_on_conversion(True)  # a parameter changes its class
        try:
            with Factories():
                yield
        finally:
            torch.__future__.set_swap_module_params_on_conversion(False)
            torch._C._set_only_lift_cpu_tensors(lifted)


def copying(load: Callable[..., Any]) -> Callable[..., Any]:
    """Return a way to load a state that copies it, as usual: LSTMs cannot exchange their parameters."""

    def loading(*args: Any, **options: Any) -> Any:
        torch.__future__.set_swap_module_params_on_conversion(False)
        try:
            return load(*args, **options)
        finally:
            torch.__future__.set_swap_module_params_on_conversion(True)

    return loading
