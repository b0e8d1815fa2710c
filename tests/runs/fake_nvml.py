"""A fake of pynvml, the driver's interface: GPUs whose memory a test decides."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace


class NVMLError(Exception):
    pass


class Driver(ModuleType):
    """Stands in for the module.

    Args:
        used: the bytes in use on each GPU; a test may change them.
        total: the bytes of each GPU.
    """

    NVMLError = NVMLError
    idle = True

    def __init__(self, used: list[int], total: int) -> None:
        super().__init__("pynvml")
        self.open = 0
        self.used, self.total = used, total

    def nvmlInit(self) -> None:
        self.open += 1

    def nvmlShutdown(self) -> None:
        self.open -= 1

    def nvmlDeviceGetCount(self) -> int:
        return len(self.used)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        return index

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> SimpleNamespace:
        return SimpleNamespace(used=self.used[handle], total=self.total)

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> SimpleNamespace:
        if not self.idle:
            raise NVMLError
        return SimpleNamespace(gpu=50)

    def nvmlDeviceGetName(self, handle: int) -> str:
        return f"card {handle}"
