"""The field that selects a device: the devices, their load, and the runs that use them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from runs.formatting import count, gigabytes
from runs.home import short_id
from runs.machine.devices import Gpu
from runs.machine.meters import Machine
from screens.formatting import clean
from screens.models.forms import FieldView

_HELP = "The device that computes; auto takes the first GPU, or the CPU if there is none."
_UNUSED = 0.02  # the driver itself uses about this share of the memory


@dataclass(frozen=True)
class Devices:
    """The devices of this machine.

    Attributes:
        machine: the last measurement; None before the first.
        users: by device, the runs of the store that compute on it.
    """

    machine: Machine | None = None
    users: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def gpus(self) -> dict[str, Gpu]:
        """The GPUs by name."""
        return {f"cuda:{gpu.index}": gpu for gpu in self.machine.gpus} if self.machine else {}

    def card(self, device: str) -> str:
        """Return the model of a GPU; empty for a CPU."""
        return self.gpus[device].name if device in self.gpus else ""

    def view(self, typed: str | None) -> FieldView:
        """Return the field as it is now; ``typed`` is None if nothing was selected."""
        chosen = typed or "auto"
        device = chosen
        if chosen == "auto":
            device = next(iter(self.gpus), "cpu")
        notes = self._state(device) if self.machine else []
        if chosen == "auto" and self.machine:
            notes.insert(0, f"is {device}")
        return FieldView(
            "device",
            "run",
            chosen,
            typed is not None,
            tuple(notes),
            self._help(device),
            ("auto", "cpu", *self.gpus),
            warning=self._warning(device),
        )

    def _state(self, device: str) -> list[str]:
        """Return the load of a device."""
        if (gpu := self.gpus.get(device)) is not None:
            busy = [] if gpu.busy is None else [f"{gpu.busy} % busy"]
            return [*busy, f"{gigabytes(gpu.used)} of {gigabytes(gpu.total)}"]
        if device != "cpu" or self.machine is None:
            return []
        load = [] if self.machine.load is None else [f"load {self.machine.load:.1f}"]
        return [*load, f"{count(self.machine.cores, 'core')}"]

    def _help(self, device: str) -> str:
        """Return a description of every device: the selected one in full, the others so short that eight fit."""
        if self.machine is None:
            return _HELP
        chosen = [part for part in (clean(self.card(device)), *self._state(device)) if part]
        parts = [f"{device}: {', '.join([*chosen, *self._runs(device)])}"]
        for name in (*self.gpus, "cpu"):
            if name != device:
                parts.append(", ".join([f"{name} {self._briefly(name)}", *self._runs(name)]))
        return " · ".join(parts)

    def _briefly(self, device: str) -> str:
        gpu = self.gpus.get(device)
        if gpu is None:
            return " of ".join(self._state(device))
        if not gpu.busy and gpu.used < _UNUSED * gpu.total:
            return "idle"
        busy = "" if gpu.busy is None else f"{gpu.busy} % "
        return f"{busy}{gpu.used / 1e9:.0f}/{gpu.total / 1e9:.0f} GB"

    def _runs(self, device: str) -> list[str]:
        return [f"run {short_id(run)}" for run in self.users.get(device, ())]

    def _warning(self, device: str) -> str:
        runs = [short_id(run) for run in self.users.get(device, ())]
        if not runs:
            return ""
        one = len(runs) == 1
        named = ", ".join(runs[:3]) + (f" and {len(runs) - 3} more" if len(runs) > 3 else "")
        busy = f"run {named} is" if one else f"runs {named} are"
        return f"{busy} computing on {device}: every run on it will be slower"
