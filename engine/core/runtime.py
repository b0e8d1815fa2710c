"""The machine of a run: device, threads, precision, determinism, and every random generator."""

from __future__ import annotations

import contextlib
import os
import platform
import resource
from typing import Any

import torch

from engine.core.seeds import named_generator
from runs.errors import EnvironmentLacksError


class Runtime:
    """Sets up the process for a run. Create it first, before any tensor.

    Args:
        device: ``cpu`` or ``cuda:i``.
        seed: of the run; every generator is seeded from it and a name.
        threads: the number of CPU threads.
        precision: ``float32`` or ``bfloat16`` (autocast around the network).
        channels_last: memory order of images and kernels.
        deterministic: use algorithms that return the same bits every time, if there is one. On a GPU some of them are
            slower, such as the backward pass of an indexed read; on a CPU nothing changes.
        tf32: convolutions in float32 on CUDA may round their inputs to the 11 bits of TF32. Matrix products never do.
        cudnn_benchmark: cuDNN times its algorithms on each new shape and takes the fastest, which may be another one in
            the next process. Not used in a deterministic run.

    Raises:
        EnvironmentLacksError: torch cannot use the device.
    """

    def __init__(
        self,
        *,
        device: str,
        seed: int,
        threads: int,
        precision: str,
        channels_last: bool,
        deterministic: bool = True,
        tf32: bool = True,
        cudnn_benchmark: bool = True,
    ) -> None:
        self.device = torch.device(device)
        self.seed = seed
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self.deterministic = deterministic
        self._precision = precision
        self._autocast = precision == "bfloat16"
        self._generators: dict[str, torch.Generator] = {}
        if self.device.type == "cuda":
            # cuBLAS is deterministic only with a fixed workspace, set before CUDA starts.
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
            if not torch.cuda.is_available() or (self.device.index or 0) >= torch.cuda.device_count():
                raise EnvironmentLacksError(
                    f"Torch {torch.__version__} cannot use the device '{device}'.", "See `nastui doctor`."
                )
            torch.cuda.set_device(self.device)
        torch.set_num_threads(threads)
        # The same as `use_deterministic_algorithms(..., warn_only=True)`, which also imports the compiler: a second.
        torch.set_deterministic_debug_mode("warn" if deterministic else "default")
        # This mode would fill every new tensor, a needless pass over memory: none is read before it is written.
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        torch.backends.cudnn.allow_tf32 = tf32
        torch.backends.cudnn.benchmark = cudnn_benchmark and not deterministic
        torch.manual_seed(seed)

    def generator(self, name: str) -> torch.Generator:
        """Return the CPU generator with this name; its draws do not depend on those of any other."""
        if name not in self._generators:
            self._generators[name] = named_generator(self.seed, name)
        return self._generators[name]

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        """Return the context for the forward pass of a network."""
        if not self._autocast:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)

    def memory(self) -> int:
        """Return the peak memory in bytes: of the GPU, or of this process on a CPU."""
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if platform.system() == "Darwin" else peak * 1024

    def memory_share(self, limit: float = 0.0) -> float:
        """Return the largest share of the memory that this process has used, 0..1 or more.

        Args:
            limit: the memory that may be used, in GiB; 0 for all of the device.
        """
        if self.device.type == "cuda":
            whole = limit * 2**30 or torch.cuda.get_device_properties(self.device).total_memory
            return torch.cuda.max_memory_reserved(self.device) / whole
        whole = limit * 2**30 or os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return self.memory() / whole

    def free_cache(self) -> None:
        """Return unused memory to the device."""
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def forget_peak(self) -> None:
        """Restart the measurement of the peak memory. On a CPU the peak of a process cannot be reset."""
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)

    def environment(self) -> dict[str, Any]:
        """Return what a reader must know about this machine to judge a result."""
        cuda = self.device.type == "cuda"
        of_cuda = {"tf32": torch.backends.cudnn.allow_tf32, "cudnn_benchmark": torch.backends.cudnn.benchmark}
        return {
            "device": str(self.device),
            "device_name": torch.cuda.get_device_name(self.device) if cuda else platform.processor() or "cpu",
            "torch": torch.__version__,
            "cuda": torch.version.cuda if cuda else None,
            "threads": torch.get_num_threads(),
            "python": platform.python_version(),
            "host": platform.node(),
            "precision": self._precision,
            "channels_last": self.memory_format is torch.channels_last,
            "deterministic": self.deterministic,
            **(of_cuda if cuda else {}),
        }

    def state(self) -> dict[str, Any]:
        """Return the state of every generator."""
        state: dict[str, Any] = {
            "global": torch.get_rng_state(),
            "named": {name: generator.get_state() for name, generator in self._generators.items()},
        }
        if self.device.type == "cuda":
            state["cuda"] = torch.cuda.get_rng_state(self.device)
        return state

    def load(self, state: dict[str, Any]) -> None:
        """Restore every generator from a saved state."""
        torch.set_rng_state(state["global"])
        for name, saved in state["named"].items():
            self.generator(name).set_state(saved)
        if self.device.type == "cuda" and "cuda" in state:
            torch.cuda.set_rng_state(state["cuda"], self.device)
